"""Which detector is used, from which file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.demo.faces import Person
from services.vision.detectors import (
    LONGEST_SIDE_PX,
    Detector,
    DetectorError,
    Haar,
    YuNet,
    find_yunet,
    open_detector,
    reduced,
)

YUNET = "yunet/face_detection_yunet_2026may.onnx"
Shared = Callable[[str], Path]


@pytest.fixture(params=["haar", "yunet"])
def detector(request: pytest.FixtureRequest, shared_data: Shared) -> Detector:
    return open_detector(None if request.param == "haar" else shared_data(YUNET), min_face_px=24)


def test_without_a_file_the_cascade_serves(tmp_path: Path) -> None:
    assert find_yunet("auto", None, tmp_path) is None
    assert isinstance(open_detector(None, min_face_px=24), Haar)


def test_a_file_in_the_folder_is_found(tmp_path: Path, shared_data: Shared) -> None:
    file = Path(shutil.copy(shared_data(YUNET), tmp_path))
    assert find_yunet("auto", None, tmp_path) == file
    assert isinstance(open_detector(file, min_face_px=24), YuNet)


def test_a_named_file_goes_before_the_folder(tmp_path: Path, shared_data: Shared) -> None:
    (tmp_path / "face_detection_yunet_2023mar.onnx").write_bytes(b"other")
    assert find_yunet("auto", shared_data(YUNET), tmp_path) == shared_data(YUNET)


def test_who_asks_for_the_cascade_gets_it(tmp_path: Path, shared_data: Shared) -> None:
    assert find_yunet("haar", shared_data(YUNET), tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"another model", b"\x00" * 229_738])
def test_a_file_with_another_hash_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "face_detection_yunet_2023mar.onnx"
    file.write_bytes(content)
    with pytest.raises(DetectorError, match=r"not YuNet as published.*delete it") as caught:
        find_yunet("auto", None, tmp_path)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_named_file_that_is_missing_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"there is no file .*nowhere.onnx"):
        find_yunet("auto", tmp_path / "nowhere.onnx", tmp_path)


def test_yunet_that_is_asked_for_and_missing_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="make models"):
        find_yunet("yunet", None, tmp_path)


@pytest.mark.parametrize("shape", [(480, 640), (1080, 1920), (17, 23), (1, 1)])
def test_an_empty_frame_of_any_size_has_no_face(detector: Detector, shape: tuple[int, int]) -> None:
    assert detector.detect(np.full((*shape, 3), 120, np.uint8)) == []


def test_boxes_are_in_pixels_of_the_frame_and_follow_one_convention(shared_data: Shared) -> None:
    frame = Person().frame(1)
    yunet = open_detector(shared_data(YUNET), min_face_px=24).detect(frame)[0].box
    haar = open_detector(None, min_face_px=24).detect(frame)[0].box
    assert 200 < yunet.x < yunet.x + yunet.width < 440
    assert yunet.iou(haar) > 0.75


def test_landmarks_lie_in_the_box(shared_data: Shared) -> None:
    found = open_detector(shared_data(YUNET), min_face_px=24).detect(Person().frame(1))[0]
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks
    assert found.box.x < right_eye.x < nose.x < left_eye.x < found.box.x + found.box.width
    assert max(right_eye.y, left_eye.y) < nose.y < min(right_mouth.y, left_mouth.y)


def test_every_face_of_a_crowd_is_found(detector: Detector) -> None:
    near = Person().frame(1)[120:360, 200:440]
    crowd = np.tile(near[::2, ::2], (8, 8, 1))
    found = detector.detect(crowd)
    assert len(found) == 64
    assert found[0].box.area == max(each.box.area for each in found)


def test_the_largest_face_comes_first(shared_data: Shared) -> None:
    near = Person().frame(1)
    frame = np.hstack([near[::2, ::2], near[120:360, 160:480]])
    found = open_detector(shared_data(YUNET), min_face_px=24).detect(frame)
    assert len(found) == 2
    assert found[0].box.area > found[1].box.area


@pytest.mark.parametrize(
    ("size", "finest", "expected"),
    [
        ((480, 640), 0.5, (240, 320)),
        ((240, 320), 1.5, (240, 320)),
        ((2160, 3840), 0.5, (540, LONGEST_SIDE_PX)),
        ((1, 4000), 0.5, (1, LONGEST_SIDE_PX)),
    ],
)
def test_a_frame_is_searched_at_the_size_that_the_smallest_face_needs(
    size: tuple[int, int], finest: float, expected: tuple[int, int]
) -> None:
    small, scale = reduced(np.zeros((*size, 3), np.uint8), finest)
    assert small.shape[:2] == expected
    assert scale == pytest.approx(expected[1] / size[1])
