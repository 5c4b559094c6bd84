"""When the camera looks, and where."""

import pytest

from services.camera.search import LOOK_ANYWAY_S, Search
from services.camera.tracking import GONE_AFTER_S, Tracker
from services.vision.geometry import Box
from services.vision.images import Bgr
from services.vision.views import View
from tests.camera_doubles import BOX, ScriptedDetector, face, picture

WHOLE = View(0, 0, 640, 480, 2)


class Watched:
    """A search with its tracker."""

    def __init__(self, *boxes: Box) -> None:
        self.detector = ScriptedDetector(*map(face, boxes))
        self.tracker = Tracker()
        self._search = Search(self.detector, min_face_px=24)

    def look(self, frame: Bgr, at: float) -> list[View | None]:
        """Return where it looked in a frame."""
        before = len(self.detector.views)
        found = self._search.find(frame, self.tracker, at)
        self.tracker.update([each.box for each in found], at)
        return self.detector.views[before:]


def test_an_empty_room_is_looked_at_when_something_moved_and_now_and_then() -> None:
    watched = Watched()
    assert watched.look(picture(1), 0) == [WHOLE]
    assert [watched.look(picture(1), at) for at in (1, 2, 3)] == [[], [], []]
    assert watched.look(picture(2), 4) == [WHOLE]
    assert watched.look(picture(2), 5) == []
    assert watched.look(picture(2), 4 + LOOK_ANYWAY_S) == [WHOLE]


def test_a_face_that_is_there_is_looked_for_though_nothing_moves() -> None:
    watched = Watched(BOX)
    assert watched.look(picture(), 0) == [WHOLE]
    (view,) = watched.look(picture(), 0.2)
    assert view is not None
    assert view.pixels < WHOLE.pixels
    assert view.holds(BOX)


def test_a_face_that_is_lost_is_looked_for_everywhere_in_the_same_frame() -> None:
    watched = Watched(BOX)
    for tick in range(3):
        watched.look(picture(), tick / 10)
    watched.detector.found = [face(Box(20, 20, 64, 84))]
    near, everywhere = watched.look(picture(), 0.3)
    assert near != WHOLE
    assert everywhere == WHOLE


def test_a_lost_face_is_soon_looked_for_as_new_ones_are() -> None:
    watched = Watched(BOX)
    for tick in range(3):
        watched.look(picture(), tick / 10)
    watched.detector.found = []
    for tick in range(3, 8):
        assert watched.look(picture(), tick / 10)
    assert watched.look(picture(), 0.8) == [WHOLE]  # the first without a place to look at
    assert watched.look(picture(), 0.9) == []
    assert watched.tracker.expected(0.9)
    assert watched.look(picture(2), 1.0) == [WHOLE]


def test_a_face_is_looked_for_where_it_was_however_few_frames_there_are() -> None:
    watched = Watched(BOX)
    watched.look(picture(), 0)
    assert watched.look(picture(), 1) != []
    assert watched.look(picture(), 1 + GONE_AFTER_S + 1) == [WHOLE]


def test_what_was_taken_for_a_face_once_is_not_looked_for_everywhere() -> None:
    watched = Watched(BOX)
    watched.look(picture(), 0)
    watched.detector.found = []
    assert len(watched.look(picture(), 0.1)) == 1


def test_what_was_taken_for_a_face_once_beside_one_is_looked_for_there_once() -> None:
    watched = Watched(BOX)
    for tick in range(3):
        watched.look(picture(), tick / 100)
    watched.detector.found = [face(BOX), face(Box(20, 20, 64, 84))]
    watched.look(picture(), 0.51)  # the whole frame, where a hand passes for a face
    watched.detector.found = [face(BOX)]
    assert [len(watched.look(picture(), at)) for at in (0.52, 0.53, 0.54)] == [2, 1, 1]


def test_where_a_film_begins_again_nobody_of_before_is_looked_for() -> None:
    watched = Watched(BOX)
    for tick in range(3):
        watched.look(picture(), tick / 100)
    watched.tracker.doubt()
    watched.detector.found = [face(Box(20, 20, 64, 84))]
    assert watched.look(picture(2), 0.03) == [WHOLE]
    assert len(watched.look(picture(2), 0.04)) == 1


def test_a_face_that_two_views_show_is_one() -> None:
    watched = Watched(BOX)
    watched.look(picture(), 0)
    assert len(watched.look(picture(), 0.6)) == 2
    assert len(watched.tracker.expected(0.6)) == 1


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_the_tracker_counts_who_is_missing(missing: int) -> None:
    boxes = [BOX, Box(40, 60, 64, 84)]
    tracker = Tracker()
    for tick in range(3):
        tracker.update(boxes, tick / 10)
    assert tracker.lost(boxes[missing:], 0.3) == missing
    assert tracker.lost([], 10) == 0
