"""Which faces are fit for classification."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.camera.quality import Flaw, Quality, assess, frontality
from services.demo import faces
from services.vision.geometry import Box, Point
from services.vision.images import decode_photo
from services.vision.opencv import cv2

BOX = Box(100, 100, 64, 84)
FRONTAL = (Point(115, 130), Point(149, 130), Point(132, 150), Point(119, 168), Point(145, 168))
SPRITE = Path(faces.__file__).parent / "assets" / "faces" / "happy.png"
FACE = cv2.resize(decode_photo(SPRITE.read_bytes())[22:106, 22:106, 1], (48, 48))[:, :, None]


def changed(gain: float = 1, offset: float = 0, blur: float = 0) -> np.ndarray:
    face = cv2.GaussianBlur(FACE, (0, 0), blur) if blur else FACE[:, :, 0]
    result: NDArray[np.uint8] = np.clip(face * gain + offset, 0, 255).astype(np.uint8)
    return result[:, :, None]


def turned(dx: float) -> tuple[Point, ...]:
    return (*FRONTAL[:2], Point(FRONTAL[2].x + dx, FRONTAL[2].y), *FRONTAL[3:])


def tilted(degrees: float) -> tuple[Point, ...]:
    angle = np.radians(degrees)
    return tuple(
        Point(
            float(132 + (x - 132) * np.cos(angle) - (y - 150) * np.sin(angle)),
            float(150 + (x - 132) * np.sin(angle) + (y - 150) * np.cos(angle)),
        )
        for x, y in FRONTAL
    )


def test_a_good_face_is_fully_fit() -> None:
    assert assess(FACE, BOX, FRONTAL).value == pytest.approx(1)


def test_a_face_without_landmarks_is_judged_by_the_rest() -> None:
    assert assess(FACE, BOX, ()).value == pytest.approx(1)


@pytest.mark.parametrize(
    ("face", "box", "landmarks", "flaw"),
    [
        (FACE, Box(100, 100, 18, 24), FRONTAL, Flaw.TOO_SMALL),
        (changed(blur=7), BOX, FRONTAL, Flaw.BLURRED),
        (changed(gain=0.12), BOX, FRONTAL, Flaw.DARK),
        (changed(gain=0.01, offset=40), BOX, FRONTAL, Flaw.DARK),
        (changed(gain=0.2, offset=230), BOX, FRONTAL, Flaw.OVEREXPOSED),
        (FACE, BOX, turned(23), Flaw.TURNED),
        (FACE, BOX, tilted(47), Flaw.TURNED),
        (FACE, BOX, (Point(1, 1),) * 5, Flaw.TURNED),
    ],
)
def test_an_unfit_face_is_named_by_its_worst_flaw(
    face: np.ndarray, box: Box, landmarks: tuple[Point, ...], flaw: Flaw
) -> None:
    quality = assess(face, box, landmarks)
    assert quality.flaw is flaw
    assert quality.value < 0.2


@pytest.mark.parametrize(
    "qualities",
    [
        [assess(FACE, Box(0, 0, width, width), ()) for width in (50, 40, 30, 20, 10)],
        [assess(changed(blur=blur), BOX, ()) for blur in (0, 2, 3.5, 5, 8)],
        [assess(changed(gain=gain), BOX, ()) for gain in (1, 0.3, 0.2, 0.14, 0.05)],
        [assess(FACE, BOX, turned(dx)) for dx in (0, 12, 15, 18, 30)],
        [assess(FACE, BOX, tilted(angle)) for angle in (0, 25, 35, 45, 60)],
    ],
)
def test_quality_falls_as_things_get_worse(qualities: list[Quality]) -> None:
    values = [quality.value for quality in qualities]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1)
    assert values[-1] < 0.2
    assert all(0 <= value <= 1 for value in values)


def test_a_change_of_contrast_does_not_look_like_blur() -> None:
    assert assess(changed(gain=0.4, offset=70), BOX, FRONTAL).value == pytest.approx(1, abs=0.1)


def test_looking_left_is_as_bad_as_looking_right() -> None:
    assert frontality(turned(15)) == pytest.approx(frontality(turned(-15)))


def test_an_empty_face_is_unfit_but_no_error() -> None:
    assert assess(np.zeros((48, 48, 1), np.uint8), BOX, FRONTAL).value == 0
