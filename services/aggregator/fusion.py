"""From tracks to a room's mood: pure functions over plain values. All times are seconds since 1970.

The room's distribution is the mean of those who are heard (see `people`); what is believed of it is which mood
explains best what they showed, slice by slice (see `belief`). A mood is entered once it has led for a while (dwell)
and is then believed at one confidence, and left at a lower one (hysteresis), or where another has led as long without
being that sure: no single frame flips a mood, and not knowing is an answer. The figures behind this: `make mood-table`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.aggregator.belief import EVEN, Belief, filled, forward
from services.aggregator.people import FUSIONS, folded, mean, point, voters
from services.aggregator.window import TrackEvidence
from services.contracts.moods import EXPRESSIONS, NOBODY, UNKNOWN, Point

LEAST_SHARE = 0.1
"""Share of what was seen that a mood needs to be entered, however well it explains the rest."""
DOUBTED = 0.02
"""Least that a person's belief in a mood counts as: one of three who is sure of another does not outweigh two."""
HALF = 0.5
"""Share of the votes, and most that is believed of a mood that no more than so many share: it does not lead."""
SHIFT_ODDS = 10.0
"""By how much a shift of 1 moves the logarithm of the odds that a mood needs."""
FEW = 3
"""Observations that it takes to doubt that nobody is there: detectors see a face in a curtain now and then."""
PRESENT_S = 3.0
"""Who was seen within this time counts as there."""

ORIGIN = Point(0.0, 0.0)


@dataclass(frozen=True)
class Rules:
    """When a mood is decided; see the settings of the same names.

    `shifts` says by how much more confidence a mood needs than others, where a room was taught so; it moves odds, so
    that what is nearly sure stays possible.
    """

    min_samples: int
    enter_confidence: float
    leave_confidence: float
    dwell_s: float
    nobody_after_s: float
    window_s: float
    shifts: Mapping[str, float] = field(default_factory=dict)

    def enter(self, mood: str) -> float:
        """Return the confidence at which a mood is entered."""
        return self._shifted(self.enter_confidence, mood)

    def lead(self, mood: str) -> float:
        """Return the confidence above which a mood leads: more than that in all others, and than it is left at."""
        return self._shifted(max(HALF, self.leave_confidence), mood)

    def leave(self, mood: str) -> float:
        """Return the confidence below which a mood is left."""
        return self._shifted(self.leave_confidence, mood)

    def _shifted(self, confidence: float, mood: str) -> float:
        shift = self.shifts.get(mood, 0.0)
        return confidence if shift == 0 else _moved(confidence, SHIFT_ODDS * shift)


@dataclass(frozen=True)
class Evidence:
    """What is known of a room.

    Attributes:
        distribution: Probability of each mood that can be decided, summing to 1; empty where nothing is known.
        samples: Observations in the window.
        people: How many were seen just now.
        place: Expected point on the plane, of the expressions before they were folded to moods.
        belief: Probability of each mood behind this; how sure a mood is.
        expressions: The same of the expressions, as if all felt alike; empty where nothing is known.
    """

    distribution: Mapping[str, float] = field(default_factory=dict)
    samples: int = 0
    people: int = 0
    place: Point = ORIGIN
    belief: Mapping[str, float] = field(default_factory=dict)
    expressions: Belief = ()

    def confidence(self, mood: str) -> float:
        """Return how sure a mood is, 0 to 1."""
        return self.belief.get(mood, 0.0)

    @property
    def leader(self) -> str:
        """The most probable mood; `unknown` where nothing is known."""
        return max(self.belief, key=self.belief.__getitem__, default=UNKNOWN)


@dataclass(frozen=True)
class Decision:
    """A room's mood, and what may be about to replace it.

    Attributes:
        mood: An expression or what it folds to, `unknown` or `nobody`.
        since: When it was entered.
        candidate: What leads instead, sure or not, if anything.
        candidate_since: Since when it has done so without a break.
        last: The latest mood that was clear.
        restored: Whether the mood is from before a restart and has not met any evidence since.
    """

    mood: str
    since: float
    candidate: str | None = None
    candidate_since: float = 0.0
    last: str | None = None
    restored: bool = False


