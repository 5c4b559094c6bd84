"""Which songs come next."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.moods import EXPRESSION_POINTS, MOOD_POINTS, Point
from services.demo.score import PIECES
from services.recommender import ranking
from services.recommender.ranking import Candidate, memory, pick, taste
from tests.unit.recommender_doubles import song


def demo_songs() -> list[Candidate]:
    """Return the demo library as ranking sees it."""
    return [song(number, piece.valence, piece.arousal, "Moodring Demo") for number, piece in enumerate(PIECES, 1)]


HAPPY = EXPRESSION_POINTS["happy"]
SAD = EXPRESSION_POINTS["sad"]


def _pick(
    songs: list[Candidate],
    target: Point,
    count: int = 1,
    *,
    before: list[int] | None = None,
    tastes: dict[int, float] | None = None,
    seed: int = 1,
) -> list[int]:
    chosen = pick(songs, target, count, before=before or [], tastes=tastes or {}, random=Random(seed))
    return [one.song.id for one in chosen]


def test_the_nearest_song_is_chosen() -> None:
    songs = [song(1, *SAD), song(2, *HAPPY), song(3, 0, 0)]
    assert _pick(songs, HAPPY) == [2]
    assert _pick(songs, SAD) == [1]


def test_a_choice_tells_its_distance_and_score() -> None:
    (chosen,) = pick([song(1, 0.6, 0.8)], Point(0, 0), 1, before=[], tastes={}, random=Random(1))
    assert chosen.distance == 1
    assert 1 <= chosen.score <= 1 + ranking.CHANCE


def test_an_empty_library_gives_no_songs() -> None:
    assert _pick([], HAPPY, 3) == []


@pytest.mark.parametrize(("songs", "remembered"), [(0, 0), (1, 0), (2, 1), (3, 2), (12, 9), (60, 45), (50_000, 50)])
def test_the_memory_is_as_large_as_the_library_allows(songs: int, remembered: int) -> None:
    assert memory(songs) == remembered


@pytest.mark.parametrize("moods", [("happy", "sad", "calm"), ("sad", "happy", "calm"), ("calm", "happy", "fearful")])
def test_ten_in_a_row_differ_in_the_demo_library_across_three_moods(moods: tuple[str, ...]) -> None:
    songs = demo_songs()
    for seed in range(30):
        heard: list[int] = []
        for turn in range(10):
            heard += _pick(songs, MOOD_POINTS[moods[min(turn // 3, 2)]], before=heard, seed=seed)
        assert len(set(heard)) == 10, heard


def test_a_song_heard_some_time_ago_beats_one_from_the_other_side_of_the_plane() -> None:
    songs = demo_songs()
    near = {one.id for one in songs if math.dist(one.point, HAPPY) < 1.5}
    heard: list[int] = []
    for _ in range(40):
        heard += _pick(songs, HAPPY, before=heard)
    assert set(heard) <= near


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from("abc")), min_size=1, max_size=20),
    st.lists(st.integers(1, 25), max_size=40),
    st.integers(1, 5),
    st.integers(0, 5),
)
def test_no_song_comes_back_at_once(
    points: list[tuple[float, float, str]], before: list[int], count: int, seed: int
) -> None:
    songs = [song(number, v, a, artist) for number, (v, a, artist) in enumerate(points, 1)]
    chosen = _pick(songs, HAPPY, count, before=before, seed=seed)
    assert len(chosen) == count
    window = min(ranking.NEVER_AGAIN, len(songs) - 1)
    history = [*before, *chosen]
    for place in range(len(before), len(history)):
        assert history[place] not in history[max(0, place - window) : place]


def test_a_song_that_was_just_forgotten_waits_for_one_that_fits_nearly_as_well() -> None:
    songs = [song(1, 0.8, 0.5), song(2, 0.7, 0.5), song(3, -0.9, -0.9), song(4, -0.9, -0.8)]
    assert _pick(songs, HAPPY, before=[1, 3, 4, 3]) == [2]


def test_an_artist_does_not_come_twice_in_a_row_where_another_fits_nearly_as_well() -> None:
    songs = [song(1, 0.8, 0.5, "Ann"), song(2, 0.8, 0.5, "Ann"), song(3, 0.6, 0.5, "Bob"), song(4, -1, -1, "Cid")]
    assert _pick(songs, HAPPY, before=[1])[0] == 3


def test_an_artist_comes_twice_in_a_row_rather_than_a_song_of_another_mood() -> None:
    songs = [song(1, 0.8, 0.5, "Ann"), song(2, 0.8, 0.5, "Ann"), song(3, -0.6, -0.5, "Bob")]
    assert _pick(songs, HAPPY, before=[1]) == [2]


def test_songs_without_an_artist_are_nobodys() -> None:
    songs = [song(1, 0.8, 0.5), song(2, 0.8, 0.5), song(3, 0.4, 0.5, "Bob")]
    assert _pick(songs, HAPPY, before=[1]) == [2]


def test_a_song_that_is_not_placed_loses_against_one_that_fits() -> None:
    songs = [song(1, 0, 0, placed=False), song(2, 0.2, 0.2)]
    assert _pick(songs, Point(0, 0)) == [2]


def test_taste_tips_the_balance_between_songs_that_fit_alike() -> None:
    songs = [song(1, 0.8, 0.5), song(2, 0.8, 0.5), song(3, 0.8, 0.5)]
    for seed in range(10):
        assert _pick(songs, HAPPY, tastes={1: taste(liked=False), 2: taste(liked=True)}, seed=seed) == [2]


def test_taste_does_not_outweigh_the_mood() -> None:
    songs = [song(1, *HAPPY), song(2, *SAD)]
    assert _pick(songs, HAPPY, tastes={1: taste(liked=False), 2: taste(liked=True)}) == [1]


@pytest.mark.parametrize(
    ("liked", "skipped", "finished", "shift"),
    [
        (None, 0, 0, 0),
        (True, 0, 0, -0.15),
        (False, 0, 0, 0.5),
        (None, 1, 0, 0.1),
        (None, 2, 5, 0),
        (None, 9, 0, 0.3),
        (True, 2, 0, 0.05),
    ],
)
def test_taste_comes_from_judgements_and_skips(liked: bool | None, skipped: int, finished: int, shift: float) -> None:
    assert taste(liked=liked, skipped=skipped, finished=finished) == pytest.approx(shift)


def test_the_same_seed_gives_the_same_choice_and_others_vary() -> None:
    songs = [song(number, 0.8, 0.5) for number in range(1, 21)]
    assert _pick(songs, HAPPY, 5, seed=3) == _pick(songs, HAPPY, 5, seed=3)
    assert len({tuple(_pick(songs, HAPPY, 5, seed=seed)) for seed in range(10)}) > 1
