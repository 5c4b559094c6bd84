"""Plays with an mpv process of our own, over its JSON IPC (https://mpv.io/manual/stable/#json-ipc)."""

import asyncio
import contextlib
import json
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from services.player.backends.base import BACKOFF_S, AwayError, Capability, Observation, Sound
from services.runtime.backoff import Backoff
from services.runtime.service import SetupError

log = logging.getLogger(__name__)

ANSWER_S = 5.0
"""mpv answers within milliseconds; one that does not is stuck."""
STABLE_S = 10.0
"""A process that lived this long was started well."""
END_S = 1.0
LINE_BYTES = 1 << 20
OPTIONS = (
    "--idle=yes", "--no-config", "--no-terminal", "--no-video", "--audio-display=no", "--no-ytdl", "--load-scripts=no",
    "--audio-fallback-to-null=yes", "--audio-client-name=moodring", "--input-default-bindings=no",
)  # fmt: skip
"""Nothing of the user's own mpv, and silence rather than an error where no sound device is."""


class MpvError(AwayError):
    """What mpv answered instead of success."""


class MpvBackend:
    """Owns the process. mpv holds one end of a socket pair, so that it ends with us, however we end.

    Args:
        url: `mpv:`, or `mpv:?ao=null` and the like for an audio output of mpv's list (`mpv --ao=help`).
    """

    name = "mpv"
    capabilities = frozenset({Capability.VOLUME})

    def __init__(self, url: str = "mpv:") -> None:
        query = parse_qs(urlsplit(url).query)
        if unknown := set(query) - {"ao"}:
            raise SetupError(f"the setting player.backend is wrong: mpv knows `ao=`, not {min(unknown)!r}")
        self._options = (*OPTIONS, *(f"--ao={ao}" for ao in query.get("ao", ())))
        self._writer: asyncio.StreamWriter | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._requests = 0
        self._loaded: dict[int, UUID] = {}
        self._begun = 0
        self._observation = Observation()
        self._why = "mpv is starting"
        self._wake: Callable[[], None] = lambda: None

    async def run(self, wake: Callable[[], None]) -> None:
        """Start the process, and start it again whenever it ends."""
        self._wake = wake
        backoff = Backoff(*BACKOFF_S)
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                self._why = await self._live()
            except OSError as error:
                self._why = f"mpv could not be started: {error.strerror}"
            except ValueError as error:
                self._why = f"mpv says what we do not understand: {error}"
            if loop.time() - started > STABLE_S:
                backoff.reset()
            log.warning("%s; it is started again", self._why)
            wake()
            await asyncio.sleep(backoff.next_s())

    async def load(self, sound: Sound, position_s: float, *, playing: bool) -> None:
        """Replace what mpv plays."""
        self._observation, self._loaded = Observation(sound.play_id), {}
        await self._ask(["set_property", "pause", not playing])
        entry = await self._ask(  # by name: the order of its arguments changed with mpv 0.38
            {"name": "loadfile", "url": str(sound.path), "flags": "replace", "options": {"start": f"{position_s:.3f}"}}
        )
        self._loaded = {entry["playlist_entry_id"]: sound.play_id}

    async def pause(self, *, paused: bool) -> None:
        """Set mpv's pause."""
        await self._ask(["set_property", "pause", paused])

    async def set_volume(self, volume: int) -> None:
        """Set mpv's own volume; the machine's is not touched."""
        await self._ask(["set_property", "volume", volume])

    async def stop(self) -> None:
        """Empty mpv."""
        self._observation, self._loaded = Observation(), {}
        await self._ask(["stop"])

    async def observe(self) -> Observation:
        """Ask mpv where it is."""
        try:
            position_s: float | None = max(0.0, float(await self._ask(["get_property", "time-pos"])))
        except MpvError:
            position_s = None
        # mpv takes its time to change songs: until then the position is that of the one before.
        return replace(self._observation, position_s=position_s if self._begun in self._loaded else None)

    async def _live(self) -> str:
        """Run one process; return how it ended."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    "mpv",
                    *self._options,
                    f"--input-ipc-client=fd://{theirs.fileno()}",
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for us; mpv ends when we say so
                )
            try:
                reader, self._writer = await asyncio.open_connection(sock=ours, limit=LINE_BYTES)
                self._wake()
                await self._read(reader)
            finally:
                self._part()
                await _end(process)
        return f"mpv ended with code {process.returncode}"

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if "event" in message:
                self._on_event(message)
            elif answer := self._answers.pop(message.get("request_id", 0), None):
                _settle(answer, message)
                await asyncio.sleep(0)  # who asked knows the answer before the events that follow it

    def _on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "start-file":
            self._begun = event["playlist_entry_id"]
        if event["event"] != "end-file" or event.get("playlist_entry_id") not in self._loaded:
            return
        play_id = self._loaded[event["playlist_entry_id"]]
        if event["reason"] == "eof":
            self._observation = Observation(play_id, ended=True)
        elif event["reason"] == "error":
            self._observation = Observation(play_id, error=f"mpv: {event.get('file_error', 'unknown error')}")
        self._wake()

    def _part(self) -> None:
        """Forget the process: it knows nothing any more."""
        if self._writer:
            self._writer.close()
        self._writer = None
        self._observation, self._loaded = Observation(), {}
        for answer in self._answers.values():
            _settle(answer, None)
        self._answers.clear()

    async def _ask(self, command: dict[str, Any] | list[Any]) -> Any:
        if self._writer is None:
            raise AwayError(self._why)
        self._requests = number = self._requests + 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        line = json.dumps({"command": command, "request_id": number}, ensure_ascii=False)
        try:
            self._writer.write(f"{line}\n".encode(errors="surrogateescape"))
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError as error:
            if self._writer:
                self._writer.close()  # ends this mpv, so that another one is started
            raise AwayError("mpv does not answer") from error
        finally:
            self._answers.pop(number, None)


def _settle(answer: asyncio.Future[Any], message: dict[str, Any] | None) -> None:
    if answer.done():
        return
    if message is None:
        answer.set_exception(AwayError("mpv has just ended"))
    elif message["error"] == "success":
        answer.set_result(message.get("data"))
    else:
        answer.set_exception(MpvError(f"mpv refused: {message['error']}"))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process: it ends by itself when the socket closes, and is made to where it does not."""
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            if number:
                process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await process.wait()
                return
