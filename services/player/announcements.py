"""What the player tells its room: the state when it changes, and what happened."""

import logging

from prometheus_client import Counter

from services.contracts.channels import EVENTS, PLAYER
from services.contracts.messages import Event, EventType, Playback, PlayerState, QueuedTrack
from services.runtime.bus import Bus

log = logging.getLogger(__name__)

PUBLISH_EVERY_S = 10.0
JUMP_S = 1.0
"""A position this far from where the last state put it is news."""

TRACK_EVENTS = Counter("moodring_player_track_events", "What happened to songs", ["type"])


class Announcements:
    """Publishes for one room over one life of the bus."""

    def __init__(self, bus: Bus, room: str) -> None:
        self._bus = bus
        self._room = room
        self._last: PlayerState | None = None

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
        after = track.model_dump(mode="json") | {"position_s": round(position_s, 3)}
        self._bus.publish(EVENTS, Event(type=kind, after=after, decision_id=track.decision_id), room=self._room)

    def problem(self, text: str) -> None:
        """Publish a problem in a person's words."""
        log.warning("%s", text)
        event = Event(type=EventType.PROBLEM, after={"service": "player", "text": text})
        self._bus.publish(EVENTS, event, room=self._room)


def _age_s(last: PlayerState, state: PlayerState) -> float:
    return (state.position_at - last.position_at).total_seconds()


def _differs(last: PlayerState, state: PlayerState) -> bool:
    """Whether a state says more than that time went by."""
    same = {"position_s": state.position_s, "position_at": state.position_at}
    return abs(state.position_s - _expected_s(last, state)) > JUMP_S or last.model_copy(update=same) != state


def _expected_s(last: PlayerState, state: PlayerState) -> float:
    """Return where a listener to `last` takes the song to be by now: a song does not run past its end."""
    if last.playback is not Playback.PLAYING or last.current is None:
        return last.position_s
    reached_s = last.position_s + _age_s(last, state)
    return min(reached_s, last.current.track.duration_s or reached_s)
