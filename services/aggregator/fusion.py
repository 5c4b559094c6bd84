"""From tracks to a room's mood: pure functions over plain values. All times are seconds since 1970.

The room's distribution is the mean of those who are heard (see `people`). Its leading mood has to be clear
(entered at one confidence, left at a lower one: hysteresis) and to stay so for a while (dwell) before it is the
room's: no single frame flips a mood, and not knowing is an answer.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.aggregator.people import FUSIONS, mean, point, voters
from services.aggregator.window import TrackEvidence
from services.contracts.moods import NOBODY, UNKNOWN, Point

MARGIN = 0.1
"""Probability by which a mood must lead the next one to be entered; closer is a tie."""
FEW = 3
"""Observations that it takes to doubt that nobody is there: detectors see a face in a curtain now and then."""
PRESENT_S = 3.0
"""Who was seen within this time counts as there."""

ORIGIN = Point(0.0, 0.0)


@dataclass(frozen=True)
class Rules:
    """When a mood is decided; see the settings of the same names.

    `shifts` says by how much more confidence a mood needs than others, where a room was taught so.
    """

    min_samples: int
    enter_confidence: float
    leave_confidence: float
    dwell_s: float
    nobody_after_s: float
    shifts: Mapping[str, float] = field(default_factory=dict)

    def enter(self, mood: str) -> float:
        """Return the confidence at which a mood is entered."""
        return self._shifted(self.enter_confidence, mood)

    def leave(self, mood: str) -> float:
        """Return the confidence below which a mood is left."""
        return self._shifted(self.leave_confidence, mood)

    def _shifted(self, confidence: float, mood: str) -> float:
        return max(0.0, min(1.0, confidence + self.shifts.get(mood, 0.0)))


@dataclass(frozen=True)
class Evidence:
    """What is known of a room.

    Attributes:
        distribution: Probability of each mood that can be decided, summing to 1; empty where nothing is known.
        strength: How much stands behind it, 0 to 1.
        samples: Observations in the window.
        people: How many were seen just now.
        place: Expected point on the plane, of the expressions before they were folded to moods.
    """

    distribution: Mapping[str, float] = field(default_factory=dict)
    strength: float = 0.0
    samples: int = 0
    people: int = 0
    place: Point = ORIGIN

    def confidence(self, mood: str) -> float:
        """Return how sure a mood is, 0 to 1: its probability, less where little stands behind it."""
        return self.distribution.get(mood, 0.0) * self.strength

    @property
    def leader(self) -> str:
        """The most probable mood; `unknown` where nothing is known."""
        return max(self.distribution, key=self.distribution.__getitem__, default=UNKNOWN)


@dataclass(frozen=True)
class Decision:
    """A room's mood, and what may be about to replace it.

    Attributes:
        mood: An expression or what it folds to, `unknown` or `nobody`.
        since: When it was entered.
        candidate: What leads instead, if anything.
        candidate_since: Since when it has done so without a break.
        restored: Whether the mood is from before a restart and has not met any evidence since.
    """

    mood: str
    since: float
    candidate: str | None = None
    candidate_since: float = 0.0
    restored: bool = False


def fuse(
    tracks: Sequence[TrackEvidence], now: float, fusion: str = "average", folding: Mapping[str, str] | None = None
) -> Evidence:
    """Return what the people of a room say together.

    Args:
        tracks: What is known of each.
        now: The time.
        fusion: Who is heard: a key of `people.FUSIONS`.
        folding: Expression → mood, for those that are not moods of their own.
    """
    heard = FUSIONS[fusion](voters(tracks, folding or {}))
    votes = [voter.vote for voter in heard]
    return Evidence(
        distribution=mean([voter.moods for voter in heard], votes),
        strength=1 - math.prod(1 - vote for vote in votes),
        samples=sum(track.samples for track in tracks),
        people=sum(now - track.last_at <= PRESENT_S for track in tracks),
        place=point(mean([voter.expressions for voter in heard], votes)),
    )


def decide(
    before: Decision, evidence: Evidence, rules: Rules, *, now: float, last_face_at: float, seeing: bool | None
) -> Decision:
    """Return the room's decision after one more look at the evidence; ask about every second.

    Args:
        before: The decision so far.
        evidence: What the window holds.
        rules: When a mood is decided.
        now: The time.
        last_face_at: When any face was seen last, or when looking began.
        seeing: Whether a camera works; `None` where none has said so yet.
    """
    if evidence.samples >= rules.min_samples:
        before = replace(before, restored=False)
    target = _target(before, evidence, rules, faceless_s=now - last_face_at, seeing=seeing)
    if target == before.mood:
        return replace(before, candidate=None)
    if target == NOBODY:  # it has had its time
        return Decision(NOBODY, now)
    if target != before.candidate or now < before.candidate_since:
        return replace(before, candidate=target, candidate_since=now)
    return Decision(target, now) if now - before.candidate_since >= rules.dwell_s else before


def _target(before: Decision, evidence: Evidence, rules: Rules, *, faceless_s: float, seeing: bool | None) -> str:
    """Return the mood that the evidence speaks for at this moment."""
    if seeing and faceless_s >= rules.nobody_after_s:
        return NOBODY
    if evidence.samples >= rules.min_samples:
        return _clearest(before.mood, evidence, rules)
    if before.restored and seeing is not False:
        return before.mood
    if before.mood == NOBODY and seeing and evidence.samples < FEW:
        return NOBODY
    return UNKNOWN


def _clearest(mood: str, evidence: Evidence, rules: Rules) -> str:
    leader, lead = _leader(evidence, rules)
    if leader != mood and evidence.confidence(leader) >= rules.enter(leader) and lead >= MARGIN:
        return leader
    stays = mood in evidence.distribution and evidence.confidence(mood) >= rules.leave(mood)
    return mood if stays else UNKNOWN


def _leader(evidence: Evidence, rules: Rules) -> tuple[str, float]:
    """Return the mood that leads and by what probability; one that needs more confidence has to lead by more."""
    standing = {mood: share - rules.shifts.get(mood, 0.0) for mood, share in evidence.distribution.items()}
    first, second = sorted([*standing.values(), 0.0, 0.0], reverse=True)[:2]
    return max(standing, key=standing.__getitem__, default=UNKNOWN), first - second
