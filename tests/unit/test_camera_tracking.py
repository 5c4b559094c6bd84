"""Track numbers stay with a face, and never come back for another."""

import pytest

from services.camera.tracking import GONE_AFTER_S, Tracker
from services.vision.geometry import Box

FACE = Box(100, 100, 60, 80)
OTHER = Box(400, 120, 60, 80)


def moved(box: Box, dx: float, dy: float = 0) -> Box:
    return box._replace(x=box.x + dx, y=box.y + dy)


def test_the_first_faces_are_numbered_from_one() -> None:
    assert Tracker().update([FACE, OTHER], 0) == [1, 2]


def test_a_still_face_keeps_its_number() -> None:
    tracker = Tracker()
    assert [tracker.update([FACE], at) for at in (0, 0.2, 0.4)] == [[1], [1], [1]]


def test_faces_keep_their_numbers_when_they_are_listed_in_another_order() -> None:
    tracker = Tracker()
    tracker.update([FACE, OTHER], 0)
    assert tracker.update([moved(OTHER, 5), moved(FACE, -5)], 0.2) == [2, 1]


@pytest.mark.parametrize(
    ("dx", "width", "same"),
    [(40, 60, True), (55, 60, True), (70, 60, False), (0, 75, True), (0, 100, False), (30, 42, False)],
)
def test_how_far_a_face_may_jump_and_grow_between_two_frames(dx: float, width: float, same: bool) -> None:
    tracker = Tracker()
    tracker.update([FACE], 0)
    box = Box(FACE.centre.x + dx - width / 2, FACE.centre.y - width * 2 / 3, width, width * 4 / 3)
    assert (tracker.update([box], 0.2) == [1]) is same


def test_a_face_that_walks_fast_is_expected_further_on() -> None:
    tracker = Tracker()
    positions = [moved(FACE, 50 * step) for step in range(8)]
    assert [tracker.update([box], at * 0.2) for at, box in enumerate(positions)] == [[1]] * 8
    assert tracker.update([moved(positions[-1], 95)], 8 * 0.2) == [1]


def test_two_faces_that_cross_keep_their_numbers() -> None:
    tracker = Tracker()
    for step in range(13):
        left, right = Box(100 + 25 * step, 100, 60, 80), Box(400 - 25 * step, 115, 60, 80)
        assert tracker.update([left, right], step * 0.1) == [1, 2]


def test_a_clock_that_is_set_back_leaves_nobody_behind() -> None:
    tracker = Tracker()
    tracker.update([FACE], 100)
    assert tracker.update([FACE], 99.9) == [1], "so little is nothing"
    assert tracker.expected(50) == []
    assert tracker.update([FACE], 50) == [2]
    tracker.update([], 50 + GONE_AFTER_S + 0.1)
    assert tracker.expected(50 + GONE_AFTER_S + 0.1) == []


@pytest.mark.parametrize(("away_s", "number"), [(GONE_AFTER_S - 0.1, 1), (GONE_AFTER_S + 0.1, 2)])
def test_a_face_is_forgotten_after_two_seconds(away_s: float, number: int) -> None:
    tracker = Tracker()
    tracker.update([FACE], 10)
    tracker.update([], 10.5)
    assert tracker.update([FACE], 10 + away_s) == [number]


def test_one_face_does_not_become_two() -> None:
    tracker = Tracker()
    tracker.update([FACE], 0)
    assert tracker.update([moved(FACE, 2), moved(FACE, 30)], 0.2) == [1, 2]


def test_frames_of_the_same_moment_are_allowed() -> None:
    tracker = Tracker()
    tracker.update([FACE], 5)
    assert tracker.update([moved(FACE, 3)], 5) == [1]
    assert tracker.update([moved(FACE, 6)], 5.2) == [1]


def test_numbers_are_never_used_twice() -> None:
    tracker = Tracker()
    seen = [tracker.update([moved(FACE, 150 * (at % 3))], at * 3.0)[0] for at in range(20)]
    assert seen == list(range(1, 21))


def test_nobody_of_another_scene_is_missed_and_who_is_there_again_keeps_the_number() -> None:
    tracker = Tracker()
    for at in (0, 0.2, 0.4):
        tracker.update([FACE, OTHER], at)
    assert tracker.lost([FACE], 0.6) == 1
    tracker.doubt()
    assert tracker.lost([FACE], 0.6) == 0
    assert tracker.update([FACE], 0.6) == [1]
