"""Faces in a photo that somebody uploads: found by the camera's detector, cut as the bus has them cut."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.channels import MAX_FACES
from services.inference.annotating import annotated, shown
from services.runtime.settings import Settings
from services.vision.crops import cut, model_input
from services.vision.detectors import Detection, Detector, find_yunet, largest_first, open_detector
from services.vision.images import Bgr, Reduced, decode_reduced
from services.vision.views import View, shrink_within

ENOUGH_PX: Final = 1600
"""Pixels of a photo's longer side at which the faces of a group are still larger than the model's input."""
PART_PX: Final = 640
"""Side of the parts that a photo is searched in: larger ones take a detector's memory by the square of it."""
SHARED_PX: Final = 160
"""What neighbouring parts have in common: a smaller face is whole in one, a larger one is found without parts."""
SAME: Final = 0.5
"""Share of the smaller of two boxes that lies in the other, from which both are of one face."""


@dataclass(frozen=True)
class Photo:
    """What was found in a photo.

    Attributes:
        width: Width of the photo, upright, in pixels.
        height: Its height.
        faces: The faces, the largest first, without landmarks; at most `MAX_FACES`.
        left_out: How many smaller ones were found beside them.
        inputs: The model's input for each: uint8 (N, 48, 48, 1).
        image: The photo in the pixels that are shown, which are kept while the model answers.
    """

    width: int
    height: int
    faces: list[Detection]
    left_out: int
    inputs: NDArray[np.uint8]
    image: Bgr

    def annotated(self, captions: Sequence[str]) -> bytes:
        """Return a JPEG of the photo with its faces framed, a caption (ASCII) at each."""
        smaller = max(self.image.shape[:2]) / max(self.width, self.height)
        boxes = [face.box.scaled(smaller) for face in self.faces]
        return annotated(self.image, list(zip(boxes, captions, strict=True)))


class Photos:
    """Finds faces in photos, one photo at a time.

    Args:
        detector: Makes the detector, anew for each search: that takes YuNet 3 ms, and the 65 MB that it holds once it
            has searched are free while the next photo is decoded (measured).
    """

    def __init__(self, detector: Callable[[], Detector]) -> None:
        self._make_detector = detector
        self._one = asyncio.Lock()

    async def look(self, data: bytes) -> Photo:
        """Find the faces of a JPEG or PNG file.

        Raises:
            BadImageError: It is none, or is too large.
            DetectorError: The detector that is set cannot be had.
        """
        async with self._one:
            reduced = await asyncio.to_thread(decode_reduced, data, ENOUGH_PX)
            del data  # up to 30 MB, which the search may have
            return await asyncio.to_thread(self._look, reduced)

    def _look(self, reduced: Reduced) -> Photo:
        image, width, height = reduced
        found = [(face, cropped) for face in self._found(image) if (cropped := cut(image, face.box))]
        largest = found[:MAX_FACES]
        inputs = [model_input(*cropped, face.box) for face, cropped in largest]
        larger = width / image.shape[1]
        faces = [replace(face, box=face.box.scaled(larger), landmarks=()) for face, _ in largest]
        return Photo(width, height, faces, len(found) - len(largest), np.array(inputs, np.uint8), shown(image))

    def _found(self, image: Bgr) -> list[Detection]:
        """Search a picture reduced, as frames are, then part by part, as there is no next one.

        Each time with another detector, since one keeps memory for every size that it has searched.
        """
        found = self._make_detector().detect(image)
        detector = self._make_detector()
        parts = [face for part in parts_of((image.shape[1], image.shape[0])) for face in detector.detect(image, part)]
        for face in largest_first(parts):  # the whole face comes before what a part's edge left of it
            if all(face.box.shared(known.box) < SAME for known in found):
                found.append(face)
        return largest_first(found)


def detector_of(settings: Settings) -> Detector:
    """Open the detector that the settings and files call for.

    Raises:
        DetectorError: It cannot be had.
    """
    yunet = find_yunet(settings.camera.detector, settings.yunet, settings.data / "models")
    return open_detector(yunet, min_face_px=settings.camera.min_face_px)


def parts_of(size: tuple[int, int]) -> list[View]:
    """Return views that cover a picture of `size` (width, height), each of `PART_PX` at most once it is shrunk."""
    shrink = shrink_within(size, ENOUGH_PX)
    side = PART_PX * shrink
    lefts, tops = (_starts(length, side, SHARED_PX * shrink) for length in size)
    return [View(left, top, min(side, size[0]), min(side, size[1]), shrink) for top in tops for left in lefts]


def _starts(length: int, side: int, shared: int) -> list[int]:
    count = max(1, math.ceil((length - shared) / (side - shared)))
    return [round(at * (length - side) / (count - 1)) if count > 1 else 0 for at in range(count)]
