"""Looks for pictures where none may be: in files, logs and retained messages, as they are or as text."""

import base64
import re
from collections.abc import Iterator

import numpy as np

from services.vision.opencv import cv2

STARTS = re.compile(
    rb"\xff\xd8\xff(?:\xe0..JFIF|\xe1..Exif|[\xc0\xc2\xc4\xdb]\x00)|\x89PNG\r\n\x1a\n|RIFF....WEBP|GIF8[79]a|BM.{4}\x00{4}",
    re.DOTALL,
)
"""How JPEG, PNG, WebP, GIF and BMP files begin."""
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{200,}")
HEX = re.compile(rb"(?:[0-9a-fA-F]{2}[ :]?){200,}")


def pictures_in(data: bytes) -> list[str]:
    """Return what was found in some bytes, in words; nothing where there is no picture."""
    found = []
    for how, each in _readings(data):
        found += [f"a picture of {shape} {how}, at byte {at}" for at, shape in _decodable(each)]
    return found


def _readings(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield "as it is", data
    for text in BASE64.findall(data):
        digits = text.translate(bytes.maketrans(b"-_", b"+/"))
        yield "in base64", base64.b64decode(digits + b"A" * (-len(digits) % 4))
    for text in HEX.findall(data):
        digits = re.sub(rb"[ :]", b"", text)
        yield "in hexadecimal", bytes.fromhex(digits[: len(digits) // 2 * 2].decode())
    for how in ("as Python writes bytes", "as Python writes bytes within others"):
        if b"\\x" in data:
            data = data.decode("unicode_escape", "ignore").encode("latin-1", "ignore")
            yield how, data


def _decodable(data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    for start in STARTS.finditer(data):
        image = cv2.imdecode(np.frombuffer(data[start.start() : start.start() + 5_000_000], np.uint8), cv2.IMREAD_COLOR)
        if image is not None and min(image.shape[:2]) > 7:
            yield start.start(), image.shape
