"""Parts of a frame, and faces found in them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.demo.faces import Person
from services.vision.detectors import Detector, open_detector
from services.vision.geometry import Box
from services.vision.views import View, shrink_for, without_doubles

YUNET = "yunet/face_detection_yunet_2026may.onnx"


@pytest.mark.parametrize(
    ("width", "enough", "shrink"), [(24, 12, 2), (23, 12, 1), (48, 12, 4), (5, 12, 1), (100, 24, 4), (95, 24, 2)]
)
def test_a_face_keeps_enough_pixels(width: float, enough: float, shrink: int) -> None:
    assert shrink_for(width, enough) == shrink


@pytest.mark.parametrize(
    ("size", "shrink", "shape"), [((640, 480), 4, (120, 160)), ((481, 271), 2, (135, 240)), ((3, 2), 8, (1, 1))]
)
def test_a_view_is_shrunk_by_whole_pixels(size: tuple[int, int], shrink: int, shape: tuple[int, int]) -> None:
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    assert View.whole(size, shrink).of(frame).shape[:2] == shape


def test_a_shrunk_pixel_is_the_mean_of_those_it_stands_for() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    shown = View(8, 4, 16, 16, 4).of(frame)
    assert np.abs(shown[1, 2].astype(float) - frame[8:12, 16:20].mean(axis=(0, 1))).max() <= 1


@pytest.mark.parametrize(
    ("middle", "expected"),
    [((100, 100), (50, 50, 100, 100)), ((10, 470), (0, 380, 100, 100)), ((640, 0), (540, 0, 100, 100))],
)
def test_a_view_is_moved_into_the_frame(middle: tuple[float, float], expected: tuple[int, int, int, int]) -> None:
    assert View.around(middle, 100, 1, (640, 480)) == (*expected, 1)


def test_a_view_that_is_larger_than_the_frame_is_cut() -> None:
    assert View.around((50, 50), 300, 2, (200, 100)) == (0, 0, 200, 100, 2)


def test_of_boxes_that_are_one_face_the_first_stays() -> None:
    boxes = [Box(0, 0, 10, 10), Box(1, 1, 10, 10), Box(50, 0, 10, 10), Box(8, 8, 10, 10)]
    assert without_doubles(boxes, 0.3) == [0, 2, 3]


@pytest.fixture(params=["haar", "yunet"])
def detector(request: pytest.FixtureRequest, shared_data: Callable[[str], Path]) -> Detector:
    return open_detector(None if request.param == "haar" else shared_data(YUNET), min_face_px=24)


@pytest.mark.parametrize("view", [View(160, 40, 320, 320, 2), View(130, 10, 400, 400, 2), View.whole((640, 480), 2)])
def test_a_face_is_found_in_a_view_where_it_is_in_the_frame(detector: Detector, view: View) -> None:
    frame = Person().frame(1)
    (whole,) = detector.detect(frame)
    (found,) = detector.detect(frame, view)
    assert found.box.iou(whole.box) > 0.8
    for point, other in zip(found.landmarks, whole.landmarks, strict=True):
        assert abs(point.x - other.x) + abs(point.y - other.y) < 0.1 * whole.box.width


def test_a_face_outside_a_view_is_not_found(detector: Detector) -> None:
    assert detector.detect(Person().frame(1), View(0, 0, 128, 128, 1)) == []


def test_many_sizes_in_turn_find_the_same(shared_data: Callable[[str], Path]) -> None:
    detector, frame = open_detector(shared_data(YUNET), min_face_px=24), Person().frame(1)
    views = [View(200 - 4 * step, 60, 240 + 8 * step, 320, 2) for step in range(6)]
    for view in [*views, *reversed(views)]:
        assert len(detector.detect(frame, view)) == 1
