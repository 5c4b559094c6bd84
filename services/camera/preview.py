"""The last frame with its faces marked, for the eyes of who asks; it is made when asked and kept nowhere."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np

from services.camera.analysis import Seen, SeenFace
from services.vision.images import Bgr, jpeg
from services.vision.opencv import cv2

USED_BGR = (120, 220, 140)
UNUSED_BGR = (150, 150, 150)
JPEG_QUALITY = 80
STREAM_EVERY_S = 0.1


def annotated(seen: Seen) -> bytes:
    """Return a frame as JPEG, with a box and a label about each face."""
    image = seen.frame.image.copy()
    for face in seen.faces:
        _mark(image, face)
    return jpeg(image, JPEG_QUALITY)


async def stream(
    last: Callable[[], Seen | None], drawn: Callable[[Seen], Awaitable[bytes]], going: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Yield new frames as JPEG, at most ten a second, while `going`; black where the last one is too old.

    Args:
        last: Returns the last frame, while there is one.
        drawn: Returns it as JPEG.
        going: Whether to go on.
    """
    shown: Seen | None = None
    while going():
        seen = last()
        if seen is not None and seen is not shown:
            image = await drawn(seen)
            if going():
                yield image
            shown = seen
        elif seen is None and shown is not None:
            yield jpeg(np.zeros_like(shown.frame.image), JPEG_QUALITY)
            shown = None
        await asyncio.sleep(STREAM_EVERY_S)


def _mark(image: Bgr, face: SeenFace) -> None:
    colour = USED_BGR if face.flaw is None else UNUSED_BGR
    left, top = round(face.box.x), round(face.box.y)
    right, bottom = round(face.box.x + face.box.width), round(face.box.y + face.box.height)
    size = max(image.shape[:2]) / 640
    thick = max(1, round(1.5 * size))
    cv2.rectangle(image, (left, top), (right, bottom), colour, thick, cv2.LINE_AA)
    label = f"{face.track}: {face.flaw.replace('_', ' ') if face.flaw else f'quality {face.quality:.0%}'}"
    place = (left, max(round(14 * size), top - round(6 * size)))
    for shade, width in (((30, 30, 30), thick + 2), (colour, thick)):
        cv2.putText(image, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * size, shade, width, cv2.LINE_AA)
