"""A room's mood as it is told: what its cameras decided, or what a person said. Pure; seconds since 1970."""

from datetime import UTC, datetime
from uuid import UUID

from services.aggregator.decision import STANDS_OUT, Decision
from services.aggregator.errors import NotNowError
from services.aggregator.fusion import ORIGIN, Evidence
from services.contracts.agreement import HALF
from services.contracts.messages import Mood, MoodOverride, MoodSource
from services.contracts.moods import NOBODY, UNKNOWN, Point

LATEST_COMMAND_S = 600.0
"""The bus keeps a command this long; one that claims to be older comes from a wrong clock, and was given just now."""


def decided(decision: Decision, decision_id: UUID, evidence: Evidence, window_s: float) -> Mood:
    """Return what the cameras decided."""
    mood = decision.mood
    distribution = {} if mood == NOBODY else evidence.distribution
    place = evidence.place if distribution else ORIGIN
    confidence = _likeliest(evidence) if mood == UNKNOWN else 1.0 if mood == NOBODY else evidence.confidence(mood)
    return Mood(
        mood=mood,
        confidence=round(min(1.0, confidence), 4),
        distribution={label: round(min(1.0, share), 4) for label, share in distribution.items()},
        valence=round(place.valence, 4),
        arousal=round(place.arousal, 4),
        people=evidence.people,
        samples=evidence.samples,
        window_s=window_s,
        since=_utc(decision.since),
        source=MoodSource.CAMERA,
        decision_id=decision_id,
    )


def _likeliest(evidence: Evidence) -> float:
    """Return how sure the likeliest mood is: half at most where what was seen shows another about as much."""
    sure, leader, shown = evidence.confidence(evidence.leader), evidence.leader, evidence.distribution
    most = max((share for mood, share in shown.items() if mood != leader), default=0.0)
    return sure if shown.get(leader, 0.0) >= STANDS_OUT * most else min(sure, HALF)


def overridden(command: MoodOverride, place: Point, window_s: float, now: float, decision_id: UUID) -> Mood:
    """Return what a person said.

    The minutes count from when the command was given, as far as its clock can be believed.

    Raises:
        NotNowError: Its time is over already.
    """
    given_at = command.issued_at.timestamp()
    given_at = given_at if now - LATEST_COMMAND_S <= given_at <= now else now
    until = given_at + 60 * command.minutes
    if until <= now:
        raise NotNowError(
            f"{command.mood} for {command.minutes:g} minutes was said {(now - given_at) / 60:.0f} minutes ago, so its "
            "time is over; say it again, or, if it was said just now, set the clocks of both machines"
        )
    return Mood(
        mood=command.mood, confidence=1, valence=place.valence, arousal=place.arousal, people=0, samples=0,
        window_s=window_s, since=_utc(now), until=_utc(until), source=MoodSource.OVERRIDE, decision_id=decision_id,
    )  # fmt: skip


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
