"""Who may open a stream now: FFmpeg opens one at a time in the whole process, however long that takes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TOO_LARGE_S = 600.0
"""For how long one of too many pixels is left alone: that is known only from a picture, which fills the memory."""


class Openings:
    """What is known from earlier tries, by address, of the streams of one process; any thread may ask.

    Args:
        clock: Seconds, from any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._busy = False
        self._waiting = 0
        self._doubtful: set[str] = set()
        self._left_alone: dict[str, tuple[float, str]] = {}

    @contextmanager
    def turn(self, url: str) -> Iterator[None]:
        """Have one's turn to open a stream: where the last try failed, after all others that wait.

        So one that answers and then hangs keeps the others waiting once, and not at every try.
        """
        with self._changed:
            doubtful = url in self._doubtful
            self._waiting += not doubtful
            self._changed.wait_for(lambda: not (self._busy or (doubtful and self._waiting)))
            self._waiting -= not doubtful
            self._busy = True
            self._doubtful.add(url)
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def well(self, url: str) -> None:
        """Know that one opened."""
        with self._changed:
            self._doubtful.discard(url)

    def leave_alone(self, url: str, problem: str) -> None:
        """Know that one is too large."""
        with self._changed:
            self._left_alone[url] = self._clock() + TOO_LARGE_S, problem

    def problem(self, url: str) -> str:
        """Return why one is not to be opened now; empty where it may be."""
        with self._changed:
            until, problem = self._left_alone.get(url, (0.0, ""))
            return problem if self._clock() < until else ""
