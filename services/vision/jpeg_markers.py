"""What a JPEG file says of itself, before anything decodes it (ITU-T T.81, section B.2)."""

import re
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

MAX_SCANS: Final = 30
"""Parts of a progressive JPEG file: encoders make about ten, libjpeg's standard script 18 of four components. One of a
dozen bytes may go over all pixels."""
START: Final = b"\xff\xd8\xff"
BLOCK_BYTES: Final = 64 * 2
"""A block of 8x8 coefficients as libjpeg keeps it."""

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_APPLICATION: Final = range(0xE0, 0xF0)
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers that no length follows."""
_AFTER_SCAN: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
"""What is no part of a scan: neither a byte of its own nor a restart."""
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1, 0xC9})
_PROGRESSIVE: Final = frozenset({0xC2, 0xCA})
_MAX_SAMPLING: Final = 4


class DamagedError(ValueError):
    """The file cannot be decoded; the text says why in words for people."""


class Header(NamedTuple):
    """The size of the image, and what decoding it keeps.

    Attributes:
        width: Pixels across.
        height: Pixels down.
        added: Bytes that programs added to the file, which OpenCV copies.
        coefficients: Bytes of all coefficients where they come in several scans, so that a decoder has to hold them;
            0 where it makes pixels of them as it goes.
    """

    width: int
    height: int
    added: int
    coefficients: int


class _Frame(NamedTuple):
    width: int
    height: int
    progressive: bool
    sampling: Sequence[tuple[int, int]]
    """How many blocks each component has across and down in a unit (section A.2.3)."""

    @property
    def coefficients(self) -> int:
        unit_width = 8 * max(across for across, _ in self.sampling)
        unit_height = 8 * max(down for _, down in self.sampling)
        units = -(-self.width // unit_width) * -(-self.height // unit_height)
        return units * sum(across * down for across, down in self.sampling) * BLOCK_BYTES


def header(data: bytes) -> Header:
    """Walk the marker segments to the end of the image.

    Raises:
        DamagedError: They are damaged, have no end, or are of a kind or number that no camera makes.
        IndexError: A segment is cut off.
        struct.error: A segment is cut off.
    """
    frame, scans, added, several = None, 0, 0, False
    for marker, at in _segments(data):
        if marker in _APPLICATION:
            added += int.from_bytes(data[at + 2 : at + 4])
        elif marker in _START_OF_FRAME:
            if frame is not None:  # a decoder may stop before a second one, and go by the first
                raise DamagedError("the JPEG image says twice how large it is")
            frame = _frame(marker, data, at)
        elif marker == _START_OF_SCAN:
            if frame is None:
                raise DamagedError("the JPEG image's header is damaged")
            scans += 1
            if scans > MAX_SCANS:
                raise DamagedError(f"the JPEG image has its pixels in more than {MAX_SCANS} parts")
            several = several or frame.progressive or data[at + 4] < len(frame.sampling)
    if frame is None or not scans:
        raise DamagedError("the image is cut off or damaged")
    return Header(frame.width, frame.height, added, frame.coefficients if several else 0)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker that a length follows and where it is, until the end of the image."""
    at = 2
    while True:
        if data[at] != 0xFF or data[at + 1] == 0:  # noqa: PLR2004 -- every marker begins with it
            raise DamagedError("the JPEG image's header is damaged")
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 -- a fill byte
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        if marker == _END_OF_IMAGE:
            return
        yield marker, at
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + max(2, length)
        if marker == _START_OF_SCAN:
            if (found := _AFTER_SCAN.search(data, at)) is None:
                raise DamagedError("the image is cut off or damaged")
            at = found.start()


def _frame(marker: int, data: bytes, at: int) -> _Frame:
    if marker not in _SEQUENTIAL | _PROGRESSIVE:  # libjpeg reads lossless ones too, in all their pixels at once
        raise DamagedError("this JPEG image is of a kind that cameras do not make (lossless or hierarchical)")
    height, width, components = struct.unpack_from(">HHB", data, at + 5)
    sampling = [divmod(data[at + 11 + 3 * number], 16) for number in range(components)]
    if not sampling or not all(1 <= factor <= _MAX_SAMPLING for factors in sampling for factor in factors):
        raise DamagedError("the JPEG image's header is damaged")
    return _Frame(width, height, marker in _PROGRESSIVE, sampling)
