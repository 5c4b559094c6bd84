"""Commands are delivered at least once; this makes them done once."""

import asyncio
import logging
import time
from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel

from services.contracts.messages import Command
from services.runtime.state import StateFile

log = logging.getLogger(__name__)

REMEMBERED = 1000
"""Ids kept; Mosquitto queues as many messages for a client that is away."""

RELATIVE_MAX_AGE_S = 30.0
"""Age beyond which `next` or `like` no longer means the song it was meant for."""


class DoneCommands(BaseModel):
    """The ids of the last commands done, oldest first."""

    ids: list[UUID] = []


class CommandLog:
    """Remembers which commands were done, over a restart too where it is given a file."""

    def __init__(self, file: StateFile[DoneCommands] | None = None, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock
        self._saving = asyncio.Lock()
        saved = file.load() if file else None
        self._done = dict.fromkeys(saved.ids if saved else ())

    def refusal(self, command: Command) -> str:
        """Return why a command is not to be done, or nothing where it is."""
        if command.id in self._done:
            return "it was done before"
        age_s = self._clock() - command.issued_at.timestamp()
        if command.relative and age_s > RELATIVE_MAX_AGE_S:
            return f"it is {age_s:.0f} s old and meant for its moment"
        return ""

    async def kept(self) -> None:
        """Return when everything that was done is on the disk."""
        async with self._saving:
            pass

    async def done(self, command: Command) -> None:
        """Remember that a command was done; a disk that is full is said, and costs only the memory over a restart."""
        self._done[command.id] = None
        while len(self._done) > REMEMBERED:
            self._done.pop(next(iter(self._done)))
        if self._file is None:
            return
        async with self._saving:
            try:
                await asyncio.to_thread(self._file.save, DoneCommands(ids=list(self._done)))
            except OSError as error:
                log.warning("done commands cannot be kept over a restart: %s", error)