def fuse(
    tracks: Sequence[TrackEvidence],
    now: float,
    *,
    fusion: str = "average",
    folding: Mapping[str, str] | None = None,
    changes: float,
    begin: Belief = EVEN,
) -> Evidence:
    """Return what the people of a room say together.

    Args:
        tracks: What is known of each.
        now: The time.
        fusion: Who is heard: a key of `people.FUSIONS`.
        folding: Expression → mood, for those that are not moods of their own.
        changes: Probability that the mood changes within a slice of the window.
        begin: What is believed before the window.
    """
    heard = FUSIONS[fusion](voters(tracks, folding or {}))
    votes = [voter.vote for voter in heard]
    believed = [forward(filled(voter.slices), begin, changes) for voter in heard]
    moods = [folded(dict(zip(EXPRESSIONS, one, strict=True)), folding or {}) for one in believed]
    return Evidence(
        distribution=mean([voter.moods for voter in heard], votes),
        samples=sum(track.samples for track in tracks),
        people=sum(now - track.last_at <= PRESENT_S for track in tracks),
        place=point(mean([voter.expressions for voter in heard], votes)),
        belief=_agreed(moods, votes),
        expressions=tuple(_pooled(believed, votes)) if heard else (),
    )


def _agreed(moods: Sequence[Mapping[str, float]], votes: Sequence[float]) -> Mapping[str, float]:
    """Return what a room's people believe together; of what no more than half of the votes believe, half at most."""
    names = list(moods[0]) if moods else []
    together = dict(zip(names, _pooled([[own[name] for name in names] for own in moods], votes), strict=True))
    most = HALF * sum(votes)
    return {
        mood: share
        if sum(vote for vote, own in zip(votes, moods, strict=True) if own[mood] > HALF) > most
        else min(share, HALF)
        for mood, share in together.items()
    }


def _pooled(beliefs: Sequence[Belief], votes: Sequence[float]) -> Belief:
    """Return the logarithmic opinion pool of beliefs, summing to 1 (Genest and Zidek, Statistical Science, 1986).

    No one's belief counts as less than `DOUBTED`, so that one who is very sure does not outweigh all others.
    """
    if len(beliefs) < 2:  # noqa: PLR2004 -- nobody to agree with
        return beliefs[0] if beliefs else ()
    logs = [
        sum(vote * math.log(max(share, DOUBTED)) for vote, share in zip(votes, column, strict=True))
        for column in zip(*beliefs, strict=True)
    ]
    powers = [math.exp(log) for log in logs]
    total = sum(powers)
    return [power / total for power in powers]


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
    enough = evidence.samples >= rules.min_samples
    if enough:
        before = replace(before, restored=False)
        if before.mood not in {UNKNOWN, NOBODY} and evidence.confidence(before.mood) < rules.leave(before.mood):
            before = replace(before, mood=UNKNOWN, since=now)
    target = _target(before, evidence, rules, faceless_s=now - last_face_at, seeing=seeing)
    if target == before.mood:
        return replace(before, candidate=None)
    if target == NOBODY:  # it has had its time
        return Decision(NOBODY, now)
    if enough and target == before.last and now - before.since <= rules.window_s:  # it was only in doubt
        return Decision(target, now, last=target)
    if target != before.candidate or now < before.candidate_since:
        return replace(before, candidate=target, candidate_since=now)
    if now - before.candidate_since < rules.dwell_s:
        return before
    if target in evidence.belief and evidence.confidence(target) < rules.enter(target):
        return before if before.mood == UNKNOWN else replace(before, mood=UNKNOWN, since=now)
    return Decision(target, now, last=before.last if target == UNKNOWN else target)


def _target(before: Decision, evidence: Evidence, rules: Rules, *, faceless_s: float, seeing: bool | None) -> str:
    """Return the mood that the evidence speaks for at this moment, sure or not."""
    if seeing and faceless_s >= rules.nobody_after_s:
        return NOBODY
    if evidence.samples >= rules.min_samples:
        return _leading(before, evidence, rules)
    if before.restored and seeing is not False:
        return before.mood
    if before.mood == NOBODY and seeing and evidence.samples < FEW:
        return NOBODY
    return UNKNOWN


def _leading(before: Decision, evidence: Evidence, rules: Rules) -> str:
    """Return the mood that is believed more than all others together, else the one so far."""
    seen = [mood for mood in evidence.belief if evidence.distribution.get(mood, 0.0) >= LEAST_SHARE]
    leader = max(
        seen, key=lambda mood: _handicapped(evidence.belief[mood], rules.shifts.get(mood, 0.0)), default=UNKNOWN
    )
    if evidence.confidence(leader) > rules.lead(leader):
        return leader
    return before.mood if before.mood in evidence.belief else UNKNOWN


def _handicapped(probability: float, shift: float) -> float:
    """Return how far ahead a mood is; one that needs more confidence has to be ahead by more."""
    return probability * math.exp(-SHIFT_ODDS * shift)


def _moved(probability: float, by: float) -> float:
    """Return a probability whose logarithm of the odds was moved."""
    if not 0 < probability < 1:
        return probability
    return 1 / (1 + (1 - probability) / probability * math.exp(-by))
