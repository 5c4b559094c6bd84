"""The aggregator service: has the bus heard, decides about every second, tells the mood."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from services.aggregator.api import routes
from services.aggregator.chances import too_few
from services.aggregator.errors import NotRunningError
from services.aggregator.hearing import Hearing
from services.aggregator.lesson import Lesson, lesson
from services.aggregator.room import Room
from services.aggregator.rooms import Rooms
from services.aggregator.state import PARTS, AggregatorState
from services.aggregator.telling import Telling
from services.contracts.messages import Mood, MoodOverride
from services.runtime.bus import Bus
from services.runtime.health import Health
from services.runtime.logs import Throttle
from services.runtime.settings import Settings
from services.runtime.state import StateFile

log = logging.getLogger(__name__)

TICK_S = 1.0
SAVE_EVERY_S = 10.0
"""How often at most is kept what nobody said or taught: all rooms are one file, and some mood of many always changes.
After a power failure a room's mood is one that it had so long ago."""


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> "AggregatorService":
    """Compose the service.

    Args:
        settings: When a mood is decided, and where state is kept.
        clock: Seconds since 1970.
        sleep: Waits between two looks; seconds.
    """
    return AggregatorService(settings, clock=clock, sleep=sleep)


class AggregatorService:
    """All rooms' moods: see `build`."""

    name = "aggregator"

    def __init__(
        self, settings: Settings, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[object]]
    ) -> None:
        self.health = Health()
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._throttle = Throttle()
        self._file = StateFile(settings.data / "state" / "aggregator.json", AggregatorState, PARTS)
        self._saving = asyncio.Lock()
        self._telling: Telling | None = None
        self._saved = AggregatorState()
        self._saved_at = 0.0
        self._rooms = Rooms(settings, 0.0, self._saved)  # until it runs
        self.router = routes(self)

    async def run(self, bus: Bus) -> None:
        """Work until cancelled."""
        for problem in too_few(self._settings):
            log.warning("%s", problem)
        now = self._clock()
        loaded = await asyncio.to_thread(self._file.load)
        self._saved = loaded or AggregatorState()
        self._rooms = Rooms(self._settings, now, self._saved)
        self._telling = Telling(bus, self._settings.aggregator, self._rooms, now)
        Hearing(self._rooms, self.say, self._clock).listen(bus)
        try:
            while True:
                await self.tick()
                await self._sleep(TICK_S)
        finally:
            self._telling = None
            await self._save()

    async def tick(self) -> None:
        """Look at every room, tell what is new, and keep it now and then."""
        telling = self._running()
        now = self._clock()
        failed = [name for name, room in self._rooms.items() if not self._looked(name, room, now)]
        self.health.report("rooms", f"no mood is found in {', '.join(failed)}: see the log" if failed else "")
        self._rooms.forget_silent(now)
        telling.forget_all_but(self._rooms)
        if not 0 <= now - self._saved_at < SAVE_EVERY_S:
            await self._save()

    def _looked(self, name: str, room: Room, now: float) -> bool:
        """Look at a room and tell what is new; whatever fails in one stays there, and is tried again."""
        try:
            room.look(now)
            self._running().tell(name, room, now)
        except Exception:
            if count := self._throttle.count(f"room {name}"):
                log.exception("%s: its mood cannot be decided (%d times)", name, count)
            return False
        return True

    def mood(self, name: str) -> Mood:
        """Return a room's mood as it is now.

        Raises:
            NotRunningError: The service does not run.
            NoSuchRoomError: Nothing is known of the room.
        """
        self._running()
        return self._rooms.known(name).mood()

    async def say(self, name: str, command: MoodOverride) -> Mood:
        """Let a person say a room's mood and return what it is now; it is kept before it is told.

        Raises:
            NotRunningError: The service does not run.
            NoSuchRoomError: Nothing is known of the room.
            UnknownMoodError: The word is no mood.
        """
        telling = self._running()
        now = self._clock()
        room = self._rooms.known(name)
        room.say(command, now)
        await self._save()
        telling.tell(name, room, self._clock())  # later than now: a look may have told it meanwhile
        return room.mood()

    def lesson(self, name: str) -> Lesson:
        """Return what a room was taught.

        Raises:
            NotRunningError: The service does not run.
            NoSuchRoomError: Nothing is known of the room.
        """
        self._running()
        return lesson(self._rooms.known(name))

    async def teach(self, name: str, what: str, change: Callable[[Room, float], None]) -> Lesson:
        """Teach a room something, keep it, and return what it was taught in all.

        Args:
            name: The room.
            what: For the log.
            change: Given the room and the time; raises where it cannot.

        Raises:
            NotRunningError: The service does not run.
            NoSuchRoomError: Nothing is known of the room.
        """
        self._running()
        room = self._rooms.known(name)
        change(room, self._clock())
        log.info("%s: %s", name, what, extra={"decision_id": str(room.mood().decision_id)})
        await self._save()
        return lesson(room)

    def _running(self) -> Telling:
        """Return what tells the bus.

        Raises:
            NotRunningError: The service does not run.
        """
        if self._telling is None:
            raise NotRunningError
        return self._telling

    async def _save(self) -> None:
        """Keep what has changed since it was kept last; a full disk is said and tried again."""
        async with self._saving:
            state = self._rooms.state
            if state == self._saved:
                return
            self._saved_at = self._clock()
            try:
                await asyncio.to_thread(self._file.save, state)
            except OSError as error:
                self.health.report("state", f"moods cannot be kept over a restart: {error}")
                if count := self._throttle.count("state"):
                    log.warning("state: %s (%d times)", error, count)
                return
            self._saved = state
            self.health.report("state")
