"""The camera's search sees what looking at every whole frame sees, in every clip that is there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.detection import clips, count
from tests.conftest import SHARED

YUNET = "yunet/face_detection_yunet_2026may.onnx"
Shared = Callable[[str], Path]
LEAST = 0.99
"""Share of the faces found that way: within one percent."""


@pytest.fixture(params=[each.name for each in clips(SHARED / "video")] or ["no clips"])
def clip(request: pytest.FixtureRequest, shared_data: Shared) -> Path:
    return shared_data(f"video/{request.param}")


def test_yunet_finds_no_face_less(clip: Path, shared_data: Shared) -> None:
    found = count(clip, shared_data(YUNET), haar=False)
    assert found.search >= LEAST * found.whole
    assert found.of_search >= LEAST * found.of_whole


@pytest.mark.slow
def test_the_cascade_finds_no_face_of_a_person_less(clip: Path, shared_data: Shared) -> None:
    found = count(clip, shared_data(YUNET), haar=True)
    assert found.of_search >= LEAST * found.of_whole
