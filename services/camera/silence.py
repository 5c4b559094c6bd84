"""How long a camera has sent nothing."""

import math
import time


class Silence:
    """Counts over every opening of a camera, so that one which is opened again is not thought to have spoken.

    It is broken on the thread that reads, and asked on the loop.
    """

    def __init__(self) -> None:
        self._since = math.inf

    @property
    def lasts_s(self) -> float:
        """Seconds without a picture; 0 where none is awaited."""
        return max(0.0, time.monotonic() - self._since)

    def begin(self) -> None:
        """Await a picture from now on, where none is awaited yet."""
        self._since = min(self._since, time.monotonic())

    def broken(self) -> None:
        """Count anew: a picture came."""
        self._since = time.monotonic()

    def end(self) -> None:
        """Await none."""
        self._since = math.inf
