"""Writes the history down in the background, so that music never waits for the database."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client import Counter

from services.recommender.database import DatabaseAwayError
from services.runtime.logs import Throttle

log = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Records kept while the database is away: a day of music."""
SUSPECT = 3
"""A record that failed so often lets the others go first: it may not be the database that is to blame."""
GUILTY = 3
"""And one that went on to fail so often, while others were written in between, is dropped."""

LOST = Counter("moodring_recommender_lost_records_total", "What happened and could not be stored.")

R = TypeVar("R")


@dataclass(eq=False)
class _Waiting(Generic[R]):
    """A record that waits, how often it failed, and how often while others did not."""

    record: R
    written_before: int
    """How many others had been written when it was added, or failed last."""
    failures: int = 0
    alone: int = 0

    def fail(self, written: int) -> None:
        """Count a failure, after `written` others in all."""
        self.failures += 1
        self.alone += self.failures > SUSPECT and written > self.written_before
        self.written_before = written


class Recorder(Generic[R]):
    """A bounded queue of records; the oldest is lost first.

    Args:
        write: Stores one record; raises `DatabaseAwayError` when it has to be tried again.
        wait: Returns when it is worth trying again.
        max_waiting: How many records are kept while the database is away.
    """

    def __init__(
        self,
        write: Callable[[R], Awaitable[None]],
        wait: Callable[[], Awaitable[object]],
        *,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._write = write
        self._wait = wait
        self._max_waiting = max_waiting
        self._waiting: deque[_Waiting[R]] = deque()
        self._written = 0
        self._changed = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()
        self._writing = asyncio.Lock()
        self._throttle = Throttle()

    def add(self, record: R) -> None:
        """Have a record written, soon."""
        if len(self._waiting) >= self._max_waiting:
            self._waiting.popleft()
            LOST.inc()
            if count := self._throttle.count("lost"):
                text = "the database is away for too long: the oldest of %d waiting records was lost (%d times)"
                log.warning(text, self._max_waiting, count)
        self._waiting.append(_Waiting(record, self._written))
        self._flushed.clear()
        self._changed.set()

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Write nothing inside this block."""
        async with self._writing:
            yield

    def drop(self, unwanted: Callable[[R], bool]) -> list[R]:
        """Forget what waits and is unwanted, and return it."""
        dropped = [one.record for one in self._waiting if unwanted(one.record)]
        self._waiting = deque(one for one in self._waiting if not unwanted(one.record))
        return dropped

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self.drain()
            self._changed.clear()
            await self._changed.wait()

    async def drain(self) -> None:
        """Write everything that waits."""
        while self._waiting:
            if not await self._write_first():
                await self._wait()
        self._flushed.set()

    async def flushed(self) -> None:
        """Return when nothing waits any more."""
        await self._flushed.wait()

    async def _write_first(self) -> bool:
        """Write the oldest record, if there is one; return whether it went, or else the database may be away."""
        async with self._writing:
            if not self._waiting:
                return True
            first = self._waiting[0]
            try:
                await self._write(first.record)
            except DatabaseAwayError as error:
                first.fail(self._written)
                if first.alone < GUILTY:
                    if first.failures >= SUSPECT and self._waiting[0] is first:
                        self._waiting.rotate(-1)
                    return False
                self._lose(first.record, error)
            except Exception as error:  # noqa: BLE001 -- whatever is wrong with one record, the next ones are to be written
                self._lose(first.record, error)
            else:
                self._written += 1
            if first in self._waiting:  # else it was lost meanwhile, as the oldest of too many
                self._waiting.remove(first)
            return True

    def _lose(self, record: R, error: Exception) -> None:
        LOST.inc()
        log.error("a record could not be stored and was dropped: %r", record, exc_info=error)
