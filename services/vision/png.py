"""What a PNG file holds of pixels, before anything decodes it.

Its data are compressed, in its pixels and in texts and profiles beside them, up to a thousand times: a megabyte can
unpack to a gigabyte, of which a decoder keeps nothing and yet reads all.
"""

import struct
import zlib
from typing import Final, NamedTuple

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"})
"""The chunks that make the pixels and turn them upright; none but IDAT is compressed."""
CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS: Final = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
"""Values of a pixel, and which bits each may have, by colour type (PNG specification, section 11.2.1)."""
WHOLE: Final = ((0, 0, 1, 1),)
ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row of each pass, and the steps between its columns and rows (section 8)."""
SLICE_BYTES: Final = 1024
"""What is unpacked at a time: to a megabyte at most."""


class DamagedError(ValueError):
    """The file does not keep to the specification."""


class TooMuchError(ValueError):
    """The file holds more than the pixels of its header."""


class Header(NamedTuple):
    """What IHDR says (section 11.2.1)."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: int

    @property
    def unpacked(self) -> int:
        """Bytes of the pixels: of each row, those of its pixels and one for its filter.

        Raises:
            DamagedError: There is no such kind of image.
        """
        if self.depth not in DEPTHS.get(self.colour, ()) or self.interlaced > 1:
            raise DamagedError
        bits = CHANNELS[self.colour] * self.depth
        total = 0
        for column, row, across, down in ADAM7 if self.interlaced else WHOLE:
            columns, rows = -((column - self.width) // across), -((row - self.height) // down)
            if columns > 0 and rows > 0:
                total += rows * (1 + (columns * bits + 7) // 8)
        return total


def header(data: bytes) -> Header:
    """Read the first chunk, which must be IHDR (section 5.6).

    Raises:
        DamagedError: It is another one.
        struct.error: It is cut off.
    """
    if data[12:16] != b"IHDR":
        raise DamagedError
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    return Header(width, height, depth, colour, interlaced)


def pixels_only(data: bytes) -> bytes | memoryview:
    """Return the file without what its pixels do not need, having seen that they are what its header says.

    It is a copy only where something is left out.

    Raises:
        DamagedError: The file or a chunk of it is cut off, or what it holds cannot be unpacked.
        TooMuchError: There are more pixels.
    """
    whole, at = memoryview(data), len(SIGNATURE)
    kept = [whole[:at]]
    left = header(data).unpacked
    unpacker = zlib.decompressobj()
    name = b""
    while name != b"IEND":
        if at + 12 > len(data):
            raise DamagedError
        (length,) = struct.unpack_from(">I", data, at)
        name, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise DamagedError
        if name in KEPT:
            kept.append(whole[at:end])
        if name == b"IDAT":
            left -= _unpacked(unpacker, whole[at + 8 : end - 4], left)
        at = end
    if left:
        raise DamagedError
    return whole[:at] if sum(map(len, kept)) == at else b"".join(kept)


def _unpacked(unpacker: "zlib._Decompress", packed: memoryview, most: int) -> int:
    """Return how many bytes a part of the pixels unpacks to, of which none is kept."""
    total = 0
    for at in range(0, len(packed), SLICE_BYTES):
        if unpacker.eof:
            break
        try:
            total += len(unpacker.decompress(packed[at : at + SLICE_BYTES]))
        except zlib.error as error:
            raise DamagedError from error
        if total > most:
            raise TooMuchError
    return total
