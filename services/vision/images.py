"""Images that come from outside: what they claim to be is read before any pixel of them is decoded.

A few hundred bytes can unpack to gigabytes; the limits are checked against the header first: of pixels, and of the
memory that decoding them takes. The pixels of a PNG file, which may be more than that says, are counted, and so are a
JPEG file's scans over the same pixels.
"""

import struct
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.contracts import moodring_pb2 as pb
from services.vision import jpeg_markers, png
from services.vision.opencv import cv2

Grey = NDArray[np.uint8]
"""Shape (height, width)."""
Bgr = NDArray[np.uint8]
"""Shape (height, width, 3)."""
BGR_BYTES = 3
"""Of a pixel."""


class BadImageError(ValueError):
    """An image that is refused; the text says why in words for people."""


@dataclass(frozen=True)
class Limits:
    """What an image may be at most.

    Attributes:
        max_bytes: Size of the file.
        max_pixels: Pixels of the image.
        max_side_px: Its longer side.
        max_memory: Bytes that decoding it may take beside the file.
    """

    max_bytes: int
    max_pixels: int
    max_side_px: int
    max_memory: int


CROP = Limits(max_bytes=1_000_000, max_pixels=1_000_000, max_side_px=4_000, max_memory=20_000_000)
"""A face crop on the bus; ours have at most 160x160 pixels."""
PHOTO = Limits(max_bytes=30_000_000, max_pixels=50_000_000, max_side_px=30_000, max_memory=95_000_000)
"""A photo of a person's, as a telephone makes them; OpenCV warps no image of 32,767 pixels across. The memory is what
a container has to spare (see `docker-compose.yml`): a progressive JPEG of 12 million pixels takes 85 MB at most."""


_ONE_LARGE = threading.Lock()
"""Held by whoever in this process decodes an image that takes more than a crop may: that memory is there once."""


class Reduced(NamedTuple):
    """A photo, upright, in fewer pixels than the file has, and the size that it has in the file."""

    image: Bgr
    width: int
    height: int


