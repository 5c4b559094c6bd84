"""Bad input, said once a minute per kind and place; what was held back is said when the minute is over."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakSet

log = logging.getLogger(__name__)

EVERY_S = 60.0
MAX_PLACES = 10
"""Places of a kind that are told apart within a minute: whoever sends bad input chooses their names."""
ELSEWHERE = " and elsewhere"

Later = Callable[[float, Callable[[], None]], object]
"""Has something called after some seconds."""


@dataclass
class _Minute:
    """What came of one kind at one place, by who heard it: several services of a process hear the same message."""

    place: str
    problem: object
    said: int = 0
    times: Counter[str] = field(default_factory=Counter)

    @property
    def line(self) -> str:
        """What there is to say."""
        return f"{self.place}: {self.problem}"

    @property
    def held(self) -> int:
        """How often it was not said."""
        return max(self.times.values(), default=0) - self.said


class Complaints:
    """What there is to complain of.

    Args:
        log: Where to.
        later: The clock; the running loop's without it.
    """

    def __init__(self, log: logging.Logger = log, later: Later | None = None) -> None:
        self._log = log
        self._later = later or (lambda delay_s, call: asyncio.get_running_loop().call_later(delay_s, call))
        self._minutes: dict[tuple[str, str], _Minute] = {}
        _ALL.add(self)

    def note(self, kind: str, place: str, problem: object, *, times: int = 1, by: str = "") -> None:
        """Say what is wrong: at once or, where its like was said within the minute, when that is over.

        Args:
            kind: What is wrong, in general.
            place: Where.
            problem: What is wrong, exactly, and what to do; put into words only when it is said.
            times: How much is lost by it.
            by: Who heard it.
        """
        key = (kind, place)
        if key not in self._minutes and sum(one == kind for one, _ in self._minutes) >= MAX_PLACES:
            key, place = (kind, ELSEWHERE), f"{place}{ELSEWHERE}"
        minute = self._minutes.get(key)
        if minute is None:
            minute = self._begin(key, _Minute(place, problem, said=times))
            self._log.warning("%s (%d times)", minute.line, times)
        minute.place, minute.problem = place, problem
        minute.times[by] += times

    def end(self) -> None:
        """Say what is held back, now: whoever would say it later is about to stop."""
        minutes, self._minutes = self._minutes, {}
        for minute in minutes.values():
            if minute.held:
                self._log.warning("%s (%d times more until the end)", minute.line, minute.held)

    def _begin(self, key: tuple[str, str], minute: _Minute) -> _Minute:
        self._minutes[key] = minute
        self._later(EVERY_S, lambda: self._end(key))
        return minute

    def _end(self, key: tuple[str, str]) -> None:
        """Say what was held back; where it was nothing, the next is said at once again."""
        minute = self._minutes.pop(key, None)
        if minute and minute.held:
            self._log.warning("%s (%d times more within a minute)", minute.line, minute.held)
            self._begin(key, _Minute(minute.place, minute.problem))


_ALL: WeakSet[Complaints] = WeakSet()


def end_all() -> None:
    """Say what all of this process's hold back, now that it stops."""
    for each in list(_ALL):
        each.end()
