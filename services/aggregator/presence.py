"""Whether somebody is in a room, by how often a face was seen. Pure; times are seconds since 1970."""

from collections import deque

FEW = 3
"""Times that a face is seen within `nobody_after_s` from which somebody is there: detectors see one in a curtain now
and then. By judgement; a source that gives a picture every ten seconds still shows who is there."""


class Presence:
    """The faces of one room.

    Args:
        now: When looking begins.
        nobody_after_s: Time without somebody after which nobody is there.
        min_samples: Faces that a decision needs: where fewer than `FEW` do, as many show that somebody is there.

    Attributes:
        last_at: When word of somebody came last, or when looking began.
    """

    def __init__(self, now: float, *, nobody_after_s: float, min_samples: int) -> None:
        self.last_at = now
        self._nobody_after_s = nobody_after_s
        self._seen_at: deque[float] = deque(maxlen=min(FEW, min_samples))

    def see(self, now: float) -> None:
        """Take it that word of a face came; several at a time are one."""
        if not self._seen_at or self._seen_at[-1] != now:
            self._seen_at.append(now)
        often = len(self._seen_at) == self._seen_at.maxlen
        if often and 0 <= now - self._seen_at[0] <= self._nobody_after_s:
            self.last_at = now

    def look(self, now: float) -> float:
        """Return when somebody was there last, by a clock that may have been set back."""
        self.last_at = min(self.last_at, now)
        return self.last_at
