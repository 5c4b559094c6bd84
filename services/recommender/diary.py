"""What rooms played, were sent and thought of songs: written down in the background, and forgotten on demand."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from services.contracts.messages import Event, Mood
from services.recommender.chronicle import Chronicle
from services.recommender.events import mood_of, record_of
from services.recommender.history import HistoryStore
from services.recommender.recorder import Recorder
from services.recommender.records import Ended, Judgement, Record, Started, happened_at
from services.recommender.retention import Deleted
from services.recommender.room import Room
from services.recommender.rooms import Rooms
from services.runtime.complaints import Complaints

log = logging.getLogger(__name__)


class Diary:
    """Records of all rooms, and the tastes of each, which follow from them.

    Args:
        history: Where they are kept.
        chronicle: The moods, which are forgotten with them.
        rooms: The rooms.
        available: Returns when it is worth trying to write again.
    """

    def __init__(
        self, history: HistoryStore, chronicle: Chronicle, rooms: Rooms, available: Callable[[], Awaitable[object]]
    ) -> None:
        self._history = history
        self._chronicle = chronicle
        self._rooms = rooms
        self._recorder = Recorder[Record](self.record, available)
        self._complaints = Complaints(log)

    async def run(self) -> None:
        """Write until cancelled."""
        await self._recorder.run()

    async def flushed(self) -> None:
        """Return when nothing waits to be written."""
        await self._recorder.flushed()

    async def opened(self) -> None:
        """Learn every room's taste, now that the database is there.

        Raises:
            DatabaseAwayError: It is not.
        """
        for room in self._rooms:
            await self._learn_taste(room)

    def add(self, record: Record) -> None:
        """Have something written down, soon."""
        self._recorder.add(record)

    def hear(self, room: str, event: Event) -> Mood | None:
        """Have an event written down where it is about a track; return the mood that it says was decided, if any."""
        try:
            record, mood = record_of(event, room), mood_of(event)
        except ValueError as error:
            self._complaints.note("event", f"events of {room}", f"one is dropped: {error}")
            return None
        if record:
            self.add(record)
        return mood

    async def record(self, record: Record) -> None:
        """Write something down and take it into account.

        Raises:
            DatabaseAwayError: It was not stored.
        """
        room = self._rooms.get(record.room)
        if room and isinstance(record, Started | Ended) and record.play_id == room.forgotten_play:
            return
        await self._history.record(record)
        if room and isinstance(record, Ended | Judgement):
            await self._learn_taste(room)

    async def forget(self, name: str, start: datetime, end: datetime) -> Deleted:
        """Delete a room's history from `start` until before `end`, and with its plays what follows from them.

        What is not written yet goes, too.

        Raises:
            DatabaseAwayError: Nothing is deleted, or a part is left: do it again.
        """

        def unwanted(record: Record) -> bool:
            at = happened_at(record)
            return record.room == name and at is not None and start <= at < end

        room = self._rooms.get(name)
        async with self._recorder.paused():
            last = await self._history.plays(name, 1, start=start, end=end)  # the first: it may be away
            dropped = self._recorder.drop(unwanted)
            plays = {record.play_id for record in dropped if isinstance(record, Started)}
            plays |= {play.play_id for play in last}
            if room and room.last_play in plays:
                room.forgotten_play = room.last_play
            deleted = await self._chronicle.delete(name, start, end)
        if room:
            await self._learn_taste(room)
        return deleted

    async def _learn_taste(self, room: Room) -> None:
        room.tastes = await self._history.tastes(room.name)
