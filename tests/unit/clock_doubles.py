"""A clock that the test moves on."""

from collections.abc import Callable


class Clock:
    """Has things called later, a minute at a time."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []

    def later(self, _delay_s: float, call: Callable[[], None]) -> None:
        """Note what to call when the minute is over."""
        self._due.append(call)

    def minute(self) -> None:
        """Let a minute pass."""
        due, self._due = self._due, []
        for call in due:
            call()
