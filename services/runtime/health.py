"""What is wrong with a service, part by part, in words that a person understands."""

from collections.abc import Callable


class Health:
    """The problems of one service; a part without a problem is well.

    Whoever owns a part reports it: `health.report("database", "cannot reach postgres:5432: …")`, and
    `health.report("database")` when it is well again. Listeners hear of changes only.
    """

    def __init__(self) -> None:
        self._problems: dict[str, tuple[str, bool]] = {}  # what is wrong, and whether it hinders
        self._listeners: list[Callable[[], None]] = []

    def report(self, part: str, problem: str = "", *, hinders: bool = True) -> None:
        """Say how a part is.

        Args:
            part: The part.
            problem: What is wrong with it; nothing where it is well.
            hinders: Whether the service cannot do its work for it.
        """
        before = self._problems.get(part)
        if problem:
            self._problems[part] = (problem, hinders)
        else:
            self._problems.pop(part, None)
        if self._problems.get(part) != before:
            for listener in self._listeners:
                listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    @property
    def problems(self) -> dict[str, str]:
        """The parts that are not well, and why."""
        return {part: problem for part, (problem, _) in self._problems.items()}

    @property
    def ready(self) -> bool:
        """Whether the service can do its work, whatever else is wrong with it."""
        return not any(hinders for _, hinders in self._problems.values())
