"""Where a room is in a playlist."""

import pytest

from services.recommender.cursor import Cursor, advance, following, located
from tests.unit.recommender_doubles import song


def _next(
    cursor: Cursor, order: list[int], waiting: list[int], count: int = 2, *, playing: int | None = None
) -> list[int]:
    return [one.id for one in following(cursor, [song(number) for number in order], waiting, count, playing=playing)]


def test_a_playlist_starts_at_its_start() -> None:
    assert _next(Cursor(), [5, 6, 7], []) == [5, 6]


def test_it_does_not_start_with_the_song_that_plays() -> None:
    assert _next(Cursor(), [5, 6, 7], [], playing=5) == [6, 7]
    assert _next(Cursor(), [5, 6, 7], [], playing=6) == [5, 6]
    assert _next(Cursor(), [5], [], 1, playing=5) == [5]


def test_it_goes_on_where_it_was() -> None:
    assert _next(Cursor(index=0, song_id=5), [5, 6, 7], []) == [6, 7]


def test_it_starts_again_after_its_end() -> None:
    assert _next(Cursor(index=2, song_id=7), [5, 6, 7], []) == [5, 6]


def test_a_short_playlist_repeats() -> None:
    assert _next(Cursor(), [5], [], 3) == [5, 5, 5]


def test_an_empty_playlist_has_no_songs() -> None:
    assert _next(Cursor(), [], []) == []


def test_songs_that_wait_are_passed_over() -> None:
    assert _next(Cursor(index=0, song_id=5), [5, 6, 7, 8], [6, 99, 7], 1) == [8]


def test_a_song_that_stands_twice_is_not_taken_for_its_twin() -> None:
    cursor = advance(Cursor(index=0, song_id=5), [5, 6, 5, 7], 5)
    assert cursor == Cursor(index=2, song_id=5)
    assert _next(cursor, [5, 6, 5, 7], [], 1) == [7]


def test_a_song_of_elsewhere_does_not_move_it() -> None:
    cursor = Cursor(index=1, song_id=6)
    assert advance(cursor, [5, 6, 7], 99) == cursor


@pytest.mark.parametrize(
    ("order", "upcoming"),
    [
        ([6, 5, 7], 5),  # reordered: after the song that was last
        ([4, 5, 6, 7], 7),  # one put in before
        ([5, 7], 7),  # the song itself taken out: what stood after it
        ([5], 5),  # everything after it taken out: from the start
    ],
)
def test_it_finds_its_place_in_a_changed_playlist(order: list[int], upcoming: int) -> None:
    assert _next(Cursor(index=1, song_id=6), order, [], 1) == [upcoming]


def test_of_twins_the_nearer_is_meant() -> None:
    assert located(Cursor(index=3, song_id=5), [5, 6, 7, 8, 5]).index == 4
