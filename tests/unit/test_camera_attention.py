"""Where the camera looks for faces, and how often."""

import pytest

from services.camera.attention import COARSE_EVERY_S, FINE_EVERY_S, Attention
from services.vision.geometry import Box
from services.vision.views import View

SIZE = (640, 480)
FACE = Box(300, 200, 64, 84)
WHOLE = View(0, 0, 640, 480, 2)
COARSE = View(0, 0, 640, 480, 4)


@pytest.fixture
def attention() -> Attention:
    """One that has just looked everywhere."""
    new = Attention(smallest_px=12, clear_px=24, min_face_px=24)
    new.everywhere(SIZE, 0)
    return new


def test_a_known_face_is_looked_for_in_its_neighbourhood(attention: Attention) -> None:
    (view,) = attention.views(SIZE, [FACE], 0.2)
    assert view.holds(FACE.grown(2, 2))
    assert FACE.width / view.shrink >= 24
    assert view.pixels < WHOLE.pixels / 4


@pytest.mark.parametrize("width", [24, 40, 64, 100, 180, 300])
def test_a_neighbourhood_costs_the_same_for_every_size_of_face(attention: Attention, width: float) -> None:
    (view, *_) = attention.views((3000, 3000), [Box(1500, 1500, width, width * 1.3)], 0.2)
    assert 24 <= width / view.shrink < 48
    assert view.pixels == 128 * 128


def test_the_whole_frame_is_looked_at_coarsely_twice_a_second(attention: Attention) -> None:
    looks = [attention.views(SIZE, [FACE], tick / 10) for tick in range(1, 20)]
    coarse = [place for place, views in enumerate(looks, 1) if COARSE in views]
    assert coarse == [5, 10, 15]
    assert COARSE_EVERY_S == 0.5


def test_the_smallest_faces_are_looked_for_every_two_seconds(attention: Attention) -> None:
    looks = [attention.views(SIZE, [FACE], tick / 10) for tick in range(1, 41)]
    assert [place for place, views in enumerate(looks, 1) if views == [WHOLE]] == [20, 40]
    assert FINE_EVERY_S == 2


def test_where_faces_are_small_the_whole_frame_is_looked_at_closely_twice_a_second(attention: Attention) -> None:
    looks = [attention.views(SIZE, [Box(100, 100, 30, 40)], tick / 10) for tick in range(1, 20)]
    assert [place for place, views in enumerate(looks, 1) if views == [WHOLE]] == [5, 10, 15]


def test_neighbours_share_a_view(attention: Attention) -> None:
    assert len(attention.views(SIZE, [FACE, Box(350, 210, 60, 80)], 0.2)) == 1


def test_a_crowd_is_looked_at_as_a_whole(attention: Attention) -> None:
    crowd = [Box(x, y, 50, 65) for x in range(20, 600, 140) for y in range(20, 420, 130)]
    assert attention.views(SIZE, crowd, 0.2) == [WHOLE]


def test_a_view_lies_within_the_frame(attention: Attention) -> None:
    (view,) = attention.views(SIZE, [Box(600, 440, 64, 84)], 0.2)
    assert (view.left + view.width, view.top + view.height) == SIZE


@pytest.mark.parametrize(
    ("size", "min_face_px", "shrink"),
    [((640, 480), 24, 2), ((640, 480), 16, 1), ((640, 480), 48, 4), ((3840, 2160), 24, 4), ((320, 240), 23, 1)],
)
def test_a_whole_frame_is_shrunk_as_far_as_the_smallest_face_allows(
    size: tuple[int, int], min_face_px: int, shrink: int
) -> None:
    attention = Attention(smallest_px=12, clear_px=24, min_face_px=min_face_px)
    assert attention.everywhere(size, 0).shrink == shrink


def test_a_lost_face_is_looked_for_everywhere_at_once_and_then_less_often(attention: Attention) -> None:
    asked = [attention.may_look_everywhere(0.3 + tick / 30, lost=1) for tick in range(3)]
    assert asked == [True, True, True]  # until somebody looks
    attention.everywhere(SIZE, 0.4)
    assert not attention.may_look_everywhere(0.43, lost=1)
    assert attention.may_look_everywhere(0.44, lost=2)
    assert attention.may_look_everywhere(0.6, lost=1)
    assert not attention.may_look_everywhere(0.6, lost=0)


def test_a_clock_that_is_set_back_makes_it_look(attention: Attention) -> None:
    attention.everywhere(SIZE, 1000)
    assert attention.views(SIZE, [FACE], 10) == [WHOLE]
