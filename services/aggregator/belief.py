"""What is believed of a window: the forward algorithm of a hidden Markov model (Rabiner 1989, section III.A). Pure.

A mood lasts for minutes and then becomes any other. So what was seen before a change does not have to be outweighed
by what was seen since: the belief turns as soon as the last seconds explain themselves better by a new mood.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence

from services.contracts.moods import EXPRESSIONS

FAITH = 0.9
"""How much of what was believed before a window is believed when it begins; the rest is any mood."""
REMEMBERED = 200
"""Beliefs kept, one a look: longer than any window takes at a look a second is not asked for."""

Belief = Sequence[float]
"""Probability of each of `EXPRESSIONS`, summing to 1."""

EVEN: Belief = (1 / len(EXPRESSIONS),) * len(EXPRESSIONS)


class Memory:
    """What was believed lately: a window begins with what was believed before it. Seconds since 1970."""

    def __init__(self) -> None:
        self._beliefs: deque[tuple[float, Belief]] = deque(maxlen=REMEMBERED)

    def note(self, at: float, belief: Belief) -> None:
        """Keep what is believed at a time; later ones are from before the clock was set back."""
        while self._beliefs and self._beliefs[-1][0] >= at:
            self._beliefs.pop()
        self._beliefs.append((at, belief))

    def before(self, at: float, hold_s: float) -> Belief:
        """Return what a window that begins at a time begins with, where moods hold for `hold_s` on average."""
        while len(self._beliefs) > 1 and self._beliefs[1][0] <= at:
            self._beliefs.popleft()
        if not self._beliefs or self._beliefs[0][0] > at:
            return EVEN
        noted_at, belief = self._beliefs[0]
        faith = FAITH * math.exp((noted_at - at) / hold_s)
        return [(1 - faith) / len(belief) + faith * share for share in belief]

    def forget(self) -> None:
        """Believe nothing."""
        self._beliefs.clear()


def forward(slices: Sequence[Sequence[float]], begin: Belief, changes: float) -> Belief:
    """Return what is believed at the end of a window.

    Args:
        slices: Logarithms of the likelihood of what each slice of time showed under each of `EXPRESSIONS`.
        begin: What is believed before the first.
        changes: Probability that the mood changes within a slice.
    """
    believed = list(begin)
    fresh = changes / len(believed)
    for logs in slices:
        top = max(logs)
        believed = [
            ((1 - changes) * one + fresh) * math.exp(log - top) for one, log in zip(believed, logs, strict=True)
        ]
        total = sum(believed)
        believed = [one / total for one in believed]
    return believed


def changes_within(seconds: float, hold_s: float) -> float:
    """Return the probability that a mood ends within some seconds, where moods hold for `hold_s` on average."""
    return 1 - math.exp(-seconds / hold_s)


def added(people: Sequence[Mapping[int, Sequence[float]]]) -> list[list[float]]:
    """Return the sum of several people's slices in their order; a slice that nobody was seen in speaks for nothing."""
    numbers = [number for person in people for number in person]
    if not numbers:
        return []
    first = min(numbers)
    sums = [[0.0] * len(EXPRESSIONS) for _ in range(first, max(numbers) + 1)]
    for person in people:
        for number, logs in person.items():
            total = sums[number - first]
            for index, log in enumerate(logs):
                total[index] += log
    return sums
