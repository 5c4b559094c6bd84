"""The bench's loop over face crops, and what it does without the peer."""

import numpy as np
import pytest

from tests.bench import __main__ as bench
from tests.bench.crops import BATCH, Faces, Labels, measure
from tests.bench.product import BenchError

COUNT = 2 * BATCH + 5


def first_pixel(faces: Faces) -> Labels:
    return faces[:, 0, 0].astype(np.int64)


def test_every_face_counts_once_towards_accuracy() -> None:
    labels = np.arange(COUNT) % 7
    faces = np.zeros((COUNT, 48, 48), np.uint8)
    faces[:, 0, 0] = labels
    wrong = labels.copy()
    wrong[[0, COUNT - 1]] += 1
    assert measure(first_pixel, faces, labels)["fer2013_accuracy_percent"] == 100
    assert measure(first_pixel, faces, wrong)["fer2013_accuracy_percent"] == pytest.approx(100 * (1 - 2 / COUNT))


def test_a_face_is_timed_alone_and_the_rate_is_of_batches() -> None:
    asked: list[int] = []

    def recognise(faces: Faces) -> Labels:
        asked.append(len(faces))
        return first_pixel(faces)

    measure(recognise, np.zeros((COUNT, 48, 48), np.uint8), np.zeros(COUNT, np.int64))
    assert asked == [1] * COUNT + [BATCH] + [BATCH, BATCH, 5]


def test_a_peer_that_cannot_be_had_is_skipped_with_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: object) -> dict[str, float]:
        raise BenchError("it is not installed: that needs uv, which `make run` installs")

    monkeypatch.setattr(bench, "measure_fer_on_clip", missing)
    assert bench.fer(bench.FACES) == {}
    assert capsys.readouterr().out == "fer is skipped: it is not installed: that needs uv, which `make run` installs\n"
