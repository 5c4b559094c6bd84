"""What is wrong with a service, part by part, in words that a person understands."""

from collections.abc import Callable


class Health:
    """The problems of one service; a part without a problem is well.

    Whoever owns a part reports it: `health.report("database", "cannot reach postgres:5432: …")`, and
    `health.report("database")` when it is well again. Listeners hear of changes only.
    """

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}
        self._listeners: list[Callable[[], None]] = []

    def report(self, part: str, problem: str = "") -> None:
        """Say how a part is; no problem means well."""
        before = self._problems.get(part, "")
        if problem:
            self._problems[part] = problem
        else:
            self._problems.pop(part, None)
        if problem != before:
            for listener in self._listeners:
                listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    @property
    def problems(self) -> dict[str, str]:
        """The parts that are not well, and why."""
        return dict(self._problems)
