"""What is believed of a window: the forward algorithm of a hidden Markov model (Rabiner 1989, section III.A). Pure.

A mood lasts for minutes and then becomes any other. So what was seen before a change does not have to be outweighed
by what was seen since: the belief turns as soon as the last seconds explain themselves better by a new mood.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from operator import mul

from services.contracts.moods import EXPRESSIONS

NOTE_S = 0.9
"""Time between two beliefs that are kept: every look, at a look a second."""

MOST_CHANGES = 0.999
"""Something of what was believed stays, however short moods are."""

Belief = Sequence[float]
"""Probability of each mood that there can be, summing to 1: of `EXPRESSIONS`, and of taught ones behind them."""

EVEN: Belief = (1 / len(EXPRESSIONS),) * len(EXPRESSIONS)


class Memory:
    """What was believed lately: a window begins with what was believed before it. Seconds since 1970.

    Args:
        window_s: Length of the window.
        hold_s: How long moods last on average.
        moods: How many there can be.
    """

    def __init__(self, window_s: float, hold_s: float, moods: int = len(EXPRESSIONS)) -> None:
        self._window_s, self._hold_s = window_s, hold_s
        self._even: Belief = (1 / moods,) * moods
        self._beliefs: deque[tuple[float, Belief]] = deque()

    def note(self, now: float, belief: Belief) -> None:
        """Keep what is believed now for as long as a window may begin with it; once in `NOTE_S` is enough."""
        while self._beliefs and self._beliefs[-1][0] > now:  # from before the clock was set back
            self._beliefs.pop()
        if not self._beliefs or now - self._beliefs[-1][0] >= NOTE_S:
            self._beliefs.append((now, belief))
        while len(self._beliefs) > 1 and self._beliefs[1][0] <= now - self._window_s:
            self._beliefs.popleft()

    def begin(self, now: float) -> Belief:
        """Return what the window that ends now begins with."""
        at = now - self._window_s
        noted_at, belief = at, self._even
        for one in self._beliefs:  # the oldest is nearly always the one
            if one[0] > at:
                break
            noted_at, belief = one
        faith = math.exp((noted_at - at) / self._hold_s)
        return [(1 - faith) / len(belief) + faith * share for share in belief]

    def forget(self) -> None:
        """Believe nothing."""
        self._beliefs.clear()


def forward(slices: Sequence[Sequence[float]], begin: Belief, changes: float) -> Belief:
    """Return what is believed at the end of a window.

    Args:
        slices: How likely what each slice of time showed is under each mood, over the greatest of them.
        begin: What is believed before the first; it sums to 1.
        changes: Probability that the mood changes within a slice, below 1.
    """
    believed = list(begin)
    fresh = changes / (1 - changes) / len(believed)  # of what stays as it was
    for likelihoods in slices:
        believed = list(map(mul, [one + fresh for one in believed], likelihoods))
        total = sum(believed)
        believed = [one / total for one in believed]
    return believed


def changes_within(seconds: float, hold_s: float) -> float:
    """Return the probability that a mood ends within some seconds, where moods hold for `hold_s` on average."""
    return min(MOST_CHANGES, 1 - math.exp(-seconds / hold_s))


def filled(slices: Mapping[int, Sequence[float]]) -> list[Sequence[float]]:
    """Return slices in their order; one in which nothing was seen speaks for nothing."""
    if not slices:
        return []
    silent = [1.0] * len(next(iter(slices.values())))
    return [slices.get(number, silent) for number in range(min(slices), max(slices) + 1)]
