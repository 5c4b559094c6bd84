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
from dataclasses import dataclass, replace
from typing import TypeGuard

from services.aggregator.fusion import Evidence
from services.aggregator.rules import SHIFT_ODDS, Rules
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
        restored: Whether the mood is from before a restart, or before all that was seen was forgotten, and has not met
            any evidence since.
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
        last_face_at: When word of somebody came last, however long it took, or when looking began.
        seeing: Whether a camera works; `None` where none has said so yet.
    """
    faceless_s = now - last_face_at
    seen = faceless_s <= rules.lost_s
    before = _waited(before, now, seen=seen)
    if seeing and faceless_s >= rules.nobody_after_s:
        return _settled(before) if before.mood == NOBODY else Decision(NOBODY, now)
    enough = evidence.samples >= rules.min_samples
    before = _held(before, evidence, rules, now) if enough else _blank(before, evidence, now, seeing=seeing)
    clear = _clear(evidence, rules) if enough else frozenset()
    leading = _leading(before, evidence, rules, clear) if enough else _unseen(before, seeing=seeing)
    target = before.candidate if _in_doubt(before.candidate, leading, evidence, rules) else leading
    if target == before.mood:
        return _settled(before)
    if leading in clear and leading == before.last and now - before.since <= rules.window_s:  # it was only in doubt
        return Decision(leading, now, last=leading)
    sure = seen and target in clear and target == leading and evidence.confidence(target) >= rules.enter(target)
    before = _led(before, target, now, sure=sure)
    if now - before.candidate_since >= rules.dwell_s and (seen or target == UNKNOWN):
        return _ripe(before, target, rules, now)
    return _left(before, now) if now - (before.behind_since or now) >= rules.dwell_s else before


def _waited(before: Decision, now: float, *, seen: bool) -> Decision:
    """Return the decision so far; when a face is seen again, the time without one is taken out of a candidate's."""
    if not seen:
        return replace(before, unseen_since=_earlier(before.unseen_since, now))
    if before.unseen_since is None:
        return before
    unseen_s = max(0.0, now - max(before.unseen_since, before.candidate_since))
    return replace(before, candidate_since=before.candidate_since + unseen_s, unseen_since=None)


def _held(before: Decision, evidence: Evidence, rules: Rules, now: float) -> Decision:
    """Return what of the decision still holds where somebody is seen well enough."""
    before = replace(before, restored=False)
    if before.mood == NOBODY or evidence.confidence(before.mood) < rules.leave(before.mood):
        return _left(before, now)
    return before


def _blank(before: Decision, evidence: Evidence, now: float, *, seeing: bool | None) -> Decision:
    """Return what still holds where too little is seen: no mood for which nothing speaks, and no empty room."""
    gone = bool(seeing) if before.mood == NOBODY else evidence.samples == 0
    return _left(before, now) if gone and not before.restored else before


def _led(before: Decision, target: str, now: float, *, sure: bool) -> Decision:
    """Return the decision with what leads instead, and for how long it has."""
    if target != before.candidate or now < before.candidate_since:
        before = replace(before, candidate=target, candidate_since=now, sure_since=None)
    return replace(
        before,
        sure_since=_earlier(before.sure_since, now) if sure else None,
        behind_since=_earlier(before.behind_since, now),
    )


def _earlier(since: float | None, now: float) -> float:
    """Return since when something is so that is so now; the clock may have been set back."""
    return now if since is None else min(since, now)


def _settled(before: Decision) -> Decision:
    """Return the decision where nothing leads instead."""
    return replace(before, candidate=None, sure_since=None, behind_since=None)


def _ripe(before: Decision, target: str, rules: Rules, now: float) -> Decision:
    """Return the decision when something else has led for its dwell: one that is not sure ends what was before it.

    The first mood may be sure just now; one that follows another has to be so for a while: a face that is misread for
    as long as the dwell is seldom misread so steadily.
    """
    if target == UNKNOWN:
        return Decision(UNKNOWN, now, last=before.last)
    if before.sure_since is not None and now - before.sure_since >= (rules.sure_s if before.last else 0):
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


def _unseen(before: Decision, *, seeing: bool | None) -> str:
    """Return what leads where too little is seen: a mood that was restored, as long as nothing speaks against it."""
    return before.mood if before.restored and seeing is not False else UNKNOWN


def _leading(before: Decision, evidence: Evidence, rules: Rules, clear: frozenset[str]) -> str:
    """Return the mood that is believed more than all others together, if there is one; it has to show to stay."""
    leader = evidence.leader
    if evidence.confidence(leader) <= rules.lead(leader):
        return UNKNOWN
    return UNKNOWN if leader == before.mood and leader not in clear else leader


def _clear(evidence: Evidence, rules: Rules) -> frozenset[str]:
    """Return the moods that what was seen shows clearly enough to enter and keep, by all that the room was taught.

    A mood that was weighed down stands out as well where it did so in the answers themselves: so there are two at most.
    """
    clear = set()
    for found in (evidence.distribution, evidence.unweighed or evidence.distribution):
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
