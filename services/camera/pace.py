"""Which frames are looked at, and of which faces go out: no more than is of use, and than the budget allows."""

EARLY = 0.9
"""Share of its time after which a frame is taken: cameras do not keep time to the millisecond."""
SAVED_S = 2.0
"""Unused budget of so many seconds may be spent at once."""
WATCHED_S = 3.0
"""Who looks at the preview asks for it several times a second."""


class Pace:
    """The pace of one camera.

    Args:
        idle_fps: Frames a second that are looked at while nobody is there.
        budget: Share of a core that looking may take.
    """

    def __init__(self, *, idle_fps: float, budget: float) -> None:
        self._idle_every_s = EARLY / idle_fps
        self._budget = budget
        self._credit_s = budget * SAVED_S
        self._at = self._looked_at = self._watched_at = float("-inf")

    def wake(self) -> None:
        """Have the next frame looked at, whoever is there: a source that has just been opened is new."""
        self._looked_at = float("-inf")

    def watch(self, at: float) -> None:
        """Keep awake for somebody who looks at the preview at this time."""
        self._watched_at = at

    def due(self, at: float, *, idle: bool) -> bool:
        """Say whether a frame is to be looked at.

        Args:
            at: When it was taken, in seconds.
            idle: Whether nobody is there.
        """
        elapsed = at - self._at
        self._at = at
        if not 0 <= elapsed < SAVED_S:  # the first frame, a pause, or a clock that was set
            elapsed = SAVED_S
        self._credit_s = min(self._budget * SAVED_S, self._credit_s + self._budget * elapsed)
        idle = idle and not 0 <= at - self._watched_at < WATCHED_S
        if self._credit_s <= 0 or (idle and 0 <= at - self._looked_at < self._idle_every_s):
            return False
        self._looked_at = at
        return True

    def spend(self, cpu_s: float) -> None:
        """Take what a look has cost, in seconds of a core, off the budget."""
        self._credit_s -= cpu_s


class Limit:
    """Lets at most so many through in a second, evenly; all of them where it is `None`."""

    def __init__(self, per_s: float | None) -> None:
        self._every_s = 0 if per_s is None else 1 / per_s
        self._due_at = float("-inf")

    def allows(self, at: float) -> bool:
        """Say whether one may go at this time, in seconds, and count it."""
        late_s = at - self._due_at
        if -2 * self._every_s < late_s < (EARLY - 1) * self._every_s:
            return False
        # On the beat, so that frames that do not fit it do not lower the rate; anew after a pause or a set clock.
        self._due_at = (self._due_at if abs(late_s) < self._every_s else at) + self._every_s
        return True
