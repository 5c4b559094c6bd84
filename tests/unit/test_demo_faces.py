"""The synthetic person: the same every time, and seen by both detectors with every expression."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from services.camera.quality import assess
from services.demo.faces import FADE_S, HOLD_S, SEQUENCE, Person
from services.vision.crops import cut, model_input
from services.vision.detectors import open_detector

TIMES = [step * HOLD_S + at for step in range(len(SEQUENCE)) for at in (0.0, 31.7, HOLD_S - FADE_S / 2)]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_a_frame_is_a_colour_picture_of_vga_size() -> None:
    frame = Person().frame(0)
    assert frame.shape == (480, 640, 3)
    assert frame.dtype == np.uint8


def test_the_same_moment_looks_the_same_in_whatever_order() -> None:
    one, other = Person(), Person()
    expected = [one.frame(at) for at in TIMES[:4]]
    assert all((other.frame(at) == frame).all() for at, frame in zip(TIMES[3::-1], expected[::-1], strict=True))


def test_another_seed_moves_otherwise() -> None:
    assert difference(Person(1).frame(3), Person(2).frame(3)) > 1


def test_no_two_frames_are_equal_as_with_a_real_sensor() -> None:
    person = Person()
    frames = [person.frame(at / 5) for at in range(10)]
    assert all(0.5 < difference(before, after) < 12 for before, after in pairwise(frames))


def test_it_starts_with_a_happy_face_held_long_enough_for_a_mood() -> None:
    assert SEQUENCE[0] == "happy"
    assert HOLD_S >= 60


def test_the_cross_fade_has_no_jump() -> None:
    person = Person()
    frames = [person.frame(HOLD_S - FADE_S - 0.2 + at / 5) for at in range(16)]
    assert max(difference(before, after) for before, after in pairwise(frames)) < 8


@pytest.mark.parametrize("kind", ["haar", "yunet"])
def test_the_detector_finds_exactly_one_fit_face_at_all_times(kind: str, shared_data: Callable[[str], Path]) -> None:
    file = None if kind == "haar" else shared_data("yunet/face_detection_yunet_2026may.onnx")
    detector, person = open_detector(file, min_face_px=24), Person()
    for at in TIMES:
        frame = person.frame(at)
        found = detector.detect(frame)
        assert len(found) == 1, f"{len(found)} faces at {at} s"
        crop = cut(frame, found[0].box)
        assert crop is not None
        assert assess(model_input(*crop, found[0].box), found[0].box, found[0].landmarks).value > 0.6
