"""Shows a validation face as distance and the product's own path show it."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.contracts import moodring_pb2 as pb
from services.vision.crops import cut, face_input
from services.vision.detectors import Detector
from services.vision.geometry import Box
from services.vision.images import Bgr, Grey, crop_message
from training.dataset import Faces

FRAME_PX: Final = (480, 640)
"""Height and width of the frames that faces are set into."""
SIDES_PX: Final = (90, 200)
"""Smallest and largest side that a face's 48 pixels are enlarged to: about 0.5 to 2 m from a web camera."""
SURROUND: Final = 0.5
"""How far a face's border is continued around it, in its sides: its tight frame lacks the head's outline."""


def from_afar(faces: Faces, side: int) -> Faces:
    """Reduces faces (N, 48, 48) to ``side`` pixels by area and enlarges them again bilinearly."""
    if side == faces.shape[1]:
        return faces
    small = [cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in faces]
    large = [cv2.resize(face, faces.shape[1:3], interpolation=cv2.INTER_LINEAR) for face in small]
    return np.stack(large).astype(np.uint8)


def set_into_frame(face: NDArray[np.uint8], generator: np.random.Generator) -> tuple[Bgr, tuple[float, float, int]]:
    """Enlarges a face (48, 48) and puts it anywhere in a plain frame (480, 640, 3).

    Returns:
        The frame, and the face's middle (x, y) and side in its pixels.
    """
    side = int(generator.integers(SIDES_PX[0], SIDES_PX[1] + 1))
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    around = int(side * SURROUND)
    surrounded = cv2.copyMakeBorder(large, around, around, around, around, cv2.BORDER_REPLICATE)
    height, width = FRAME_PX
    whole = len(surrounded)
    top, left = int(generator.integers(0, height - whole + 1)), int(generator.integers(0, width - whole + 1))
    frame = np.full(FRAME_PX, int(face.mean()), np.uint8)
    frame[top : top + whole, left : left + whole] = surrounded
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8), (left + whole / 2, top + whole / 2, side)


def as_seen(face: NDArray[np.uint8], detector: Detector, generator: np.random.Generator) -> NDArray[np.uint8] | None:
    """Gives the model's input (48, 48) of a face that the product found in a frame; ``None`` if it did not.

    Found is a face whose middle lies within a quarter of the side of where it was put.
    """
    frame, (x, y, side) = set_into_frame(face, generator)
    for found in detector.detect(frame):
        middle = found.box.centre
        if max(abs(middle.x - x), abs(middle.y - y)) < side / 4:
            crop = cut(frame, found.box)
            return None if crop is None else _received(found.box, *crop)
    return None


def _received(box: Box, image: Grey, image_box: Box) -> NDArray[np.uint8]:
    """Gives the model's input (48, 48) of a crop that went over the bus as a JPEG."""
    sent = pb.Face(box=box.message(), image=crop_message(image), image_box=image_box.message())
    return face_input(sent)[:, :, 0]


def all_as_seen(faces: Faces, detector: Detector, seed: int = 0) -> tuple[Faces, NDArray[np.bool_]]:
    """Gives what the product makes of faces (N, 48, 48): inputs (M, 48, 48) of those found, and which (N,)."""
    generator = np.random.default_rng(seed)
    seen = [as_seen(face, detector, generator) for face in faces]
    inputs = np.array([each for each in seen if each is not None], np.uint8).reshape(-1, *faces.shape[1:])
    return inputs, np.array([each is not None for each in seen])
