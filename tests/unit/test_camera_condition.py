"""Dark, covered, frozen: told from a few numbers per frame, and not at every flicker."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from services.camera.condition import Condition, Look, look
from services.contracts.messages import CameraState

ROOM = Look(brightness=120, contrast=50, fingerprint=0)
DARK = Look(brightness=10, contrast=9, fingerprint=0)
COVERED = Look(brightness=70, contrast=1, fingerprint=0)


def states(
    condition: Condition, frames: list[Look], *, fps: float = 5, face: bool = False, same: bool = False
) -> list[CameraState]:
    return [
        condition.update(
            replace(frame, fingerprint=0 if same else at),
            at / fps,
            face_seen=face,
        )
        for at, frame in enumerate(frames)
    ]


@pytest.mark.parametrize(
    ("frame", "state"), [(ROOM, CameraState.OK), (DARK, CameraState.DARK), (COVERED, CameraState.COVERED)]
)
def test_what_lasts_is_the_condition(frame: Look, state: CameraState) -> None:
    assert states(Condition(live=True), [frame] * 8)[-1] is state


def test_a_moment_of_darkness_is_none() -> None:
    assert set(states(Condition(live=True), [ROOM] * 5 + [DARK] * 4 + [ROOM] * 5)) == {CameraState.OK}


def test_light_ends_darkness() -> None:
    assert states(Condition(live=True), [DARK] * 10 + [ROOM] * 8)[-1] is CameraState.OK


def test_a_usable_face_ends_darkness_at_once() -> None:
    condition = Condition(live=True)
    assert states(condition, [DARK] * 10)[-1] is CameraState.DARK
    assert condition.update(Look(10, 9, 99), 2.0, face_seen=True) is CameraState.OK


def test_a_live_camera_that_repeats_itself_for_five_seconds_is_frozen() -> None:
    seen = states(Condition(live=True), [ROOM] * 40, same=True, face=True)
    assert seen.index(CameraState.FROZEN) == 25


def test_a_new_picture_ends_freezing() -> None:
    condition = Condition(live=True)
    states(condition, [ROOM] * 40, same=True)
    assert condition.update(Look(120, 50, 1), 8.0, face_seen=True) is CameraState.OK


def test_a_still_photo_is_not_frozen() -> None:
    assert set(states(Condition(live=False), [ROOM] * 100, same=True)) == {CameraState.OK}


def test_equal_frames_have_equal_fingerprints_and_others_do_not() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    assert look(frame) == look(frame.copy())
    assert look(frame) != look(255 - frame)


@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (1080, 1920)])
def test_frames_of_any_size_can_be_looked_at(shape: tuple[int, int]) -> None:
    assert look(np.full((*shape, 3), 77, np.uint8)).brightness == 77


@pytest.mark.parametrize(("shown", "dark"), [((480, 640), False), ((240, 320), False), ((60, 80), True)])
def test_black_borders_make_no_picture_dark(shown: tuple[int, int], dark: bool) -> None:
    frame = np.random.default_rng(1).integers(0, 12, (480, 640, 3), np.uint8)  # a sensor's noise at night
    frame[: shown[0], : shown[1]] = np.random.default_rng(2).integers(20, 120, (*shown, 3), np.uint8)
    frames = [replace(look(frame), fingerprint=number) for number in range(8)]
    assert (states(Condition(live=True), frames)[-1] is CameraState.DARK) is dark


def test_a_black_picture_is_dark_whether_a_lid_or_the_night_makes_it() -> None:
    assert states(Condition(live=True), [Look(brightness=3, contrast=1, fingerprint=0)] * 8)[-1] is CameraState.DARK


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (Look(20, 50, 0), Look(24, 50, 0), CameraState.DARK),
        (Look(90, 4.5, 0), Look(90, 5.5, 0), CameraState.COVERED),
    ],
)
def test_what_lies_about_the_bound_does_not_flicker(low: Look, high: Look, state: CameraState) -> None:
    seen = states(Condition(live=True), ([low] * 10 + [high] * 10) * 3)
    assert seen[-1] is state
    assert sum(one is not other for one, other in itertools.pairwise(seen)) == 1
