"""Parts of a frame as a detector looks at them: cut out, and shrunk so far that a face keeps enough pixels."""

from collections.abc import Sequence
from typing import NamedTuple

from services.vision.geometry import Box
from services.vision.images import Bgr
from services.vision.opencv import cv2


class View(NamedTuple):
    """A part of a frame, in whole pixels, and the factor by which it is shrunk: a power of two, so that it is fast."""

    left: int
    top: int
    width: int
    height: int
    shrink: int

    @classmethod
    def whole(cls, size: tuple[int, int], shrink: int) -> "View":
        """Return the view of a whole frame of `size` (width, height)."""
        return cls(0, 0, *size, shrink)

    @classmethod
    def around(cls, middle: tuple[float, float], side: int, shrink: int, size: tuple[int, int]) -> "View":
        """Return the square of `side` frame pixels about a point, moved and cut so that it lies within the frame."""
        (left, width), (top, height) = (
            (min(max(0, round(at - side / 2)), max(0, length - side)), min(side, length))
            for at, length in zip(middle, size, strict=True)
        )
        return cls(left, top, width, height, shrink)

    @property
    def pixels(self) -> int:
        """What is searched, after shrinking: the measure of its cost."""
        return (self.width // self.shrink) * (self.height // self.shrink)

    def holds(self, box: Box) -> bool:
        """Whether a box lies within."""
        return (
            box.x >= self.left
            and box.y >= self.top
            and box.x + box.width <= self.left + self.width
            and box.y + box.height <= self.top + self.height
        )

    def of(self, frame: Bgr) -> Bgr:
        """Return the view's pixels; a rest at the right and lower edge that does not fill a pixel is left out."""
        width, height = (max(1, length // self.shrink) * self.shrink for length in (self.width, self.height))
        image = frame[self.top : self.top + height, self.left : self.left + width]
        for _ in range(self.shrink.bit_length() - 1):
            # Halves are averages of four pixels, which OpenCV does ten times as fast as any other shrinking (measured).
            half = (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2))
            image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
        return image


def shrink_for(width_px: float, enough_px: float) -> int:
    """Return the largest power of two by which a face of `width_px` may be shrunk and keeps `enough_px`, at least 1."""
    return 1 << max(0, int(width_px // enough_px).bit_length() - 1)


def shrink_within(size: tuple[int, int], longest_px: int, at_least: int = 1) -> int:
    """Return the smallest power of two, from `at_least` on, by which the longer side comes down to `longest_px`."""
    shrink = at_least
    while max(size) > longest_px * shrink:
        shrink *= 2
    return shrink


def without_doubles(boxes: Sequence[Box], overlap: float) -> list[int]:
    """Return the places of the boxes that overlap (intersection over union) none before them by more."""
    kept: list[int] = []
    for place, box in enumerate(boxes):
        if all(box.iou(boxes[other]) <= overlap for other in kept):
            kept.append(place)
    return kept
