"""The picture that shows what was found in a photo: a frame about each face, with its expression."""

from collections.abc import Sequence
from typing import Final

from services.vision.geometry import Box
from services.vision.images import Bgr, jpeg
from services.vision.opencv import cv2

LONGEST_SIDE_PX: Final = 1280
QUALITY: Final = 85
FONT: Final = cv2.FONT_HERSHEY_DUPLEX
FRAME: Final = (107, 196, 255)
INK: Final = (26, 21, 20)
"""Blue, green and red of frames and captions, and of the words on them."""
FONT_PX: Final = 22
"""Height of the font's capitals at a scale of 1."""


def annotated(image: Bgr, faces: Sequence[tuple[Box, str]]) -> bytes:
    """Return a JPEG of an image with its faces framed.

    Args:
        image: The photo, upright, in the pixels that are `shown`.
        faces: Boxes in pixels of the image, and what is written at each (ASCII; OpenCV has no other letters).
    """
    picture = image.copy()
    capital_px = max(10, max(picture.shape[:2]) // 64)
    for box, caption in faces:
        _draw(picture, box, caption, capital_px)
    return jpeg(picture, QUALITY)


def shown(image: Bgr) -> Bgr:
    """Return an image in no more pixels than are shown."""
    scale = LONGEST_SIDE_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    smaller: Bgr = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return smaller


def _draw(picture: Bgr, box: Box, caption: str, capital_px: int) -> None:
    left, top = round(box.x), round(box.y)
    line_px = max(2, capital_px // 6)
    cv2.rectangle(picture, (left, top), (round(box.x + box.width), round(box.y + box.height)), FRAME, line_px)
    scale, pad = capital_px / FONT_PX, capital_px // 2
    width = cv2.getTextSize(caption, FONT, scale, 1)[0][0] + 2 * pad
    height = capital_px + 2 * pad
    # Above the frame, but never outside the picture.
    left = max(0, min(left, picture.shape[1] - width))
    top = max(0, top - height)
    cv2.rectangle(picture, (left, top), (left + width, top + height), FRAME, cv2.FILLED)
    cv2.putText(picture, caption, (left + pad, top + height - pad), FONT, scale, INK, 1, cv2.LINE_AA)
