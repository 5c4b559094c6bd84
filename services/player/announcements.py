"""What the player tells its room: the state when it changes, and what happened."""

import logging
import time
from collections.abc import Callable, Iterable
from uuid import UUID

from prometheus_client import Counter, Histogram

from services.contracts.channels import EVENTS, PLAYER
from services.contracts.messages import Event, EventType, Playback, PlayerState, QueuedTrack
from services.runtime.bus import Bus
from services.runtime.measures import from_zero

log = logging.getLogger(__name__)

PUBLISH_EVERY_S = 10.0
JUMP_S = 1.0
"""A position this far from where the last state put it is news."""

TRACK_EVENTS = from_zero(
    Counter("moodring_player_track_events", "What happened to songs", ["type"]),
    [kind for kind in EventType if kind not in (EventType.MOOD_CHANGED, EventType.PROBLEM)],
)
DECISION_SECONDS = Histogram(
    "moodring_player_decision_to_song_seconds",
    "Time from a mood's decision until the first song that was chosen for it starts",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 180, 600, 1800),
)
UUID7 = 7
NO_DECISION = UUID(int=0)


class Announcements:
    """Publishes for one room over one life of the bus.

    Args:
        bus: Where to.
        room: The room.
        clock: Seconds since the epoch.
        played: Songs that were started before.
    """

    def __init__(
        self, bus: Bus, room: str, clock: Callable[[], float] = time.time, played: Iterable[QueuedTrack] = ()
    ) -> None:
        self._bus = bus
        self._room = room
        self._clock = clock
        self._last: PlayerState | None = None
        self._heard = max((track.decision_id for track in played if track.decision_id), default=NO_DECISION)

    def state(self, state: PlayerState) -> bool:
        """Publish a state that says something new, or the running position every 10 s; return whether it is news."""
        news = self._last is None or _differs(self._last, state)
        plays = state.playback is Playback.PLAYING
        if self._last and not news and not (plays and _age_s(self._last, state) >= PUBLISH_EVERY_S):
            return False
        self._last = state
        self._bus.publish(PLAYER, state, room=self._room)
        return news

    def track(self, kind: EventType, track: QueuedTrack, position_s: float) -> None:
        """Publish what happened to a song, and where in it (seconds)."""
        TRACK_EVENTS.labels(kind).inc()
        log.info("%s: %s", kind, track.track.title, extra={"decision_id": str(track.decision_id)})
        if kind is EventType.TRACK_STARTED:
            self._measure(track.decision_id)
        after = track.model_dump(mode="json") | {"position_s": round(position_s, 3)}
        self._bus.publish(EVENTS, Event(type=kind, after=after, decision_id=track.decision_id), room=self._room)

    def _measure(self, decision: UUID | None) -> None:
        """Note how long a decision took to be heard; ids of version 7 grow, so later songs of one change nothing."""
        decided_at = made_at(decision)
        if decision is None or decided_at is None or decision <= self._heard:
            return
        self._heard = decision
        DECISION_SECONDS.observe(max(0.0, self._clock() - decided_at))

    def problem(self, text: str) -> None:
        """Publish a problem in a person's words."""
        log.warning("%s", text)
        event = Event(type=EventType.PROBLEM, after={"service": "player", "text": text})
        self._bus.publish(EVENTS, event, room=self._room)


def made_at(identity: UUID | None) -> float | None:
    """Return when a UUID of version 7 was made, in seconds since 1970 (RFC 9562 section 5.7); `None` for any other."""
    return (identity.int >> 80) / 1000 if identity and identity.version == UUID7 else None


def _age_s(last: PlayerState, state: PlayerState) -> float:
    return (state.position_at - last.position_at).total_seconds()


def _differs(last: PlayerState, state: PlayerState) -> bool:
    """Whether a state says more than that time went by."""
    same = {"position_s": state.position_s, "position_at": state.position_at}
    return abs(state.position_s - _expected_s(last, state)) > JUMP_S or last.model_copy(update=same) != state


def _expected_s(last: PlayerState, state: PlayerState) -> float:
    """Return where a listener to `last` takes the song to be by now; it ends where it says, unless it is beyond."""
    if last.playback is not Playback.PLAYING or last.current is None:
        return last.position_s
    reached_s, end_s = last.position_s + _age_s(last, state), last.current.track.duration_s
    return reached_s if end_s is None or last.position_s > end_s else min(reached_s, end_s)
