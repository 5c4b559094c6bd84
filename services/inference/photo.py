"""Faces in a photo that somebody uploads: found as the camera finds them, cut as the bus has them cut."""

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.runtime.settings import Settings
from services.vision.crops import model_input
from services.vision.detectors import Detection, Detector, find_yunet, open_detector
from services.vision.geometry import Box
from services.vision.images import decode_photo


@dataclass(frozen=True)
class Photo:
    """What was found in a photo.

    Attributes:
        width: Width of the photo, upright, in pixels.
        height: Its height.
        faces: The faces, the largest first.
        inputs: The model's input for each: uint8 (N, 48, 48, 1).
    """

    width: int
    height: int
    faces: list[Detection]
    inputs: NDArray[np.uint8]


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
        image = decode_photo(data)
        height, width = image.shape[:2]
        faces = self._open().detect(image)
        grey = image.mean(axis=2).astype(np.uint8)
        inputs = [model_input(grey, Box(0, 0, width, height), face.box) for face in faces]
        return Photo(width, height, faces, np.array(inputs, np.uint8))

    def _open(self) -> Detector:
        if self._detector is None:
            camera = self._settings.camera
            yunet = find_yunet(camera.detector, self._settings.yunet, self._settings.data / "models")
            self._detector = open_detector(yunet, min_face_px=camera.min_face_px)
        return self._detector
