"""A connection to the Music Player Daemon (https://mpd.readthedocs.io/en/stable/protocol.html).

Not python-mpd2: when MPD goes away, its asyncio client raises out of a callback, and its blocking one leaves
half-written buffers behind that raise later, wherever they are collected.
"""

import asyncio
import contextlib
import re

from services.player.backends.base import AwayError

ANSWER_S = 5.0
PERMISSION = 4
NO_EXIST = 50
"""MPD's ACK_ERROR_PERMISSION and ACK_ERROR_NO_EXIST: not allowed; no such song."""

_ACK = re.compile(r"ACK \[(\d+)@\d+\] \{\w*\} ?(.*)")


class MpdError(AwayError):
    """MPD refused a command: with an MPD that does, nothing can be played.

    Attributes:
        code: MPD's own, `NO_EXIST` among them.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class MpdLink:
    """One connection, one command list at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int, password: str | None) -> "MpdLink":
        """Connect and sign in.

        Raises:
            OSError: Nothing answers, or what answers is no MPD.
            MpdError: The password is wrong or missing.
        """
        async with asyncio.timeout(ANSWER_S):
            link = cls(*await asyncio.open_connection(host, port))
            try:
                await link._greet()
                await link.ask(*([("password", password)] if password else []), ("status",))
            except BaseException:
                await link.close()
                raise
        return link

    async def ask(self, *commands: tuple[str, ...]) -> dict[str, str]:
        """Have commands done in one go; return the answer's `key: value` lines.

        Raises:
            MpdError: One of them was refused; those after it were not done.
            OSError: The connection broke, or there was no answer in time.
        """
        lines = ["command_list_begin", *(" ".join((name, *map(_quoted, rest))) for name, *rest in commands)]
        try:
            self._writer.write("\n".join([*lines, "command_list_end", ""]).encode())
        except UnicodeError as error:
            raise MpdError(0, "its name is not UTF-8, and MPD takes no other; rename the file") from error
        answer: dict[str, str] = {}
        async with asyncio.timeout(ANSWER_S):
            while line := (await self._line()).decode(errors="replace").rstrip("\n"):
                if line == "OK":
                    return answer
                if refused := _ACK.match(line):
                    raise _error(int(refused[1]), refused[2])
                key, _, value = line.partition(": ")
                answer[key] = value
        raise ConnectionError("MPD closed the connection")

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ValueError as error:
            raise ConnectionError("it sends a line that is too long for MPD") from error

    async def _greet(self) -> None:
        if not (await self._line()).startswith(b"OK MPD "):
            raise ConnectionError("what answers there is no MPD")

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def _error(code: int, text: str) -> MpdError:
    if code == PERMISSION:
        text += "; name a password that allows it, as in mpd://password@host (setting player.backend)"
    return MpdError(code, text)


def _quoted(argument: str) -> str:
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
