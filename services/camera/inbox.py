"""One place for the newest of something, between the threads that bring it and the one that reads."""

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

PAUSES = 5
"""The usual time between two is the median of so many."""


class Inbox(Generic[T]):
    """What is put in replaces what nobody has taken yet.

    Args:
        clock: Seconds, from any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._came_at: float | None = None
        self._pauses: deque[float] = deque(maxlen=PAUSES)
        self._changed = threading.Condition()
        self._newest: T | None = None

    def put(self, new: T) -> None:
        """Put something in."""
        with self._changed:
            now = self._clock()
            if self._came_at is not None:
                self._pauses.append(now - self._came_at)
            self._came_at, self._newest = now, new
            self._changed.notify_all()

    def take(self, within_s: float) -> T | None:
        """Take out what is there, or comes within some seconds; `None` where nothing does."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None, within_s)
            taken, self._newest = self._newest, None
            return taken

    @property
    def pause_s(self) -> float:
        """The usual time from one to the next, in seconds, of late; 0 where none is known."""
        with self._changed:
            return statistics.median(self._pauses or [0.0])

    def clear(self) -> None:
        """Forget what nobody has taken."""
        with self._changed:
            self._newest = None
