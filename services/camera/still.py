"""A still picture, as somebody sends it or a folder holds it: decoded safely, in no more pixels than faces need."""

from services.vision.images import Bgr, decode_reduced
from services.vision.opencv import cv2

LONGEST_SIDE_PX = 1280


def decode_still(data: bytes) -> Bgr:
    """Decode a JPEG or PNG file, its longer side reduced to 1,280 pixels.

    Raises:
        BadImageError: It is neither, is damaged or cut off, or exceeds the limits of a photo.
    """
    image = decode_reduced(data, LONGEST_SIDE_PX).image
    scale = LONGEST_SIDE_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    smaller: Bgr = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return smaller
