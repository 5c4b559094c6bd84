"""One place for the newest of something, between the threads that bring it and the one that reads."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """What is put in replaces what nobody has taken yet."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest: T | None = None

    def put(self, new: T) -> None:
        """Put something in."""
        with self._changed:
            self._newest = new
            self._changed.notify_all()

    def take(self, within_s: float) -> T | None:
        """Take out what is there, or comes within some seconds; `None` where nothing does."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None, within_s)
            taken, self._newest = self._newest, None
            return taken

    def clear(self) -> None:
        """Forget what nobody has taken."""
        with self._changed:
            self._newest = None
