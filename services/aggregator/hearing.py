"""Hears the bus: what faces express, how cameras do, what people say of a room's mood and teach."""

import logging
from collections.abc import Awaitable, Callable, Iterable

from prometheus_client import Counter

from services.aggregator.errors import NoSuchRoomError, UnknownMoodError
from services.aggregator.intake import doubt, observations
from services.aggregator.room import Room
from services.aggregator.rooms import Rooms
from services.aggregator.window import Observation, Refusal
from services.contracts.channels import CAMERA_STATUS, CUSTOM_MOODS, EXPRESSIONS, MOOD_SET, PLAYER
from services.contracts.messages import CameraStatus, CustomMoods, Mood, MoodOverride, PlayerState
from services.contracts.moodring_pb2 import Expressions
from services.runtime.bus import Bus, Delivery
from services.runtime.logs import Throttle

log = logging.getLogger(__name__)

OBSERVATIONS = Counter(
    "moodring_aggregator_observations_total", "Faces classified, by what became of them", ["outcome"]
)
REFUSED = Counter("moodring_aggregator_overrides_refused_total", "Overrides with a word that is no mood")

SET_CLOCKS = "set the clocks of both machines"


class Hearing:
    """Passes on to the rooms what is of use; what is not is counted, said once a minute, and dropped.

    Args:
        rooms: Those that hear; new ones are entered.
        say: Has a person's word obeyed, kept and told.
        clock: Seconds since 1970.
    """

    def __init__(
        self, rooms: Rooms, say: Callable[[str, MoodOverride], Awaitable[Mood]], clock: Callable[[], float]
    ) -> None:
        self._rooms = rooms
        self._say = say
        self._clock = clock
        self._throttle = Throttle()

    def listen(self, bus: Bus) -> None:
        """Begin, with what was taught: faces are understood by it."""
        bus.subscribe(CUSTOM_MOODS, self._custom_moods)
        bus.subscribe(EXPRESSIONS, self._expressions)
        bus.subscribe(CAMERA_STATUS, self._camera_status)
        bus.subscribe(PLAYER, self._player)
        bus.subscribe(MOOD_SET, self._mood_set)

    async def _mood_set(self, delivery: Delivery[MoodOverride]) -> None:
        try:
            await self._say(delivery.room, delivery.message)
        except (UnknownMoodError, NoSuchRoomError) as error:
            REFUSED.inc()
            self._complain(f"mood/set of {delivery.room}", str(error))

    async def _custom_moods(self, delivery: Delivery[CustomMoods]) -> None:
        self._rooms.learn(delivery.message, self._clock())

    async def _camera_status(self, delivery: Delivery[CameraStatus]) -> None:
        now = self._clock()
        if room := self._room(delivery.room, now):
            room.hear(delivery.camera, delivery.message.state, now)

    async def _player(self, delivery: Delivery[PlayerState]) -> None:
        """Know a room that has a player only: its mood can be said by hand."""
        self._room(delivery.room, self._clock())

    async def _expressions(self, delivery: Delivery[Expressions]) -> None:
        now, where = self._clock(), f"{delivery.room}/{delivery.camera}"
        good, bad = observations(delivery.message, delivery.camera)
        for error in bad:
            OBSERVATIONS.labels("bad").inc()
            self._complain(f"expressions of {where}", str(error))
        if not good:
            return
        if odd := doubt(delivery.message):
            self._complain(f"expressions of {where}", odd)
        if room := self._room(delivery.room, now):
            self._observe(room, good, now, where)
            if offset_s := room.clock_offset_s(delivery.camera):
                apart = f"{abs(offset_s):.0f} s {'behind' if offset_s > 0 else 'ahead'}"
                self._complain(f"the clock of {where}", f"it is {apart}, which is allowed for; {SET_CLOCKS}")

    def _observe(self, room: Room, seen: Iterable[Observation], now: float, where: str) -> None:
        for observation in seen:
            refusal = room.observe(observation, now)
            OBSERVATIONS.labels(refusal or "used").inc()
            if refusal in {Refusal.LATE, Refusal.FUTURE}:
                apart = f"{abs(now - observation.at):.1f} s {'ago' if refusal is Refusal.LATE else 'ahead'}"
                self._complain(f"{refusal} expressions of {where}", f"captured {apart}; if that stays so, {SET_CLOCKS}")
            elif refusal is Refusal.FLOOD:
                self._complain(f"expressions of {where}", "too many faces at a time")

    def _room(self, name: str, now: float) -> Room | None:
        """Return a room, which may be new; `None` where there are too many, or it cannot be called so."""
        try:
            return self._rooms.enter(name, now)
        except NoSuchRoomError as error:
            self._complain("rooms", str(error))
            return None

    def _complain(self, what: str, problem: str) -> None:
        if count := self._throttle.count(what):
            log.warning("%s: %s (%d times)", what, problem, count)
