"""Tells the bus what the rooms' moods are: what is new at once, what is not every now and then."""

import logging

from prometheus_client import Counter

from services.aggregator.room import Room
from services.aggregator.rooms import Rooms
from services.aggregator.tracing import trace
from services.aggregator.vocabulary import Vocabulary
from services.contracts.channels import EVENTS, MOOD
from services.contracts.messages import Event, EventType, Finite, Mood, MoodSource
from services.contracts.moods import NOBODY, UNKNOWN
from services.runtime.bus import Bus
from services.runtime.measures import from_zero
from services.runtime.mood_settings import Aggregator

log = logging.getLogger(__name__)

DECISIONS = Counter("moodring_aggregator_decisions_total", "Moods entered", ["mood", "source"])
BY_CAMERA, BY_HAND = (MoodSource.CAMERA,), (MoodSource.OVERRIDE,)


class Telling:
    """What was told of each room.

    Args:
        bus: Where it is told.
        settings: How often.
        rooms: Those whose mood is known from before; they are told once more, which is no event.
        now: The time, in seconds since 1970.
    """

    def __init__(self, bus: Bus, settings: Aggregator, rooms: Rooms, now: float) -> None:
        self._bus = bus
        self._settings = settings
        self._words: dict[str, Vocabulary] = {}
        self._problems: dict[str, str] = {}
        self._told = {name: (room.mood(), float("-inf")) for name, room in rooms.items() if room.has_mood(now)}

    def forget_all_but(self, rooms: Rooms) -> None:
        """Forget the rooms that are gone, and have the bus forget them."""
        for name in [name for name in self._words if name not in rooms]:
            del self._words[name]
            self._problems.pop(name, None)
            if self._told.pop(name, None):
                self._bus.withdraw(MOOD, room=name)

    def tell(self, name: str, room: Room, now: float) -> None:
        """Publish a room's mood if it is new, or if it was not said for a while."""
        self._expect(name, room)
        self._complain(name, room.calibration.problem)
        if name not in self._told and not room.has_mood(now):
            return
        before, told_at = self._told.get(name, (None, now))
        changed = before is None or before.decision_id != room.decision_id
        if not changed and 0 <= now - told_at < self._settings.of(name).publish_every_s:
            return
        mood = room.mood()
        self._told[name] = (mood, now)
        self._bus.publish(MOOD, mood, room=name)
        if changed:
            self._announce(name, before, mood)
            trace(name, mood, room.newest, now)

    def _expect(self, name: str, room: Room) -> None:
        """Begin to count the moods that a room can have, whenever it learns others."""
        if self._words.get(name) is not room.vocabulary:
            self._words[name] = room.vocabulary
            from_zero(DECISIONS, (*room.moods, UNKNOWN, NOBODY), BY_CAMERA)
            from_zero(DECISIONS, room.sayable, BY_HAND)

    def _complain(self, name: str, problem: str) -> None:
        """Say once why a room's resting face was not learnt."""
        if problem == self._problems.get(name, ""):
            return
        self._problems[name] = problem
        if problem:
            log.warning("%s: the resting face was not learnt: %s", name, problem)
            after: dict[str, Finite] = {"service": "aggregator", "text": f"The resting face was not learnt: {problem}."}
            self._bus.publish(EVENTS, Event(type=EventType.PROBLEM, after=after), room=name)

    def _announce(self, name: str, before: Mood | None, mood: Mood) -> None:
        DECISIONS.labels(mood.mood, mood.source).inc()
        log.info(
            "%s: the mood is %s (%s%d samples, by %s)",
            name, mood.mood, "" if mood.mood in {UNKNOWN, NOBODY} else f"{mood.confidence:.0%} sure, ",
            mood.samples, mood.source,
            extra={"decision_id": str(mood.decision_id)},
        )  # fmt: skip
        event = Event(
            type=EventType.MOOD_CHANGED,
            before=before.model_dump(mode="json") if before else None,
            after=mood.model_dump(mode="json"),
            decision_id=mood.decision_id,
        )
        self._bus.publish(EVENTS, event, room=name)
