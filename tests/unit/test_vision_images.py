"""Images from outside: limits are checked before anything is decoded, and damage is a clear error."""

import struct
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts import moodring_pb2 as pb
from services.vision.images import (
    CROP,
    BadImageError,
    crop_message,
    decode_crop,
    decode_photo,
    decode_reduced,
    jpeg,
    mean_and_deviation,
)
from services.vision.jpeg_markers import MAX_SCANS
from services.vision.opencv import cv2
from services.vision.png import pixels_only

GRADIENT = np.add.outer(np.arange(60), 2 * np.arange(80)).astype(np.uint8)


def png(image: np.ndarray = GRADIENT) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_file(
    width: int, height: int, pixels: bytes, *beside: bytes, colour: int = 0, depth: int = 8, interlaced: int = 0
) -> bytes:
    """A PNG file of these rows (each with its filter before it), and of the chunks beside them."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = (chunk(b"IHDR", header), *beside, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_bomb(width: int, height: int) -> bytes:
    return png_file(width, height, b"")


def jpeg_bomb(width: int, height: int) -> bytes:
    data = bytearray(jpeg(GRADIENT))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_a_crop_survives_its_way_over_the_bus() -> None:
    received = decode_crop(pb.Image.FromString(crop_message(GRADIENT).SerializeToString()))
    assert received.shape == (60, 80)
    assert np.abs(received.astype(int) - GRADIENT).mean() < 3


def test_a_png_crop_is_exact() -> None:
    assert (decode_crop(pb.Image(encoding=pb.ENCODING_PNG, data=png(), width=80, height=60)) == GRADIENT).all()


def test_raw_grey_is_exact() -> None:
    image = pb.Image(encoding=pb.ENCODING_RAW_GREY, data=GRADIENT.tobytes(), width=80, height=60)
    assert (decode_crop(image) == GRADIENT).all()


@pytest.mark.parametrize("size", [(80, 61), (0, 0), (4_000_000_000, 4_000_000_000)])
def test_raw_grey_of_another_size_is_refused(size: tuple[int, int]) -> None:
    image = pb.Image(encoding=pb.ENCODING_RAW_GREY, data=GRADIENT.tobytes(), width=size[0], height=size[1])
    with pytest.raises(BadImageError):
        decode_crop(image)


@pytest.mark.parametrize("encoding", [pb.ENCODING_UNSPECIFIED, 77])
def test_an_unknown_encoding_is_refused(encoding: int) -> None:
    with pytest.raises(BadImageError, match="encoding"):
        decode_crop(pb.Image(encoding=encoding, data=png()))  # type: ignore[arg-type]


def test_a_crop_of_another_size_than_it_says_is_refused() -> None:
    with pytest.raises(BadImageError, match="80x60 pixels, not 48x48"):
        decode_crop(pb.Image(encoding=pb.ENCODING_PNG, data=png(), width=48, height=48))


@pytest.mark.parametrize("bomb", [png_bomb(60_000, 60_000), jpeg_bomb(60_000, 60_000)])
def test_an_image_bomb_is_refused_by_its_header(bomb: bytes) -> None:
    assert len(bomb) < 5000
    with pytest.raises(BadImageError, match="60000x60000 pixels; at most"):
        decode_photo(bomb)


ENORMOUS = bytes(100_000_000)


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes came of each call that unpacked a part of a PNG file."""
    sizes: list[int] = []

    class Counting:
        def __init__(self) -> None:
            self._unpacker = decompressobj()

        @property
        def eof(self) -> bool:
            return self._unpacker.eof

        def decompress(self, packed: bytes) -> bytes:
            content = self._unpacker.decompress(packed)
            sizes.append(len(content))
            return content

    decompressobj = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    return sizes


def test_a_png_with_more_pixels_than_its_header_says_is_refused_before_they_are_unpacked(
    capfd: pytest.CaptureFixture[str], unpacked: list[int]
) -> None:
    bomb = png_file(10, 10, ENORMOUS)
    assert len(bomb) < CROP.max_bytes
    with pytest.raises(BadImageError, match="more pixels than its header says"):
        decode_crop(pb.Image(encoding=pb.ENCODING_PNG, data=bomb))
    assert 0 < sum(unpacked) < len(ENORMOUS) / 50
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "beside",
    [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(ENORMOUS[:7_000_000])) * 50,
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(ENORMOUS[:7_000_000])) * 50,
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"\x05\xf5\xe1\0" + ENORMOUS[4:])),
    ],
    ids=["text", "international text", "profile"],
)
def test_what_is_packed_beside_the_pixels_of_a_png_is_left_alone(
    beside: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    bomb = png_file(10, 10, bytes(110), beside)
    assert len(bomb) < CROP.max_bytes
    assert decode_crop(pb.Image(encoding=pb.ENCODING_PNG, data=bomb)).shape == (10, 10)
    assert pixels_only(bomb) == png_file(10, 10, bytes(110)), "all that cv2 is given"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("width", "height", "kind", "size"),
    [
        (53, 37, {"depth": 1}, 37 * (1 + 7)),
        (53, 37, {"colour": 2}, 37 * (1 + 53 * 3)),
        (53, 37, {"colour": 6, "depth": 16}, 37 * (1 + 53 * 8)),
        (1, 1, {"interlaced": 1}, 2),  # the first of Adam7's passes alone
        (8, 8, {"interlaced": 1}, 2 + 2 + 3 + 2 * 3 + 2 * 5 + 4 * 5 + 4 * 9),
    ],
)
def test_a_png_may_hold_the_pixels_of_its_header_and_not_a_row_more(
    width: int, height: int, kind: dict[str, int], size: int
) -> None:
    assert decode_photo(png_file(width, height, bytes(size), **kind)).shape == (height, width, 3)
    with pytest.raises(BadImageError, match="more pixels"):
        decode_photo(png_file(width, height, bytes(size + 1), **kind))


