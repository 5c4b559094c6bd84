"""From what is said on the bus to what is written down."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.contracts.messages import Event, EventType, Mood, QueuedTrack
from services.recommender.minutes import MAX_COUNT
from services.recommender.mood_history import MoodDecision
from services.recommender.records import Ended, Judgement, Record, Started

TRACK_EVENTS = frozenset(
    {
        EventType.TRACK_STARTED,
        EventType.TRACK_FINISHED,
        EventType.TRACK_SKIPPED,
        EventType.TRACK_LIKED,
        EventType.TRACK_DISLIKED,
    }
)

MAX_LABELS = 32
"""Labels of a distribution that are kept, the largest ones."""
BELIEVED_S = 7 * 24 * 3600
"""A mood that claims to have been decided longer ago comes from a wrong clock."""


class _Heard(QueuedTrack):
    """What a track event says: the track, and how far it was played."""

    position_s: Annotated[float, Field(ge=0)] | None = None


def mood_of(event: Event) -> Mood | None:
    """Return the mood that an event says was decided, `None` where it is about something else.

    Raises:
        ValueError: A changed mood that is none (pydantic's error is one).
    """
    return Mood.model_validate(event.after) if event.type is EventType.MOOD_CHANGED else None


def mood_decision(mood: Mood, room: str, now: datetime) -> MoodDecision:
    """Return what to write down about a mood that may have been decided a while ago."""
    largest = sorted(mood.distribution.items(), key=lambda item: -item[1])[:MAX_LABELS]
    return MoodDecision(
        decision_id=mood.decision_id,
        room=room,
        decided_at=_made_at(mood.decision_id, now),
        mood=mood.mood,
        confidence=mood.confidence,
        distribution=dict(largest),
        valence=mood.valence,
        arousal=mood.arousal,
        people=min(mood.people, MAX_COUNT),
        samples=min(mood.samples, MAX_COUNT),
        source=mood.source,
    )


def _made_at(decision_id: UUID, now: datetime) -> datetime:
    """Return when an id was made, as RFC 9562 section 5.7 has it; `now` where it does not say so believably."""
    made_s = (decision_id.int >> 80) / 1000
    if decision_id.version == 7 and now.timestamp() - BELIEVED_S <= made_s <= now.timestamp():  # noqa: PLR2004
        return datetime.fromtimestamp(made_s, UTC)
    return now


def record_of(event: Event, room: str) -> Record | None:
    """Return what to write down about an event, `None` where it is not about a track.

    Raises:
        ValueError: A track event that does not say which track (pydantic's error is one).
    """
    if event.type not in TRACK_EVENTS:
        return None
    if event.after is None:
        raise ValueError(f"{event.type} does not say which track")
    track = _Heard.model_validate(event.after)
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
    return Ended(started, skipped=event.type is EventType.TRACK_SKIPPED, heard_s=track.position_s, at=event.at)
