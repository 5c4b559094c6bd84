"""Writes the history down in the background, so that music never waits for the database."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from prometheus_client import Counter

from services.recommender.database import DatabaseAwayError
from services.recommender.history import Record

log = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Records kept while the database is away: a day of music."""

LOST = Counter("moodring_recommender_lost_records_total", "Plays, decisions and judgements that could not be stored.")


class Recorder:
    """A bounded queue of records; the oldest is lost first.

    Args:
        write: Stores one record; raises `DatabaseAwayError` when it has to be tried again.
        wait: Returns when it is worth trying again.
    """

    def __init__(self, write: Callable[[Record], Awaitable[None]], wait: Callable[[], Awaitable[object]]) -> None:
        self._write = write
        self._wait = wait
        self._waiting: deque[Record] = deque()
        self._changed = asyncio.Event()

    def add(self, record: Record) -> None:
        """Have a record written, soon."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            LOST.inc()
            log.warning("the database is away for too long: the oldest of %d waiting records was lost", MAX_WAITING)
        self._waiting.append(record)
        self._changed.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self.drain()
            self._changed.clear()
            await self._changed.wait()

    async def drain(self) -> None:
        """Write everything that waits."""
        while self._waiting:
            record = self._waiting[0]
            try:
                await self._write(record)
            except DatabaseAwayError:
                await self._wait()
                continue
            except Exception:  # whatever is wrong with one record, the next ones are to be written
                LOST.inc()
                log.exception("a record could not be stored and was dropped: %r", record)
            if self._waiting and self._waiting[0] is record:
                self._waiting.popleft()
