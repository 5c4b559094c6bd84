"""How fit a face is for classification, and what is wrong with one that is not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from services.vision.geometry import Box, Point
from services.vision.images import mean_and_deviation


class Flaw(StrEnum):
    """Why a face is not used."""

    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    DARK = "dark"
    OVEREXPOSED = "overexposed"
    TURNED = "turned"
    HIDDEN = "hidden"
    """A known person whose face is not found: from behind, covered, or just gone."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Fitness of a face, 0 to 1, and what limits it most."""

    value: float
    flaw: Flaw


WIDTH_PX = (16.0, 48.0)
"""From useless to as many pixels as the model's input has."""
SHARPNESS = (0.004, 0.04)
"""`sharpness` of frames blurred by 8 pixels, and a little less than that of the softest faces we want (averages)."""
BRIGHTNESS = (15.0, 50.0)
BRIGHTNESS_TOP = (240.0, 210.0)
"""Grey means; 98 % of FER2013's frames lie between 58 and 200."""
CONTRAST = (3.0, 12.0)
"""Standard deviation in grey steps; 27 in FER2013's flattest percent."""
YAW = (0.65, 0.25)
"""Distance of the nose from the face's axis in distances of the eyes: half turned away, and surely frontal."""
ROLL_DEG = (50.0, 20.0)


def assess(face: NDArray[np.uint8], box: Box, landmarks: Sequence[Point]) -> Quality:
    """Judge a face; its quality is that of its worst property.

    Args:
        face: The model's input, shape (size, size, 1): how sharp a face is only matters at that size.
        box: The face in frame pixels.
        landmarks: Five of them as the detector orders them, or none: then the pose counts as good.
    """
    grey = face[:, :, 0].astype(np.float32)
    mean, deviation = mean_and_deviation(grey)
    contrast = _ramp(deviation, *CONTRAST)
    scores = {
        Flaw.TOO_SMALL: _ramp(box.width, *WIDTH_PX),
        Flaw.BLURRED: _ramp(math.log(sharpness(grey, deviation) + 1e-9), *map(math.log, SHARPNESS)),
        Flaw.DARK: min(_ramp(mean, *BRIGHTNESS), contrast if mean < 128 else 1),  # noqa: PLR2004 -- half of white
        Flaw.OVEREXPOSED: min(_ramp(mean, *BRIGHTNESS_TOP), contrast if mean >= 128 else 1),  # noqa: PLR2004 -- as above
        Flaw.TURNED: frontality(landmarks),
    }
    worst = min(scores, key=scores.__getitem__)
    return Quality(scores[worst], worst)


def sharpness(grey: NDArray[np.float32], deviation: float) -> float:
    """Return the variance of the Laplacian over that of the image (its `deviation` squared): contrast cancels out.

    The variance of the Laplacian is LAPV of Pertuz, Puig and Garcia, "Analysis of focus measure operators" (2013).
    """
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    return mean_and_deviation(laplacian)[1] ** 2 / (deviation**2 + 1)


def frontality(landmarks: Sequence[Point]) -> float:
    """Return 1 for a face that looks at the camera upright, 0 for one half turned away or tilted by 50 degrees."""
    if not landmarks:
        return 1.0
    right_eye, left_eye, nose, right_mouth, left_mouth = landmarks
    across = Point(left_eye.x - right_eye.x, left_eye.y - right_eye.y)
    distance = math.hypot(*across)
    if distance < 1:
        return 0.0
    middle_x = (right_eye.x + left_eye.x + right_mouth.x + left_mouth.x) / 4
    middle_y = (right_eye.y + left_eye.y + right_mouth.y + left_mouth.y) / 4
    yaw = abs((nose.x - middle_x) * across.x + (nose.y - middle_y) * across.y) / distance**2
    roll = abs(math.degrees(math.atan2(across.y, across.x)))
    return min(_ramp(yaw, *YAW), _ramp(roll, *ROLL_DEG))


def _ramp(value: float, zero: float, one: float) -> float:
    """Return 0 at and beyond `zero`, 1 at and beyond `one`, and the line between."""
    return min(1.0, max(0.0, (value - zero) / (one - zero)))