class _Header(NamedTuple):
    """The size of an image, and what decoding it takes.

    Attributes:
        width: Pixels across.
        height: Pixels down.
        copied: Bytes of the file that are copied.
        held: Bytes that the decoder holds until it has made the picture: all pixels of a PNG file, which are reduced
            only then, and coefficients of a JPEG file.
    """

    width: int
    height: int
    copied: int = 0
    held: int = 0

    def memory(self, divisor: int) -> int:
        """Return how many bytes decoding takes beside the file, to a part of each side.

        OpenCV copies the picture in the end, be it to turn it upright or to hand it over.
        """
        picture = BGR_BYTES * -(-self.width // divisor) * -(-self.height // divisor)
        return self.copied + picture + max(self.held, picture)


def decode_photo(data: bytes, limits: Limits = PHOTO) -> Bgr:
    """Decode a JPEG or PNG file, turned upright as its EXIF says.

    A PNG file is found to be cut off wherever it is, a JPEG file where its end marker is missing. Where a scan ends
    early and that marker stands behind it all the same, the picture counts as whole: its rest is grey, or coarse in a
    progressive file. libjpeg knows, but says so on standard error alone ("premature end of data segment"); to find it
    otherwise, all of the picture's codes would have to be read once more.

    Raises:
        BadImageError: It is neither, is damaged or cut off, or exceeds the limits.
    """
    header = _header(data, limits)
    return _decoded(data, cv2.IMREAD_COLOR, _check(header, limits))


def decode_reduced(data: bytes, enough_px: int, limits: Limits = PHOTO) -> Reduced:
    """Decode as `decode_photo`, but to a half, a quarter or an eighth of a side where that is enough.

    A JPEG is then never decoded in full, which takes three bytes a pixel and most of the time (ITU-T T.81's
    blocks of 8x8 are transformed to fewer pixels). A progressive one keeps all its coefficients even so, and a PNG is
    decoded in full.

    Args:
        data: The file.
        enough_px: Pixels that the longer side keeps at least, where it has them.
        limits: What the file may be at most.

    Raises:
        BadImageError: As `decode_photo`.
    """
    header = _header(data, limits)
    longer, shorter = max(header.width, header.height), min(header.width, header.height)
    divisor = max(each for each in _REDUCED if each == 1 or (longer >= each * enough_px and shorter >= each))
    image: Bgr = _decoded(data, _REDUCED[divisor], _check(header, limits, divisor))
    turned = (image.shape[0] > image.shape[1]) != (header.height > header.width)
    return Reduced(image, *((header.height, header.width) if turned else (header.width, header.height)))


_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def decode_crop(image: pb.Image, limits: Limits = CROP) -> Grey:
    """Decode the image of a message to grey.

    Raises:
        BadImageError: The encoding is unknown, the size is not the one the message says, the data are damaged
            or cut off, or exceed the limits.
    """
    declared = (image.height, image.width)
    if image.encoding == pb.ENCODING_RAW_GREY:
        _check(_Header(image.width, image.height), limits)
        if len(image.data) != image.width * image.height:
            raise BadImageError(f"{len(image.data)} bytes are no grey image of {image.width}x{image.height}")
        return np.frombuffer(image.data, np.uint8).reshape(declared)
    if image.encoding not in {pb.ENCODING_JPEG, pb.ENCODING_PNG}:
        raise BadImageError(f"the image encoding {image.encoding} is unknown")
    header = _header(image.data, limits)
    memory = _check(header, limits)
    if any(declared) and declared != (header.height, header.width):
        raise BadImageError(
            f"the image has {header.width}x{header.height} pixels, not {image.width}x{image.height} as it says"
        )
    return _decoded(image.data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION, memory)


def jpeg(image: Grey | Bgr, quality: int = 90) -> bytes:
    """Encode a grey or BGR image as JPEG; quality is 1 to 100."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data)


def crop_message(image: Grey) -> pb.Image:
    """Return a grey image as it travels: as JPEG, of which a face needs about 3 KB."""
    height, width = image.shape
    return pb.Image(encoding=pb.ENCODING_JPEG, data=jpeg(image), width=width, height=height)


def mean_and_deviation(grey: NDArray[np.uint8] | NDArray[np.float32]) -> tuple[float, float]:
    """Return the mean and the standard deviation of an image; numpy takes ten times as long for each (measured)."""
    mean, deviation = cv2.meanStdDev(grey)
    return float(mean[0, 0]), float(deviation[0, 0])


def _header(data: bytes, limits: Limits) -> _Header:
    if len(data) > limits.max_bytes:
        raise BadImageError(f"the image has {len(data):,} bytes; at most {limits.max_bytes:,} are read")
    try:
        if data.startswith(png.SIGNATURE):
            width, height, *_ = png.header(data)
            return _Header(width, height, copied=len(data), held=BGR_BYTES * width * height)
        if data.startswith(jpeg_markers.START):
            return _Header(*jpeg_markers.header(data))
    except png.DamagedError as error:
        raise BadImageError("the PNG image does not begin with its header") from error
    except jpeg_markers.DamagedError as error:
        raise BadImageError(str(error)) from error
    except (IndexError, struct.error) as error:
        raise BadImageError("the image is cut off within its header") from error
    raise BadImageError("this is neither a JPEG nor a PNG image")


def _check(header: _Header, limits: Limits, divisor: int = 1) -> int:
    """Return how many bytes decoding an image to a part of each side takes.

    Raises:
        BadImageError: It exceeds the limits.
    """
    if not header.width or not header.height:
        raise BadImageError("the image has no pixels")
    if header.width * header.height > limits.max_pixels:
        raise BadImageError(
            f"the image has {header.width}x{header.height} pixels; at most {limits.max_pixels:,} are decoded"
        )
    if max(header.width, header.height) > limits.max_side_px:
        raise BadImageError(
            f"the image has {header.width}x{header.height} pixels; at most {limits.max_side_px:,} a side are decoded"
        )
    if (memory := header.memory(divisor)) > limits.max_memory:
        raise BadImageError(
            f"decoding its {header.width}x{header.height} pixels takes {memory / 1e6:.0f} MB of memory, and may take "
            f"{limits.max_memory / 1e6:.0f}; make it smaller, or save it as a JPEG that is not progressive"
        )
    return memory


def _decoded(data: bytes, flags: int, memory: int) -> NDArray[Any]:
    with _ONE_LARGE if memory > CROP.max_memory else nullcontext():
        return _pixels(data, flags)


def _pixels(data: bytes, flags: int) -> NDArray[Any]:
    image: NDArray[Any] | None = None
    try:
        file = png.pixels_only(data) if data.startswith(png.SIGNATURE) else data
        image = cv2.imdecode(np.frombuffer(file, np.uint8), flags)
    except png.TooMuchError as error:
        raise BadImageError("the image holds more pixels than its header says") from error
    except (png.DamagedError, cv2.error):
        pass
    if image is None:
        raise BadImageError("the image is cut off or damaged")
    return image
