"""A connection to the Music Player Daemon, on python-mpd2's blocking client in threads."""

import asyncio
import contextlib

import mpd

ANSWER_S = 5.0
NO_EXIST = mpd.FailureResponseCode.NO_EXIST
"""No such song."""


class MpdError(Exception):
    """MPD refused a command.

    Attributes:
        code: MPD's own, `NO_EXIST` among them.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class MpdLink:
    """One connection, one command list at a time."""

    def __init__(self, client: mpd.MPDClient) -> None:
        self._client = client

    @classmethod
    async def open(cls, host: str, port: int, password: str | None) -> "MpdLink":
        """Connect and sign in.

        Raises:
            OSError: Nothing answers, or what answers is no MPD.
            MpdError: The password is wrong or missing.
        """
        link = cls(mpd.MPDClient())
        link._client.timeout = ANSWER_S
        try:
            await asyncio.to_thread(link._connect, host, port)
            await link.ask(*([("password", password)] if password else []), ("status",))
        except BaseException:
            await link.close()
            raise
        return link

    async def ask(self, *commands: tuple[str, ...]) -> dict[str, str]:
        """Have commands done in one go; return the answers' keys and values.

        Raises:
            MpdError: One of them was refused; those after it were not done.
            OSError: The connection broke, or there was no answer in time.
        """
        return await asyncio.to_thread(self._ask, commands)

    async def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError, mpd.MPDError):
            await asyncio.to_thread(self._client.disconnect)

    def _connect(self, host: str, port: int) -> None:
        try:
            self._client.connect(host, port)
        except mpd.MPDError as error:
            raise ConnectionError(f"what answers there is no MPD ({error})") from error

    def _ask(self, commands: tuple[tuple[str, ...], ...]) -> dict[str, str]:
        try:  # before anything is sent: a list that breaks off would leave the connection in the middle of it
            "".join(argument for command in commands for argument in command).encode()
        except UnicodeError as error:
            raise MpdError(0, "its name is not UTF-8, and MPD takes no other; rename the file") from error
        try:
            self._client.command_list_ok_begin()
            for name, *arguments in commands:
                getattr(self._client, name)(*arguments)
            answers = self._client.command_list_end()
        except mpd.CommandError as error:
            raise MpdError(error.errno or 0, error.msg or str(error)) from error
        except mpd.MPDError as error:
            raise ConnectionError(f"MPD closed the connection ({error})") from error
        # `addid` answers with the bare id, `update` with the job's, `status` with a mapping.
        merged: dict[str, str] = {}
        for (name, *_), answer in zip(commands, answers, strict=True):
            merged |= answer if isinstance(answer, dict) else {name: str(answer)}
        return merged