@pytest.mark.parametrize(("colour", "depth"), [(6, 255), (0, 0), (0, 3), (2, 4), (3, 16), (5, 8), (7, 8)])
def test_a_png_of_bits_that_there_are_not_is_refused_before_it_is_unpacked(
    colour: int, depth: int, unpacked: list[int]
) -> None:
    with pytest.raises(BadImageError, match="damaged"):
        decode_photo(png_file(2000, 2000, ENORMOUS, colour=colour, depth=depth))
    assert unpacked == []


def progressive(scans: int, between: bytes = b"") -> bytes:
    """A JPEG file of 1,000 x 1,000 pixels whose shortest scan is in it again and again."""
    whole = bytes(cv2.imencode(".jpg", np.zeros((1000, 1000, 3), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1])
    parts = whole[:-2].split(b"\xff\xda")
    again = min(parts[1:], key=len)
    return b"\xff\xda".join([*parts, *[again + between] * (scans - len(parts) + 1)]) + b"\xff\xd9"


@pytest.mark.parametrize("between", [b"", b"\xff\xfe\0\4\xff\xd9"], ids=["at once", "behind a false end"])
def test_a_jpeg_that_goes_over_its_pixels_again_and_again_is_refused(between: bytes) -> None:
    assert decode_photo(progressive(MAX_SCANS, between)).shape == (1000, 1000, 3)
    with pytest.raises(BadImageError, match=f"more than {MAX_SCANS} parts"):
        decode_photo(progressive(MAX_SCANS + 1, between))


def test_what_no_decoder_skips_hides_no_size_of_a_jpeg() -> None:
    small, huge = jpeg(GRADIENT), jpeg_bomb(60_000, 60_000)
    at = huge.index(b"\xff\xc0")
    for alone in (b"\xff\x01", b"\xff\xd0"):
        with pytest.raises(BadImageError, match="60000x60000 pixels"):
            decode_photo(huge[:at] + alone + huge[at:])
    with pytest.raises(BadImageError, match="damaged"):
        decode_photo(small[:2] + b"\xff\0\0\4" + small[2:])


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def test_a_jpeg_that_says_twice_how_large_it_is_is_refused() -> None:
    huge, small = jpeg_bomb(7000, 7000), jpeg(GRADIENT)
    at = small.index(b"\xff\xc0")
    frame = small[at : at + 2 + int.from_bytes(small[at + 2 : at + 4])]
    with pytest.raises(BadImageError, match="twice how large"):
        decode_photo(huge[:-2] + frame + huge[-2:])


def test_a_lossless_jpeg_is_refused_as_it_is_decoded_in_full() -> None:
    frame = segment(0xC3, struct.pack(">BHHB", 8, 40, 40, 3) + b"\1\x11\0\2\x11\0\3\x11\0")
    table = segment(0xC4, bytes([0, 1, *[0] * 15, 0]))
    scan = segment(0xDA, b"\3\1\0\2\0\3\0\1\0\0") + bytes(40 * 40 * 3 // 8)
    lossless = b"\xff\xd8" + frame + table + scan + b"\xff\xd9"
    decoded = cv2.imdecode(np.frombuffer(lossless, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    assert decoded is not None
    assert decoded.shape == (40, 40, 3)
    with pytest.raises(BadImageError, match="lossless"):
        decode_photo(lossless)


@pytest.mark.parametrize("sampling", [b"\x01", b"\x10", b"\x51"])
def test_a_jpeg_with_components_of_no_size_is_refused(sampling: bytes) -> None:
    whole = jpeg(GRADIENT)
    at = whole.index(b"\xff\xc0") + 11
    with pytest.raises(BadImageError, match="damaged"):
        decode_photo(whole[:at] + sampling + whole[at + 1 :])


@pytest.mark.parametrize("shape", [(1, 29_000), (29_000, 1), (3, 20_000)])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_photo_of_few_rows_or_columns_keeps_them(shape: tuple[int, int], suffix: str) -> None:
    thin = bytes(cv2.imencode(suffix, np.zeros(shape, np.uint8))[1])
    reduced = decode_reduced(thin, 1600)
    assert (reduced.height, reduced.width) == shape
    assert min(reduced.image.shape[:2]) >= 1


def test_an_image_that_is_too_long_is_refused_though_it_has_few_pixels() -> None:
    image = pb.Image(encoding=pb.ENCODING_RAW_GREY, data=bytes(40_000 * 20), width=40_000, height=20)
    with pytest.raises(BadImageError, match="40000x20 pixels; at most 4,000 a side"):
        decode_crop(image)
    with pytest.raises(BadImageError, match="40000x20 pixels; at most 30,000 a side"):
        decode_photo(jpeg_bomb(40_000, 20))


@pytest.mark.parametrize(("enough_px", "divisor"), [(81, 1), (41, 1), (40, 2), (20, 4), (10, 8), (1, 8)])
@pytest.mark.parametrize("whole", [jpeg(GRADIENT), png()], ids=["jpeg", "png"])
def test_a_photo_is_decoded_no_larger_than_needed(whole: bytes, enough_px: int, divisor: int) -> None:
    image, width, height = decode_reduced(whole, enough_px)
    assert (width, height) == (80, 60)
    assert image.shape[1:] == (80 // divisor, 3)
    assert image.shape[0] == pytest.approx(60 / divisor, abs=1)


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(BadImageError, match="1,000 are read"):
        decode_photo(b"\xff" * 1001, replace(CROP, max_bytes=1000))


@pytest.mark.parametrize("whole", [jpeg(GRADIENT), png()], ids=["jpeg", "png"])
def test_an_image_cut_off_anywhere_is_refused(whole: bytes) -> None:
    for length in (*range(3, len(whole), 7), len(whole) - 1):
        with pytest.raises(BadImageError, match=r"cut off|neither|begin"):
            decode_photo(whole[:length])


@pytest.mark.parametrize("whole", [jpeg(GRADIENT), png()], ids=["jpeg", "png"])
def test_what_follows_an_image_is_not_read(whole: bytes) -> None:
    assert (decode_photo(whole + bytes(range(100))) == decode_photo(whole)).all()


def test_a_png_with_fewer_pixels_than_its_header_says_is_refused_undecoded(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadImageError, match="cut off or damaged"):
        decode_photo(png_file(10, 10, bytes(109)))
    assert capfd.readouterr().err == "", "libpng said nothing"


def test_a_jpeg_that_is_cut_off_before_an_end_marker_is_grey_where_it_ends() -> None:
    whole = jpeg(np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8))
    assert decode_photo(whole[: len(whole) // 2] + b"\xff\xd9")[-1].std() == 0


def test_a_progressive_jpeg_that_is_cut_off_before_an_end_marker_is_coarse() -> None:
    smooth = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8), (0, 0), 3)
    whole = bytes(cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1])
    image, cut_off = decode_photo(whole), decode_photo(whole[: len(whole) // 2] + b"\xff\xd9")
    assert 0 < np.abs(image.astype(int) - cut_off).mean() < image.std()


def test_a_thumbnail_inside_does_not_hide_that_a_jpeg_is_cut_off() -> None:
    whole, thumbnail = jpeg(GRADIENT), jpeg(GRADIENT[:20, :20])
    exif = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail
    with_exif = whole[:2] + exif + whole[2:]
    assert decode_photo(with_exif).shape == (60, 80, 3)
    with pytest.raises(BadImageError, match="cut off"):
        decode_photo(with_exif[:-40])


@pytest.mark.parametrize("data", [b"", b"hello", b"GIF89a" + bytes(50), b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(BadImageError):
        decode_photo(data)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_image_is_decoded_or_refused_but_never_worse(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from([jpeg(GRADIENT), png()])))
    for at in data.draw(st.lists(st.integers(2, len(damaged) - 1), min_size=1, max_size=8)):
        damaged[at] = data.draw(st.integers(0, 255))
    try:
        image = decode_photo(bytes(damaged), CROP)
    except BadImageError:
        return
    assert image.ndim == 3


def test_a_photo_is_turned_upright_as_its_exif_says() -> None:
    tiff = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0112, 3, 1, 6) + b"\0\0\0\0"
    exif = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
    whole = jpeg(GRADIENT)
    assert decode_photo(whole[:2] + exif + whole[2:]).shape == (80, 60, 3)
    reduced = decode_reduced(whole[:2] + exif + whole[2:], 40)
    assert (reduced.image.shape, reduced.width, reduced.height) == ((40, 30, 3), 60, 80)


def test_lower_jpeg_quality_makes_smaller_files() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    sizes = [len(jpeg(noise, quality)) for quality in (95, 80, 50)]
    assert all(more > less for more, less in pairwise(sizes))


def test_mean_and_deviation_are_those_of_numpy() -> None:
    grey = (np.arange(60 * 80) % 251).astype(np.uint8).reshape(60, 80)
    expected = pytest.approx((grey.mean(), grey.std()))
    assert mean_and_deviation(grey) == expected
    assert mean_and_deviation(grey.astype(np.float32)) == expected
