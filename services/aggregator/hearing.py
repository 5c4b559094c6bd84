"""Hears the bus: what faces express, how cameras do, what people say of a room's mood and teach."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

from prometheus_client import Counter

from services.aggregator.clocks import MAX_OFFSET_S
from services.aggregator.errors import NoSuchRoomError, NotNowError, UnknownMoodError
from services.aggregator.room import Room
from services.aggregator.rooms import Rooms
from services.aggregator.sieve import OBSERVATIONS, USED, place, sifted
from services.aggregator.sight import sight
from services.aggregator.window import Observation, Refusal
from services.contracts.channels import CAMERA_STATUS, CUSTOM_MOODS, EXPRESSIONS, MOOD_SET, PLAYER
from services.contracts.messages import CameraStatus, CustomMoods, Mood, MoodOverride, PlayerState
from services.contracts.moodring_pb2 import Expressions
from services.runtime.bus import Bus, Delivery
from services.runtime.complaints import Complaints

log = logging.getLogger(__name__)

REFUSED = Counter(
    "moodring_aggregator_overrides_refused_total", "Overrides with a word or a room that is none, or too late"
)

SET_CLOCKS = "set the clocks of both machines"


class Hearing:
    """Passes on to the rooms what is of use; what is not is counted, said once a minute, and dropped.

    Args:
        rooms: Those that hear; new ones are entered.
        say: Has a person's word obeyed, kept and told.
        clock: Seconds since 1970.
        complaints: Of what is of no use.
    """

    def __init__(
        self,
        rooms: Rooms,
        say: Callable[[str, MoodOverride], Awaitable[Mood]],
        clock: Callable[[], float],
        complaints: Complaints | None = None,
    ) -> None:
        self._rooms = rooms
        self._say = say
        self._clock = clock
        self._complaints = complaints or Complaints(log)

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
        except (UnknownMoodError, NoSuchRoomError, NotNowError) as error:
            REFUSED.inc()
            self._complaints.note(type(error).__name__, f"mood/set of {delivery.room}", error)

    async def _custom_moods(self, delivery: Delivery[CustomMoods]) -> None:
        self._rooms.learn(delivery.message, self._clock())

    async def _camera_status(self, delivery: Delivery[CameraStatus]) -> None:
        now = self._clock()
        if room := self._room(delivery.room, now):
            room.hear(delivery.camera, delivery.message.state, now, retained=delivery.retained)

    async def _player(self, delivery: Delivery[PlayerState]) -> None:
        """Know a room that has a player only: its mood can be said by hand."""
        now = self._clock()
        if room := self._room(delivery.room, now):
            room.heard_at, room.has_player = now, True

    async def _expressions(self, delivery: Delivery[Expressions]) -> None:
        now = self._clock()
        seen = sifted(delivery, self._complaints)
        if not seen:
            return
        room = self._rooms.listen(delivery.room, now)
        if self._observe(room, seen, now, place(delivery)) and self._room(delivery.room, now):
            room.newest = sight(delivery.message, delivery.camera, room.clock_offset_s(delivery.camera), now)
        if offset_s := room.clock_offset_s(delivery.camera):
            apart = f"{abs(offset_s):.0f} s {'behind' if offset_s > 0 else 'ahead'}"
            camera = f"the clock of {delivery.room}/{delivery.camera}"
            self._complaints.note("clock", camera, f"it is {apart}, which is allowed for; {SET_CLOCKS}")

    def _observe(self, room: Room, seen: Iterable[Observation], now: float, where: str) -> bool:
        """Let a room see faces, and return whether any of them counted: a room is there once one did."""
        counted = False
        for observation in seen:
            refusal = room.observe(observation, now)
            counted = counted or refusal is None
            OBSERVATIONS.labels(refusal or USED).inc()
            if refusal in {Refusal.LATE, Refusal.FUTURE}:
                problem = f"{refusal}, captured {_when(observation.at, now)}; if that stays so, {SET_CLOCKS}"
                self._complaints.note(refusal, where, problem)
            elif refusal is Refusal.FLOOD:
                self._complaints.note(refusal, where, "too many faces at a time")
        return counted

    def _room(self, name: str, now: float) -> Room | None:
        """Return a room, which may be new; `None` where there are too many, or it cannot be called so."""
        try:
            return self._rooms.enter(name, now)
        except NoSuchRoomError as error:
            self._complaints.note("rooms", "rooms", str(error))
            return None


def _when(at: float, now: float) -> str:
    """Return a time as people understand it: how far off it is or, where a clock was never set, what it says."""
    if abs(now - at) > MAX_OFFSET_S:
        return f"at {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC by the camera's clock"
    return f"{abs(now - at):.1f} s {'ago' if at < now else 'ahead'}"
