"""Waits between tries: they double, up to a bound, and are jittered so that many who wait do not try at once."""

import random


class Backoff:
    """Waits in seconds, each between half of and a whole one that doubles from `first_s` up to `longest_s`.

    Half of each wait is left to chance ("equal jitter": M. Brooker, "Exponential backoff and jitter", 2015).
    """

    def __init__(self, first_s: float, longest_s: float, chance: random.Random | None = None) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._chance = chance or random.Random()  # noqa: S311 - jitter is no secret
        self._next_s = first_s

    def next_s(self) -> float:
        """Return how long to wait now."""
        wait_s = self._next_s
        self._next_s = min(wait_s * 2, self._longest_s)
        return self._chance.uniform(wait_s / 2, wait_s)

    def reset(self) -> None:
        """Begin again with the shortest wait: the last try went well."""
        self._next_s = self._first_s
