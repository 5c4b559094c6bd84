"""From what is known of a room to its mood: pure functions over plain values. All times are seconds since 1970.

A mood is entered once it has led for a while (dwell) and is then believed at one confidence. It is left at a lower one
(hysteresis), or where it has not led for as long, whatever did: no single frame flips a mood, and not knowing is an
answer. What is about to be one does not lose the time that it has led for by a moment of doubt, in which nothing else
is believed as much: a head that turns, somebody who comes in. Time in which no face is seen says nothing for it: it is
not counted, and no mood is entered in it. Whether what was seen shows it more clearly than any
other mood is asked when it is entered and as long as it stands, not while it leads: what was seen before a change takes
its time to leave the window. The figures behind this: `make mood-table`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from services.aggregator.fusion import HALF, Evidence
from services.contracts.moods import NOBODY, UNKNOWN

LEAST_SHARE = 0.1
"""Share of what was seen that a mood needs to be entered, however well it explains the rest: a little less than
the eighth that each of eight has where nothing is told apart."""
STANDS_OUT = 1.2
"""By what factor that share has to be greater than every other: of what is seen alike none is entered, although the
same answers, again and again, make one the likeliest that the model is known to say seldom. Two moods that are shown
alike for 15 seconds, five times a second, differ by chance: where probabilities flicker by 0.4 (the standard deviation
of their logarithms), the logarithm of their ratio has one of 0.4 √2 / √75, and this is 2.8 of it. That is rare, not
never, as it is asked every second: such a tie became a mood nine times in ten hours, for 154 s in all, and one that
flickers by 0.3 never in two (`test_a_tie_that_flickers_more_is_a_mood_seldom_and_for_moments` plays two of the ten)."""
SHIFT_ODDS = 6.0
"""By how much a shift of 1 moves the logarithm of the odds that a mood needs. By judgement: as far as answers can
move it (0.12, `calibration.LIMIT`) that doubles the odds."""
LOST_S = 2.0
"""Time without a face after which none is seen any more, at least: as a camera's track ends."""
FEW = 3
"""Observations that it takes to doubt that nobody is there: detectors see a face in a curtain now and then.
By judgement: a fifth of what a decision needs."""


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
    sure_s: float = 0.0
    shifts: Mapping[str, float] = field(default_factory=dict)

    @property
    def lost_s(self) -> float:
        """Time without a face after which none is seen any more: twice what lies between just enough observations."""
        return max(LOST_S, 2 * self.window_s / self.min_samples)

    def enter(self, mood: str) -> float:
        """Return the confidence at which a mood is entered."""
        return self._shifted(self.enter_confidence, mood)

    def lead(self, mood: str) -> float:
        """Return the confidence above which a mood leads: more than that in all others, and than it is left at.

        No lesson makes a mood lead that is believed less than the others together.
        """
        return max(HALF, self._shifted(max(HALF, self.leave_confidence), mood))

    def leave(self, mood: str) -> float:
        """Return the confidence below which a mood is left."""
        return self._shifted(self.leave_confidence, mood)

    def _shifted(self, confidence: float, mood: str) -> float:
        shift = self.shifts.get(mood, 0.0)
        return confidence if shift == 0 else _moved(confidence, SHIFT_ODDS * shift)


@dataclass(frozen=True)
class Decision:
    """A room's mood, and what may be about to replace it.

    Attributes:
        mood: An expression or what it folds to, `unknown` or `nobody`.
        since: When it was entered.
        candidate: What leads instead, sure or not, if anything.
        candidate_since: Since when it has done so, moments of doubt included, those without a face taken out.
        sure_since: Since when it has been believed at its confidence without a break.
        behind_since: Since when the mood itself has not led, whatever did.
        last: The latest mood that was clear.
        restored: Whether the mood is from before a restart and has not met any evidence since.
        unseen_since: Since when no face has been seen; `None` where one is.
    """

    mood: str
    since: float
    candidate: str | None = None
    candidate_since: float = 0.0
    sure_since: float | None = None
    behind_since: float | None = None
    last: str | None = None
    restored: bool = False
    unseen_since: float | None = None


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
    faceless_s = now - last_face_at
    seen = faceless_s <= rules.lost_s
    before = _waited(before, now, seen=seen)
    deserted = bool(seeing) and faceless_s >= rules.nobody_after_s
    enough = evidence.samples >= rules.min_samples and not deserted
    if enough:
        before = replace(before, restored=False)
        if before.mood == NOBODY:  # somebody is there, whatever they feel
            before = replace(before, mood=UNKNOWN, since=now)
        if before.mood not in {UNKNOWN, NOBODY} and evidence.confidence(before.mood) < rules.leave(before.mood):
            before = replace(before, mood=UNKNOWN, since=now)
    elif evidence.samples == 0 and before.mood not in {UNKNOWN, NOBODY} and not before.restored:
        before = replace(before, mood=UNKNOWN, since=now)  # nothing is left that speaks for it
    clear = _clear(evidence, rules) if enough else frozenset()
    leading = NOBODY if deserted else _target(before, evidence, rules, clear, seeing=seeing)
    target = before.candidate if _in_doubt(before.candidate, leading, evidence, rules) else leading
    if target == before.mood:
        return replace(before, candidate=None, sure_since=None, behind_since=None)
    if target == NOBODY:  # it has had its time
        return Decision(NOBODY, now)
    if leading in clear and leading == before.last and now - before.since <= rules.window_s:  # it was only in doubt
        return Decision(leading, now, last=leading)
    if target != before.candidate or now < before.candidate_since:
        before = replace(before, candidate=target, candidate_since=now, sure_since=None)
    sure = seen and target in clear and target == leading and evidence.confidence(target) >= rules.enter(target)
    behind_since = min(before.behind_since or now, now)
    before = replace(before, sure_since=(before.sure_since or now) if sure else None, behind_since=behind_since)
    if now - before.candidate_since >= rules.dwell_s and (seen or target == UNKNOWN):
        return _ripe(before, target, rules, now)
    return _left(before, now) if now - behind_since >= rules.dwell_s else before


