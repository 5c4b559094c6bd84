"""Faces are shown as distance and the product's path would show them."""

import numpy as np
import pytest

from services.vision.detectors import Detection
from services.vision.geometry import Box
from services.vision.images import Bgr
from services.vision.views import View
from training.copies import are_copies, groups_of_copies
from training.views import FRAME_PX, all_as_seen, as_seen, from_afar, set_into_frame

FACE = np.add.outer(np.linspace(0, 155, 48), np.linspace(0, 100, 48)).astype(np.uint8)


class Knowing:
    """A detector that is told where the face is, in sides of its frame off."""

    name = "knowing"
    smallest_px = clear_px = 1

    def __init__(self, seed: int, off: float = 0, blind: tuple[int, ...] = ()) -> None:
        self._generator, self._off = np.random.default_rng(seed), off
        self._blind, self._asked = blind, 0

    def detect(self, frame: Bgr, view: View | None = None) -> list[Detection]:
        _, (x, y, side) = set_into_frame(FACE, self._generator)
        self._asked += 1
        if self._asked in self._blind:
            return []
        box = Box(x - 0.4 * side, y - 0.52 * side, 0.8 * side, 1.04 * side)
        return [Detection(Box(box.x + self._off * side, box.y, box.width, box.height), (), 0.9)]


def test_a_face_that_was_found_exactly_comes_back_as_it_was() -> None:
    seen = as_seen(FACE, Knowing(1), np.random.default_rng(1))
    assert seen is not None
    assert np.abs(seen.astype(int) - FACE).mean() < 3


def test_what_is_found_elsewhere_is_not_the_face() -> None:
    assert as_seen(FACE, Knowing(1, off=0.5), np.random.default_rng(1)) is None


def test_faces_that_are_not_found_are_counted() -> None:
    seen, found = all_as_seen(np.stack([FACE, FACE, FACE]), Knowing(0, blind=(2,)), seed=0)
    assert found.tolist() == [True, False, True]
    assert seen.shape == (2, 48, 48)


def test_a_face_lies_within_its_frame() -> None:
    for seed in range(20):
        frame, (x, y, side) = set_into_frame(FACE, np.random.default_rng(seed))
        assert frame.shape == (*FRAME_PX, 3)
        assert side / 2 <= x <= FRAME_PX[1] - side / 2
        assert side / 2 <= y <= FRAME_PX[0] - side / 2


def test_copies_are_of_one_group_mirrored_and_brighter_too() -> None:
    noise = np.random.default_rng(2).integers(0, 200, (3, 6, 6)).astype(np.uint8)
    faces = np.kron(noise, np.ones((8, 8), np.uint8))
    all_of_them = np.stack([faces[0], faces[1], faces[0][:, ::-1], faces[2], faces[0] + 40])
    groups = groups_of_copies(all_of_them)
    assert len(set(groups)) == 3
    assert groups[0] == groups[2] == groups[4]
    assert are_copies(all_of_them[2:], all_of_them[:2]).tolist() == [True, False, True]


@pytest.mark.parametrize("side", [48, 24, 16])
def test_from_afar_keeps_size_and_brightness(side: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1, 48, 48)).astype(np.uint8)
    faces = from_afar(noise, side)
    assert faces.shape == (1, 48, 48)
    assert faces.mean() == pytest.approx(noise.mean(), abs=1)
    assert faces.std() <= noise.std() * side / 48
