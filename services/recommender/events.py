"""From what a player says happened to what is written down."""

from services.contracts.messages import Event, EventType, QueuedTrack
from services.recommender.history import Ended, Judgement, Record, Started

TRACK_EVENTS = frozenset(
    {
        EventType.TRACK_STARTED,
        EventType.TRACK_FINISHED,
        EventType.TRACK_SKIPPED,
        EventType.TRACK_LIKED,
        EventType.TRACK_DISLIKED,
    }
)


def record_of(event: Event, room: str) -> Record | None:
    """Return what to write down about an event, `None` where it is not about a track.

    Raises:
        ValueError: A track event that does not say which track (pydantic's error is one).
    """
    if event.type not in TRACK_EVENTS:
        return None
    if event.after is None:
        raise ValueError(f"{event.type} does not say which track")
    fields = dict(event.after)
    position_s = fields.pop("position_s", None)
    track = QueuedTrack.model_validate(fields)
    if event.type in {EventType.TRACK_LIKED, EventType.TRACK_DISLIKED}:
        return Judgement(
            id=event.id,
            room=room,
            song_id=track.track.song_id,
            liked=event.type is EventType.TRACK_LIKED,
            given_at=event.at,
            decision_id=track.decision_id,
            play_id=track.play_id,
        )
    started = Started(track.play_id, room, track.track.song_id, track.decision_id, event.at)
    if event.type is EventType.TRACK_STARTED:
        return started
    heard_s = float(position_s) if isinstance(position_s, int | float) else None
    return Ended(started, skipped=event.type is EventType.TRACK_SKIPPED, heard_s=heard_s, at=event.at)
