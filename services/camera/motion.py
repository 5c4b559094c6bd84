"""Whether anything moved in a frame, whatever its noise and light do."""

import numpy as np
from numpy.typing import NDArray

from services.vision.images import Bgr
from services.vision.opencv import cv2

_SAMPLE_PX = 4
"""Only every fourth pixel of every fourth row is looked at."""
_BLOCK = 5
"""Samples along a side of a block: 20x20 pixels, most of the smallest head."""
LEAST_STEP = 4.0
"""Grey steps by which a block has to change: a head before a wall changes it by 10 and more."""
NOISE_SHARE = 7.5
"""And in medians of what all blocks change by: five standard deviations of a normal distribution, which one block in
two million exceeds."""

MOST_NOISE = 3.0
"""Median in grey steps that noise can explain: that of a sensor with a standard deviation of 15. Beyond it, most of the
picture has changed.
"""


class Motion:
    """Compares frames with the one that was looked at last, so that slow changes add up."""

    def __init__(self) -> None:
        self._seen: NDArray[np.float32] | None = None

    def since_looked(self, frame: Bgr) -> bool:
        """Whether a frame differs from the last such one in which something did; true for the first."""
        blocks = _blocks(frame)
        moved = self._seen is None or self._seen.shape != blocks.shape or _differ(self._seen, blocks)
        if moved:
            self._seen = blocks
        return moved

    def forget(self) -> None:
        """Take the next frame for the first."""
        self._seen = None


def _blocks(frame: Bgr) -> NDArray[np.float32]:
    samples = np.ascontiguousarray(frame[::_SAMPLE_PX, ::_SAMPLE_PX, 1]).astype(np.float32)
    size = (max(1, samples.shape[1] // _BLOCK), max(1, samples.shape[0] // _BLOCK))
    blocks: NDArray[np.float32] = cv2.resize(samples, size, interpolation=cv2.INTER_AREA)
    return blocks


def _differ(before: NDArray[np.float32], now: NDArray[np.float32]) -> bool:
    """Compare block by block; what all change by together is the light or the camera's exposure."""
    change = now - before
    change -= np.median(change)
    size = np.abs(change)
    return bool(size.max() > max(LEAST_STEP, NOISE_SHARE * min(MOST_NOISE, float(np.median(size)))))
