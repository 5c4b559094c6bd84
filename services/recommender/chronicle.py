"""Keeps the moods of all rooms: hears them on the bus, measures minutes, writes in the background, deletes the old."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.contracts.messages import Mood
from services.recommender.database import Database, DatabaseAwayError
from services.recommender.events import mood_decision
from services.recommender.minutes import Meter, Minute, whole_minutes
from services.recommender.mood_history import MoodDecision, MoodHistoryStore, MoodRecord, SqlMoodHistoryStore
from services.recommender.recorder import Recorder
from services.recommender.retention import EPOCH, Deleted, delete_history, newest
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

HOLDS = 3
"""A mood stands for this many of the aggregator's rounds of publishing without being said again."""
MAX_HOLDS_S = 900.0
"""And never longer than this."""
MAX_WAITING = 10_000
"""Records kept while the database is away: a week of minutes of one room."""
PURGE_S = 24 * 3600.0
"""How often what is too old is deleted."""
CLOCK_STEP_S = 600.0
"""A clock that goes wrong by more in that time was set, or stood still."""
AGAIN_S = 60.0
"""After how long that is tried again where it failed."""
LAST_WRITES_S = 1.0
"""How long the end of the service waits for what is not written yet."""


class Chronicle:
    """The moods that rooms had.

    Args:
        database: Where they are kept.
        settings: For how long.
        clock: Seconds since 1970.
    """

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float]) -> None:
        self.moods: MoodHistoryStore = SqlMoodHistoryStore(database)
        self._database = database
        self._days = settings.recommender.history_days
        self._aggregator = settings.aggregator
        self._clock = clock
        self._recorder = Recorder[MoodRecord](self.moods.record, database.available.wait, max_waiting=MAX_WAITING)
        self._meters: dict[str, Meter] = {}
        self._known: dict[str, MoodDecision] = {}
        self.forgotten: dict[str, UUID] = {}
        """The decision that stood in a room when its history was deleted; whoever runs this keeps it over a restart."""

    def hear(self, room: str, mood: Mood, *, retained: bool = False) -> None:
        """Take a room's mood; one that the broker had kept may be of old, so it is no word on this minute."""
        self.decided(room, mood)
        if not retained:
            if room not in self._meters:
                holds_s = min(HOLDS * self._aggregator.of(room).publish_every_s, MAX_HOLDS_S)
                self._meters[room] = Meter(room, holds_s)
            self._keep(self._meters[room].hear(mood, self._clock()))

    def decided(self, room: str, mood: Mood) -> None:
        """Take a decision; the same one may come several times."""
        known = self._known.get(room)
        if mood.decision_id not in {known and known.decision_id, self.forgotten.get(room)}:
            self._known[room] = mood_decision(mood, room, self._now())
            self._recorder.add(self._known[room])

    def leave(self, room: str) -> None:
        """Know nothing of a room any more; what it was like up to now is written down."""
        if meter := self._meters.pop(room, None):
            self._keep([*meter.look(self._clock()), *meter.stop()])
        self._known.pop(room, None)
        self.forgotten.pop(room, None)

    def look(self) -> None:
        """Write down what minutes are over."""
        for meter in self._meters.values():
            self._keep(meter.look(self._clock()))

    async def run(self) -> None:
        """Write until cancelled; then what has begun, unless that takes long."""
        try:
            await self._recorder.run()
        finally:
            for meter in self._meters.values():
                self._keep([*meter.look(self._clock()), *meter.stop()])
            if self._database.available.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LAST_WRITES_S):
                        await self._recorder.drain()

    async def flushed(self) -> None:
        """Return when nothing waits to be written."""
        await self._recorder.flushed()

    async def keep_purged(self) -> None:
        """Delete what is too old, at the start and daily; never returns."""
        steady = False
        while True:
            await self._database.available.wait()
            try:
                await self.purge(steady=steady)
            except DatabaseAwayError:
                await asyncio.sleep(AGAIN_S)
                continue
            shown = self._clock()
            await asyncio.sleep(PURGE_S)
            steady = abs(self._clock() - shown - PURGE_S) < CLOCK_STEP_S

    async def purge(self, *, steady: bool) -> Deleted:
        """Delete what is older than the setting says, in all rooms.

        Args:
            steady: Whether the clock went on evenly for a day. One that did not may be wrong, by years, until somebody
                sets it: then what is old is judged by the newest there is.

        Raises:
            DatabaseAwayError: A part may be left.
        """
        now = self._now()
        if not steady:
            now = min(now, await newest(self._database) or now)
        gone = await delete_history(self._database, EPOCH, now - timedelta(days=self._days))
        if any(gone.model_dump().values()):
            log.info("history of more than %d days ago was deleted: %s", self._days, gone)
        return gone

    async def delete(self, room: str, start: datetime, end: datetime) -> Deleted:
        """Delete a room's history from `start` until before `end`, with what is not written yet.

        Raises:
            DatabaseAwayError: A part may be left.
        """
        low_s, high_s = whole_minutes(start, end)

        def unwanted(record: MoodRecord) -> bool:
            if isinstance(record, Minute):
                return record.room == room and low_s <= record.started_at < high_s
            return record.room == room and start <= record.decided_at < end

        async with self._recorder.paused():
            self._recorder.drop(unwanted)
            if meter := self._meters.get(room):
                meter.forget(low_s, high_s)
            if (standing := self._known.get(room)) and unwanted(standing):
                self.forgotten[room] = standing.decision_id
            gone = await delete_history(self._database, start, end, room)
        log.info("%s: history from %s to %s was deleted: %s", room, start, end, gone)
        return gone

    def _keep(self, minutes: list[Minute]) -> None:
        for minute in minutes:
            self._recorder.add(minute)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
