"""The one way from a face in a frame to the model's input; camera, inference and training all use it.

The model learned from FER2013, whose square frames sit about a face in their own way. `face_frame` gives that
square for a detector's box; the camera sends it with margin (`cut`), and whoever classifies resamples exactly
the square from what was sent (`model_input`), so that no pixel is resampled to the wrong place twice.
"""

import math

import numpy as np
from numpy.typing import NDArray

from services.contracts import moodring_pb2 as pb
from services.vision.geometry import Box
from services.vision.images import BadImageError, Bgr, Grey, decode_crop
from services.vision.opencv import cv2

BOX_WIDTH = 0.80
BOX_HEIGHT = 1.04
"""YuNet's box measured in sides of FER2013's frame: means over FER+ faces, on which the middles coincide."""

MARGIN = 1.6
"""Side of what the camera sends in sides of the model's frame: room to shift and turn it."""
MAX_CROP_PX = 160
"""Longest side of what the camera sends; over three times the model's input within the margin."""
MODEL_INPUT_PX = 48


def face_frame(box: Box) -> Box:
    """Return the square that FER2013 would show of the face in `box` (YuNet's convention)."""
    side = math.sqrt((box.width / BOX_WIDTH) * (box.height / BOX_HEIGHT))
    return Box(box.centre.x - side / 2, box.centre.y - side / 2, side, side)


def cut(frame: Bgr, box: Box) -> tuple[Grey, Box] | None:
    """Cut a face with margin out of a frame.

    Returns:
        The grey image, at most 160 pixels a side, and the region of the frame that it shows (clipped to the
        frame); `None` where the face lies outside the frame.
    """
    region = face_frame(box).grown(MARGIN, MARGIN)
    left, top = max(0, math.floor(region.x)), max(0, math.floor(region.y))
    right = min(frame.shape[1], math.ceil(region.x + region.width))
    bottom = min(frame.shape[0], math.ceil(region.y + region.height))
    if right - left < 2 or bottom - top < 2:  # noqa: PLR2004 -- no image
        return None
    image = cv2.cvtColor(frame[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
    return _at_most(image, MAX_CROP_PX), Box(left, top, right - left, bottom - top)


def model_input(image: Grey, image_box: Box, box: Box, size: int = MODEL_INPUT_PX) -> NDArray[np.uint8]:
    """Resample the model's frame of a face out of an image that shows it.

    Args:
        image: Shape (height, width), any size.
        image_box: The region of the frame that `image` shows.
        box: The face in the frame, as YuNet frames it.
        size: Side of the result in pixels.

    Returns:
        Shape (size, size, 1). Where the square reaches beyond the image, its border is continued.

    Raises:
        BadImageError: OpenCV cannot resample it.
    """
    square = face_frame(box)
    across, down = image.shape[1] / image_box.width, image.shape[0] / image_box.height
    # Bilinear sampling skips pixels when it shrinks: sample a whole multiple, then average blocks of it.
    fold = min(8, max(1, math.ceil(square.width * across / size - 0.01)))
    step = square.width / (size * fold)
    # Pixel i's middle is at (i + 0.5) pixels, in both images.
    source = np.array(
        [
            [step * across, 0, (square.x - image_box.x + step / 2) * across - 0.5],
            [0, step * down, (square.y - image_box.y + step / 2) * down - 0.5],
        ]
    )
    try:
        sampled = cv2.warpAffine(
            image,
            source,
            (size * fold, size * fold),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if fold > 1:
            sampled = cv2.resize(sampled, (size, size), interpolation=cv2.INTER_AREA)
    except cv2.error as error:
        raise BadImageError(f"OpenCV cannot cut a face of {image.shape[1]}x{image.shape[0]} pixels") from error
    result: NDArray[np.uint8] = sampled[:, :, None]
    return result


def face_input(face: pb.Face, size: int = MODEL_INPUT_PX) -> NDArray[np.uint8]:
    """Return the model's input of a face that came over the bus: shape (size, size, 1).

    Raises:
        BadImageError: Its image or a box is unusable.
    """
    image = decode_crop(face.image)
    try:
        return model_input(image, Box.of(face.image_box), Box.of(face.box), size)
    except ValueError as error:
        raise BadImageError(str(error)) from error


def _at_most(image: Grey, side: int) -> Grey:
    longest = max(image.shape)
    if longest <= side:
        return image
    height, width = (max(1, round(length * side / longest)) for length in image.shape)
    smaller: Grey = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return smaller