def _waited(before: Decision, now: float, *, seen: bool) -> Decision:
    """Return the decision so far; when a face is seen again, the time without one is taken out of a candidate's."""
    if not seen:
        return replace(before, unseen_since=min(before.unseen_since or now, now))
    if before.unseen_since is None:
        return before
    unseen_s = max(0.0, now - max(before.unseen_since, before.candidate_since))
    return replace(before, candidate_since=before.candidate_since + unseen_s, unseen_since=None)


def _ripe(before: Decision, target: str, rules: Rules, now: float) -> Decision:
    """Return the decision when something else has led for its dwell: one that is not sure ends what was before it.

    The first mood may be sure just now; one that follows another has to be so for a while: a face that is misread for
    as long as the dwell is seldom misread so steadily.
    """
    if target == UNKNOWN:
        return Decision(UNKNOWN, now, last=before.last)
    if before.sure_since and now - before.sure_since >= (rules.sure_s if before.last else 0):
        return Decision(target, now, last=target)
    return _left(before, now)


def _left(before: Decision, now: float) -> Decision:
    """Return the decision when what was before it ends, and nothing has come in its place."""
    return before if before.mood == UNKNOWN else replace(before, mood=UNKNOWN, since=now)


def _in_doubt(candidate: str | None, leading: str, evidence: Evidence, rules: Rules) -> TypeGuard[str]:
    """Whether a candidate that does not lead keeps its time: nothing does, and no other is believed as much."""
    if candidate is None or leading != UNKNOWN or evidence.samples < rules.min_samples:
        return False
    others = [share for mood, share in evidence.belief.items() if mood != candidate]
    return evidence.confidence(candidate) > max(others, default=1.0)


def _target(before: Decision, evidence: Evidence, rules: Rules, clear: frozenset[str], *, seeing: bool | None) -> str:
    """Return the mood that the evidence speaks for at this moment, sure or not; faces were seen, or may have been."""
    if evidence.samples >= rules.min_samples:
        leading = _leading(evidence, rules)
        return UNKNOWN if leading == before.mood and leading not in clear else leading
    if before.restored and seeing is not False:
        return before.mood
    if before.mood == NOBODY and seeing and evidence.samples < FEW:
        return NOBODY
    return UNKNOWN


def _leading(evidence: Evidence, rules: Rules) -> str:
    """Return the mood that is believed more than all others together, if there is one."""
    leader = evidence.leader
    return leader if evidence.confidence(leader) > rules.lead(leader) else UNKNOWN


def _clear(evidence: Evidence, rules: Rules) -> frozenset[str]:
    """Return the moods that what was seen shows clearly enough to enter and keep, by all that the room was taught.

    A mood that was weighed down stands out as well where it did so in the answers themselves: so there are two at most.
    """
    clear = set()
    for found in (evidence.distribution, evidence.answered or evidence.distribution):
        shares = {one: _handicapped(share, rules.shifts.get(one, 0.0)) for one, share in found.items()}
        first, *others = sorted(shares, key=shares.__getitem__, reverse=True) or [UNKNOWN]
        if evidence.distribution.get(first, 0.0) < LEAST_SHARE:
            continue
        if shares[first] >= STANDS_OUT * (shares[others[0]] if others else 0.0):
            clear.add(first)
    return frozenset(clear)


def _handicapped(probability: float, shift: float) -> float:
    """Return how far ahead a mood is; one that needs more confidence has to be ahead by more."""
    return probability * math.exp(-SHIFT_ODDS * shift)


def _moved(probability: float, by: float) -> float:
    """Return a probability whose logarithm of the odds was moved."""
    if not 0 < probability < 1:
        return probability
    return 1 / (1 + (1 - probability) / probability * math.exp(-by))
