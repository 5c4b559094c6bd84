"""How far a camera's clock is from ours: pure, all times in seconds.

The delay of a message (now less `captured_at`) is its way, never negative and seldom over a second, plus the
difference of the clocks. The smallest delay of a while is therefore the difference, nearly (the minimum filter of
NTP, RFC 5905 section 10). It is believed only when delays have been steady for a while, so a burst that was held up
on its way is not taken for a clock.
"""

STEADY_S = 5.0
"""How long delays have to be steady before a difference is believed: as long as expressions live on the bus, so what
was held up on its way is through by then."""
STEADY_SAMPLES = 15
"""How many of them it takes at least: three seconds of a face at 5 frames a second."""
SPREAD_S = 2.0
"""How far steady delays may be apart: twice what a way seldom takes."""
NEAREST_S = -2.0
"""A camera's clock may be ahead by this much without being corrected: what it says then counts as new
(`window.MAX_AHEAD_S`)."""
FARTHEST_S = 5.0
"""Expressions live this long on the bus, so a steady delay up to this may be a slow way, and one beyond is a clock."""
MAX_OFFSET_S = 86_400.0
"""A clock that is wrong by more than a day (1970, next week) was never set: what it says is dropped."""


class CameraClock:
    """One camera's clock.

    Attributes:
        offset_s: What has to be added to its times; 0 while the clocks agree or nothing is sure.
    """

    def __init__(self) -> None:
        self.offset_s = 0.0
        self._low = self._high = self._since = 0.0
        self._samples = 0

    def ours(self, at: float, now: float) -> float:
        """Return a time of the camera's in ours, and learn from it."""
        delay = now - at
        if abs(delay) <= MAX_OFFSET_S:
            self._learn(delay, now)
        return at + self.offset_s

    def _learn(self, delay: float, now: float) -> None:
        low, high = min(self._low, delay), max(self._high, delay)
        if not self._samples or high - low > SPREAD_S or now < self._since:
            low = high = delay
            self._since, self._samples = now, 0
        self._low, self._high, self._samples = low, high, self._samples + 1
        if self._samples >= STEADY_SAMPLES and now - self._since >= STEADY_S:
            self.offset_s = 0.0 if NEAREST_S <= low <= FARTHEST_S else low
