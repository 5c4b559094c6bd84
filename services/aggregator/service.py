"""The aggregator service: hears what is seen and said, decides about every second, tells the mood."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from prometheus_client import Counter

from services.aggregator.api import routes
from services.aggregator.errors import NoSuchRoomError, NotRunningError, UnknownMoodError
from services.aggregator.intake import doubt, observations
from services.aggregator.lesson import Lesson, lesson
from services.aggregator.room import Room
from services.aggregator.rooms import Rooms
from services.aggregator.state import AggregatorState
from services.aggregator.telling import Telling
from services.aggregator.window import Refusal
from services.contracts.channels import CAMERA_STATUS, CUSTOM_MOODS, EXPRESSIONS, MOOD_SET, PLAYER
from services.contracts.messages import CameraStatus, CustomMoods, Mood, MoodOverride, PlayerState
from services.contracts.moodring_pb2 import Expressions
from services.runtime.bus import Bus, Delivery
from services.runtime.health import Health
from services.runtime.logs import Throttle
from services.runtime.mood_settings import MoodRules
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.runtime.state import StateFile

log = logging.getLogger(__name__)

OBSERVATIONS = Counter(
    "moodring_aggregator_observations_total", "Faces classified, by what became of them", ["outcome"]
)
REFUSED = Counter("moodring_aggregator_overrides_refused_total", "Overrides with a word that is no mood")

TICK_S = 1.0


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

    Raises:
        SetupError: A mood would be left before it is entered.
    """
    _check("aggregator", settings.aggregator)
    for room, rules in settings.aggregator.rooms.items():
        _check(f"aggregator.rooms.{room}", rules)
    return AggregatorService(settings, clock=clock, sleep=sleep)


