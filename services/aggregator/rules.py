"""When a mood is decided: the settings, and what the room was taught. Pure; seconds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from services.contracts.agreement import HALF
from services.runtime.mood_settings import MoodRules

SHIFT_ODDS = 6.0
"""By how much a shift of 1 moves the logarithm of the odds that a mood needs. By judgement: as far as answers can
move it (0.12, `calibration.LIMIT`) that doubles the odds."""
LOST_S = 2.0
"""Time without a face after which none is seen any more, at least: as a camera's track ends."""


@dataclass(frozen=True)
class Rules:
    """When a mood is decided; see the settings of the same names.

    `shifts` says by how much more confidence a mood needs than others, where a room was taught so; it moves odds, so
    that what is nearly sure stays possible.
    """

    min_samples: int
    enter_confidence: float
    leave_confidence: float
    dwell_s: float
    nobody_after_s: float
    window_s: float
    sure_s: float = 0.0
    shifts: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: MoodRules) -> "Rules":
        """Return the rules of a room that was taught nothing."""
        return cls(**{one.name: getattr(settings, one.name) for one in fields(cls) if one.name != "shifts"})

    @property
    def lost_s(self) -> float:
        """Time without a face after which none is seen any more: twice what lies between just enough observations."""
        return max(LOST_S, 2 * self.window_s / self.min_samples)

    def enter(self, mood: str) -> float:
        """Return the confidence at which a mood is entered."""
        return self._shifted(self.enter_confidence, mood)

    def lead(self, mood: str) -> float:
        """Return the confidence above which a mood leads: more than that in all others, and than it is left at.

        No lesson makes a mood lead that is believed less than the others together.
        """
        return max(HALF, self._shifted(max(HALF, self.leave_confidence), mood))

    def leave(self, mood: str) -> float:
        """Return the confidence below which a mood is left."""
        return self._shifted(self.leave_confidence, mood)

    def _shifted(self, confidence: float, mood: str) -> float:
        shift = self.shifts.get(mood, 0.0)
        return confidence if shift == 0 else _moved(confidence, SHIFT_ODDS * shift)


def _moved(probability: float, by: float) -> float:
    """Return a probability whose logarithm of the odds was moved."""
    if not 0 < probability < 1:
        return probability
    return 1 / (1 + (1 - probability) / probability * math.exp(-by))
