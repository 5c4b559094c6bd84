"""Writes the history down in the background, so that music never waits for the database."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from prometheus_client import Counter

from services.recommender.database import DatabaseAwayError
from services.runtime.logs import Throttle

log = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Records kept while the database is away: a day of music."""

LOST = Counter("moodring_recommender_lost_records_total", "What happened and could not be stored.")

R = TypeVar("R")


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
        self._waiting: deque[R] = deque()
        self._changed = asyncio.Event()
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
        self._waiting.append(record)
        self._changed.set()

    @asynccontextmanager
    async def without(self, unwanted: Callable[[R], bool]) -> AsyncIterator[list[R]]:
        """Drop what waits and is unwanted, which this yields, and write nothing inside this block."""
        async with self._writing:
            dropped = [record for record in self._waiting if unwanted(record)]
            self._waiting = deque(record for record in self._waiting if not unwanted(record))
            yield dropped

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

    async def _write_first(self) -> bool:
        """Write the oldest record, if there is one; return whether the database took or refused it."""
        async with self._writing:
            if not self._waiting:
                return True
            record = self._waiting[0]
            try:
                await self._write(record)
            except DatabaseAwayError:
                return False
            except Exception:  # whatever is wrong with one record, the next ones are to be written
                LOST.inc()
                log.exception("a record could not be stored and was dropped: %r", record)
            if self._waiting and self._waiting[0] is record:
                self._waiting.popleft()
            return True
