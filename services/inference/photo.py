"""Faces in a photo that somebody uploads: found by the camera's detector, cut as the bus has them cut."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.inference.annotating import annotated
from services.runtime.settings import Settings
from services.vision.crops import cut, model_input
from services.vision.detectors import MAX_FACES, Detection, Detector, find_yunet, largest_first, open_detector
from services.vision.images import Bgr, decode_reduced
from services.vision.views import View

DOUBLE: Final = 0.3
"""Overlap (intersection over union) from which two findings are one face."""
ENOUGH_PX: Final = 1600
"""Pixels of a photo's longer side at which the faces of a group are still larger than the model's input."""


@dataclass(frozen=True)
class Photo:
    """What was found in a photo.

    Attributes:
        width: Width of the photo, upright, in pixels.
        height: Its height.
        faces: The faces, the largest first, without landmarks; at most `MAX_FACES`.
        left_out: How many smaller ones were found beside them.
        inputs: The model's input for each: uint8 (N, 48, 48, 1).
        image: The photo in the pixels that were searched.
    """

    width: int
    height: int
    faces: list[Detection]
    left_out: int
    inputs: NDArray[np.uint8]
    image: Bgr

    def annotated(self, captions: Sequence[str]) -> bytes:
        """Return a JPEG of the photo with its faces framed, a caption (ASCII) at each."""
        smaller = self.image.shape[1] / self.width
        boxes = [face.box.scaled(smaller) for face in self.faces]
        return annotated(self.image, list(zip(boxes, captions, strict=True)))


class Photos:
    """Finds faces in photos, one photo at a time; the detector is loaded with the first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._detector: Detector | None = None
        self._one = asyncio.Lock()

    async def look(self, data: bytes) -> Photo:
        """Find the faces of a JPEG or PNG file.

        Raises:
            BadImageError: It is none, or is too large.
            DetectorError: The detector that is set cannot be had.
        """
        async with self._one:
            return await asyncio.to_thread(self._look, data)

    def _look(self, data: bytes) -> Photo:
        image, width, height = decode_reduced(data, ENOUGH_PX)
        found = [(face, cropped) for face in self._found(image) if (cropped := cut(image, face.box))]
        largest = found[:MAX_FACES]
        inputs = [model_input(*cropped, face.box) for face, cropped in largest]
        larger = width / image.shape[1]
        faces = [replace(face, box=face.box.scaled(larger), landmarks=()) for face, _ in largest]
        return Photo(width, height, faces, len(found) - len(largest), np.array(inputs, np.uint8), image)

    def _found(self, image: Bgr) -> list[Detection]:
        """Search a picture as the camera's frames are, for large faces, and in every pixel: there is no next frame."""
        detector, size = self._open(), (image.shape[1], image.shape[0])
        found = detector.detect(image)
        finer = detector.detect(image, View.whole(size, 1))
        new = [face for face in finer if all(face.box.iou(known.box) <= DOUBLE for known in found)]
        return largest_first([*found, *new])

    def _open(self) -> Detector:
        if self._detector is None:
            camera = self._settings.camera
            yunet = find_yunet(camera.detector, self._settings.yunet, self._settings.data / "models")
            self._detector = open_detector(yunet, min_face_px=camera.min_face_px)
        return self._detector
