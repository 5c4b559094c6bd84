"""The search for pictures finds them however they are written; else it would prove nothing."""

import base64
from collections.abc import Callable

import numpy as np
import pytest

from services.vision.images import jpeg
from services.vision.opencv import cv2
from tests.image_search import pictures_in

PICTURE = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)


@pytest.mark.parametrize(
    "write",
    [
        bytes, base64.b64encode, base64.urlsafe_b64encode, lambda data: data.hex().encode(),
        lambda data: repr(data).encode(), lambda data: str(["frame", repr(data)]).encode(),
        lambda data: b'{"picture": "' + base64.b64encode(data) + b'"}', lambda data: b"x" * 5000 + data + b"y" * 5000,
    ],
    ids=["plain", "base64", "base64 for URLs", "hex", "repr", "repr of repr", "json", "within"],
)  # fmt: skip
@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".bmp"])
def test_a_picture_is_found(write: Callable[[bytes], bytes], kind: str) -> None:
    encoded = jpeg(PICTURE) if kind == ".jpg" else bytes(cv2.imencode(kind, PICTURE)[1])
    assert pictures_in(write(encoded))


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff\xe0 no picture", np.random.default_rng(2).bytes(200_000), b"abcd" * 1000]
)
def test_what_is_none_is_not(data: bytes) -> None:
    assert pictures_in(data) == []