def _check(section: str, rules: MoodRules) -> None:
    if rules.leave_confidence > rules.enter_confidence:
        raise SetupError(
            f"the setting {section}.leave_confidence is {rules.leave_confidence:g}, above {section}.enter_confidence "
            f"({rules.enter_confidence:g}): a mood would be left as soon as it is entered; lower it"
        )


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
        self._file = StateFile(settings.data / "state" / "aggregator.json", AggregatorState)
        self._saving = asyncio.Lock()
        self._telling: Telling | None = None
        self._saved = AggregatorState()
        self._rooms = Rooms(settings, 0.0, self._saved)  # until it runs
        self.router = routes(self)

    async def run(self, bus: Bus) -> None:
        """Work until cancelled."""
        now = self._clock()
        loaded = await asyncio.to_thread(self._file.load)
        self._saved = loaded or AggregatorState()
        self._rooms = Rooms(self._settings, now, self._saved)
        self._telling = Telling(bus, self._settings.aggregator, self._rooms, now)
        bus.subscribe(CUSTOM_MOODS, self._custom_moods)
        bus.subscribe(EXPRESSIONS, self._expressions)
        bus.subscribe(CAMERA_STATUS, self._camera_status)
        bus.subscribe(PLAYER, self._player)
        bus.subscribe(MOOD_SET, self._mood_set)
        try:
            while True:
                await self.tick()
                await self._sleep(TICK_S)
        finally:
            self._telling = None

    async def tick(self) -> None:
        """Look at every room, tell what is new, and keep it."""
        if self._telling is None:
            raise NotRunningError
        now = self._clock()
        for name, room in self._rooms.items():
            room.look(now)
            self._telling.tell(name, room, now)
        self._telling.forget_all_but(self._rooms)
        await self._save()

    def mood(self, name: str) -> Mood:
        """Return a room's mood as it is now.

        Raises:
            NotRunningError: The service does not run.
            NoSuchRoomError: Nothing is known of the room.
        """
        if self._telling is None:
            raise NotRunningError
        return self._rooms.known(name).mood()

    async def say(self, name: str, command: MoodOverride) -> Mood:
        """Let a person say a room's mood and return what it is now; it is kept before it is told.

        Raises:
            NotRunningError: The service does not run.
            NoSuchRoomError: There are too many rooms for a new one.
            UnknownMoodError: The word is no mood.
        """
        if self._telling is None:
            raise NotRunningError
        now = self._clock()
        room = self._rooms.enter(name, now)
        room.say(command, now)
        await self._save()
        self._telling.tell(name, room, now)
        return room.mood()

    def lesson(self, name: str) -> Lesson:
        """Return what a room was taught.

        Raises:
            NotRunningError: The service does not run.
            NoSuchRoomError: Nothing is known of the room.
        """
        if self._telling is None:
            raise NotRunningError
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
        if self._telling is None:
            raise NotRunningError
        room = self._rooms.known(name)
        change(room, self._clock())
        log.info("%s: %s", name, what, extra={"decision_id": str(room.mood().decision_id)})
        await self._save()
        return lesson(room)

    async def _mood_set(self, delivery: Delivery[MoodOverride]) -> None:
        try:
            await self.say(delivery.room, delivery.message)
        except (UnknownMoodError, NoSuchRoomError) as error:
            REFUSED.inc()
            self._complain(f"mood/set of {delivery.room}", str(error))

    async def _custom_moods(self, delivery: Delivery[CustomMoods]) -> None:
        self._rooms.learn(delivery.message, self._clock())

    async def _camera_status(self, delivery: Delivery[CameraStatus]) -> None:
        now = self._clock()
        try:
            self._rooms.enter(delivery.room, now).hear(delivery.camera, delivery.message.state, now)
        except NoSuchRoomError as error:
            self._complain("rooms", str(error))

    async def _player(self, delivery: Delivery[PlayerState]) -> None:
        """Know a room that has a player only: its mood can be said by hand."""
        try:
            self._rooms.enter(delivery.room, self._clock())
        except NoSuchRoomError as error:
            self._complain("rooms", str(error))

    async def _expressions(self, delivery: Delivery[Expressions]) -> None:
        now = self._clock()
        good, bad = observations(delivery.message, delivery.camera)
        for error in bad:
            OBSERVATIONS.labels("bad").inc()
            self._complain(f"expressions of {delivery.room}/{delivery.camera}", str(error))
        if not good:
            return
        if odd := doubt(delivery.message):
            self._complain(f"expressions of {delivery.room}/{delivery.camera}", odd)
        try:
            room = self._rooms.enter(delivery.room, now)
        except NoSuchRoomError as error:
            self._complain("rooms", str(error))
            return
        for observation in good:
            refusal = room.observe(observation, now)
            OBSERVATIONS.labels(refusal or "used").inc()
            if refusal in {Refusal.LATE, Refusal.FUTURE}:
                self._complain(
                    f"{refusal} expressions of {delivery.room}/{delivery.camera}",
                    f"captured {abs(now - observation.at):.1f} s {'ago' if refusal is Refusal.LATE else 'ahead'}; "
                    "if that stays so, set the clocks of both machines",
                )
            elif refusal is Refusal.FLOOD:
                self._complain(f"expressions of {delivery.room}/{delivery.camera}", "too many faces at a time")
        if offset_s := room.clock_offset_s(delivery.camera):
            self._complain(
                f"the clock of {delivery.room}/{delivery.camera}",
                f"it is {abs(offset_s):.0f} s {'behind' if offset_s > 0 else 'ahead'}, which is allowed for; "
                "set the clocks of both machines",
            )

    async def _save(self) -> None:
        """Keep what has changed since it was kept last; a full disk is said and tried again."""
        async with self._saving:
            state = self._rooms.state
            if state == self._saved:
                return
            try:
                await asyncio.to_thread(self._file.save, state)
            except OSError as error:
                self.health.report("state", f"moods cannot be kept over a restart: {error}")
                self._complain("state", str(error))
                return
            self._saved = state
            self.health.report("state")

    def _complain(self, what: str, problem: str) -> None:
        if count := self._throttle.count(what):
            log.warning("%s: %s (%d times)", what, problem, count)
