"""Decoding takes bounded memory: images that would take more are refused by their headers."""

import re
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.vision import images
from services.vision.images import CROP, BadImageError, Bgr, decode_reduced
from services.vision.opencv import cv2
from services.vision.png import SIGNATURE, pixels_only

ENOUGH_PX = 1600
MP12, MP48 = (4032, 3024), (8064, 6048)
"""What telephones make."""
YUV444, YUV420 = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420

JFIF = b"\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
"""What OpenCV itself adds to a file."""

MEASURE = f"""
import sys
from pathlib import Path
from services.vision.images import decode_reduced

def peak_kb():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

data = Path(sys.argv[1]).read_bytes()
before = peak_kb()
decode_reduced(data, {ENOUGH_PX})
print((peak_kb() - before) / 1000)
"""
"""Not by `ru_maxrss`, which begins with the size of the process that starts this one."""


def jpeg_file(size: tuple[int, int], sampling: int, *, progressive: bool) -> bytes:
    options = (cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
    return bytes(cv2.imencode(".jpg", np.full((*size[::-1], 3), (200, 60, 20), np.uint8), options)[1])


def png_file(size: tuple[int, int]) -> bytes:
    return bytes(cv2.imencode(".png", np.full((*size[::-1], 3), (200, 60, 20), np.uint8))[1])


def said_to_have(size: tuple[int, int], small: bytes) -> bytes:
    """Return a JPEG file whose header says that it has this size."""
    header = re.compile(rb"(\xff[\xc0\xc2]\0[\x0b\x11]\x08)....", re.DOTALL)
    return header.sub(lambda found: found[1] + struct.pack(">HH", *size[::-1]), small, count=1)


def grey_jpeg_header(size: tuple[int, int]) -> bytes:
    grey = cv2.imencode(".jpg", np.zeros((48, 64), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1]
    return said_to_have(size, bytes(grey))


def jpeg_header(size: tuple[int, int], sampling: int, *, progressive: bool) -> bytes:
    return said_to_have(size, jpeg_file((64, 48), sampling, progressive=progressive))


def png_header(size: tuple[int, int]) -> bytes:
    return SIGNATURE + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", *size, 8, 2, 0, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("make", "most_mb"),
    [
        (lambda: jpeg_file(MP48, YUV420, progressive=False), 35),
        (lambda: jpeg_file(MP12, YUV420, progressive=True), 60),
        (lambda: jpeg_file(MP12, YUV444, progressive=True), 95),
        (lambda: png_file(MP12), 60),
    ],
    ids=["48 MP JPEG", "12 MP progressive JPEG", "12 MP progressive JPEG in 4:4:4", "12 MP PNG"],
)
def test_what_telephones_make_is_decoded_in_bounded_memory(
    make: Callable[[], bytes], most_mb: int, tmp_path: Path
) -> None:
    file = tmp_path / "photo"
    file.write_bytes(make())
    measured = subprocess.run([sys.executable, "-c", MEASURE, file], stdout=subprocess.PIPE, text=True, check=True)
    assert 5 < float(measured.stdout) < most_mb


@pytest.mark.parametrize(
    ("header", "megabytes"),
    [
        (jpeg_header(MP48, YUV420, progressive=True), 155),
        (jpeg_header(MP48, YUV444, progressive=True), 302),
        (grey_jpeg_header(MP48), 107),
        (png_header(MP48), 155),
        (png_header((30_000, 1600)), 146),
    ],
    ids=["progressive JPEG", "progressive JPEG in 4:4:4", "grey progressive JPEG", "PNG", "wide PNG"],
)
def test_an_image_that_takes_too_much_memory_is_refused_by_its_header(header: bytes, megabytes: int) -> None:
    advice = "make it smaller, or save it as a JPEG that is not progressive"
    with pytest.raises(BadImageError, match=f"takes {megabytes} MB of memory, and may take 95; {advice}"):
        decode_reduced(header, ENOUGH_PX)


def test_a_jpeg_whose_components_come_one_after_another_takes_as_much_as_a_progressive_one() -> None:
    together = jpeg_header(MP48, YUV420, progressive=False)
    first = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
    alone = together.replace(b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0", first)
    assert first in alone
    assert decode_reduced(together, ENOUGH_PX).width == MP48[0]
    with pytest.raises(BadImageError, match="takes 155 MB of memory"):
        decode_reduced(alone, ENOUGH_PX)


class Decoder:
    """Decodes nothing; the first decoding lasts until another one is there too, or waits at the lock."""

    def __init__(self) -> None:
        self.most = 0
        self._inside = 0
        self._waiting = False
        self._changed = threading.Condition()
        self._lock = threading.Lock()

    def __call__(self, _data: object, _flags: int) -> Bgr:
        with self._changed:
            self._inside += 1
            self.most = max(self.most, self._inside)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._waiting or self.most > 1, 30)
            self._inside -= 1
        return np.zeros((30, 40, 3), np.uint8)

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            with self._changed:
                self._waiting = True
                self._changed.notify_all()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.mark.parametrize(
    ("image", "most"),
    [
        (jpeg_header(MP12, YUV420, progressive=True), 1),
        (png_file((3840, 2160)), 1),
        (jpeg_header(MP48, YUV420, progressive=False), 2),
    ],
    ids=["progressive JPEG", "PNG", "JPEG"],
)
def test_of_images_that_take_much_memory_one_at_a_time_is_decoded(
    image: bytes, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = Decoder()
    monkeypatch.setattr(cv2, "imdecode", decoder)
    monkeypatch.setattr(images, "_ONE_LARGE", decoder)
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(lambda _: decode_reduced(image, ENOUGH_PX), range(2)):
            pass
    assert decoder.most == most


def test_what_programs_added_to_a_jpeg_takes_memory_too() -> None:
    whole = jpeg_file((64, 48), YUV420, progressive=False)
    added = whole[:2] + b"\xff\xe1\xff\xff" + bytes(65_533) + whole[2:]
    assert JFIF in whole
    limits = replace(CROP, max_memory=65_535 + len(JFIF) + 2 * 3 * 64 * 48)
    assert decode_reduced(added, ENOUGH_PX, limits).width == 64
    with pytest.raises(BadImageError, match="MB of memory"):
        decode_reduced(added, ENOUGH_PX, replace(limits, max_memory=limits.max_memory - 1))


def test_no_crop_that_may_have_its_pixels_takes_too_much_memory() -> None:
    for most in (jpeg_header((1000, 1000), YUV444, progressive=True), png_file((1000, 1000))):
        assert decode_reduced(most, ENOUGH_PX, CROP).width == 1000


def test_a_png_of_nothing_but_pixels_is_not_copied() -> None:
    file = png_file((64, 48))
    kept = pixels_only(file + b"behind the end")
    assert isinstance(kept, memoryview)
    assert kept == file
