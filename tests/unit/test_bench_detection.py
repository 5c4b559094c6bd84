"""The bench of the clips tells how far it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.detection_rows import counted


@pytest.mark.parametrize("kind", ["yunet", "haar"])
def test_a_clip_is_told_when_it_is_done(
    shared_data: Callable[[str], Path], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    yunet = shared_data("yunet/face_detection_yunet_2026may.onnx")
    counted(shared_data("video/bottle-detection.gif"), yunet, haar=kind == "haar")
    assert capsys.readouterr().out.startswith(f"{kind} bottle-detection.gif: 0 of 0 faces in 45 frames, ")
