import math

import pytest

from services.aggregator import window as window_module
from services.aggregator.window import Refusal, TrackEvidence, Window
from services.contracts.moods import EXPRESSIONS
from tests.unit.aggregator_doubles import START, seen, sure


@pytest.fixture
def window() -> Window:
    return Window(15, 5)


@pytest.mark.parametrize(
    ("age_s", "refusal"),
    [
        (0, None),
        (14.9, None),
        (15, Refusal.LATE),
        (86_400, Refusal.LATE),
        (START, Refusal.LATE),  # from 1970
        (-2, None),  # a clock a little ahead
        (-2.1, Refusal.FUTURE),
        (-7 * 86_400, Refusal.FUTURE),
    ],
)
def test_an_observation_counts_by_its_age(window: Window, age_s: float, refusal: Refusal | None) -> None:
    assert window.add(seen(START - age_s), START) == refusal
    assert len(window.tracks(START)) == (refusal is None)


def test_a_frame_of_a_track_counts_once(window: Window) -> None:
    assert window.add(seen(START, track=1, frame="a"), START) is None
    assert window.add(seen(START, track=1, frame="a"), START) is Refusal.DUPLICATE
    assert window.add(seen(START, track=2, frame="a"), START) is None
    assert [track.samples for track in window.tracks(START)] == [1, 1]


def test_a_duplicate_is_known_as_long_as_the_window_lasts(window: Window) -> None:
    window.add(seen(START), START)
    for later in range(200):
        window.add(seen(START + 14 * later / 200 + 0.01), START + 14)
    assert window.add(seen(START), START + 14) is Refusal.DUPLICATE
    assert window.add(seen(START), START + 15) is Refusal.LATE


def test_the_order_of_arrival_does_not_matter_to_what_was_seen() -> None:
    one, two = _in_order_and_reversed()
    assert dict(one.distribution) == pytest.approx(dict(two.distribution))
    assert (one.weight, one.samples, one.last_at) == pytest.approx((two.weight, two.samples, two.last_at))


def test_what_was_overtaken_speaks_for_what_it_showed_or_for_nothing() -> None:
    one, two = _in_order_and_reversed()
    assert one.slices.keys() == two.slices.keys()
    for number, likelihoods in two.slices.items():
        in_order = list(one.slices[number])
        speaks_for_nothing = set(likelihoods) == {1.0}
        assert speaks_for_nothing or list(likelihoods).index(1.0) == in_order.index(1.0)


def test_a_distribution_sums_to_one(window: Window) -> None:
    for second, mood in enumerate(EXPRESSIONS):
        window.add(seen(START + second, sure(mood, 0.3 + second / 20), quality=second / 8), START + 8)
    [track] = window.tracks(START + 8)
    assert sum(track.distribution.values()) == pytest.approx(1)


def test_an_observation_weighs_half_after_its_half_life(window: Window) -> None:
    window.add(seen(START), START)
    [new] = window.tracks(START + 1)
    [old] = window.tracks(START + 6)
    assert old.weight == pytest.approx(new.weight / 2)


def test_a_sharp_picture_counts_more_than_a_poor_one(window: Window) -> None:
    window.add(seen(START, "happy", quality=0.9), START)
    window.add(seen(START, "sad", quality=0.3, frame="camera-b"), START)
    [track] = window.tracks(START)
    assert track.distribution["happy"] > 2 * track.distribution["sad"]


def test_a_sure_answer_counts_more_than_an_unsure_one(window: Window) -> None:
    window.add(seen(START, sure("happy", 0.9)), START)
    window.add(seen(START, sure("sad", 0.4), frame="camera-b"), START)
    [track] = window.tracks(START)
    assert track.distribution["happy"] > 2 * track.distribution["sad"]


def test_a_picture_without_any_worth_leaves_no_distribution(window: Window) -> None:
    window.add(seen(START, quality=0), START)
    [track] = window.tracks(START)
    assert (track.distribution, track.weight, track.samples) == ({}, 0, 1)


def test_a_track_is_forgotten_when_it_has_left_the_window(window: Window) -> None:
    window.add(seen(START), START)
    assert window.tracks(START + 14)
    assert window.tracks(START + 17) == []


def test_the_tracks_of_a_camera_can_be_forgotten(window: Window) -> None:
    window.add(seen(START, camera="left"), START)
    window.add(seen(START, camera="right"), START)
    window.forget("left")
    assert len(window.tracks(START)) == 1


def test_a_crowd_is_bounded_and_makes_room_again(window: Window) -> None:
    for track in range(window_module.MAX_TRACKS):
        assert window.add(seen(START, track=track), START) is None
    assert window.add(seen(START, track=999), START) is Refusal.FLOOD
    assert window.add(seen(START, track=1, frame="camera-next"), START) is None
    assert window.add(seen(START + 20, track=999), START + 20) is None


def test_a_flood_of_frames_is_bounded(window: Window) -> None:
    refusals = [window.add(seen(START, frame=str(frame)), START) for frame in range(window_module.MAX_RATE + 1)]
    assert refusals.count(None) == window_module.MAX_RATE
    assert refusals[-1] is Refusal.FLOOD


def test_a_flood_in_a_room_is_bounded_and_passes(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "MAX_SAMPLES", 100)
    refusals = [window.add(seen(START + number / 100, track=number % 7), START + 1) for number in range(101)]
    assert refusals == [None] * 100 + [Refusal.FLOOD]
    assert window.tracks(START + 20) == []
    assert window.add(seen(START + 20), START + 20) is None


def test_a_private_camera_makes_room(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "MAX_SAMPLES", 1)
    window.add(seen(START, camera="left"), START)
    window.forget("left")
    assert window.add(seen(START, camera="right"), START) is None


@pytest.mark.parametrize("fps", [5, 30, 240])
def test_any_frame_rate_of_a_camera_counts(window: Window, fps: int) -> None:
    assert {window.add(seen(START + frame / fps), START + frame / fps) for frame in range(2 * fps)} == {None}


def test_a_clock_that_is_set_back_leaves_nothing_from_the_future(window: Window) -> None:
    window.add(seen(START), START)
    assert window.tracks(START - 3600) == []


def test_a_fast_camera_and_a_flickering_face_speak_for_little_more() -> None:
    def speaks(fps: int) -> float:
        window = Window(15, 1e9)
        for frame in range(15 * fps):
            face = sure("happy", 0.9 if frame % 2 else 0.6)
            window.add(seen(START + frame / fps, face), START + frame / fps)
        [track] = window.tracks(START + 14.9)
        return min(math.fsum(map(math.log, column)) for column in zip(*track.slices.values(), strict=True))

    assert speaks(30) == pytest.approx(speaks(5), rel=0.35)


def _in_order_and_reversed() -> tuple[TrackEvidence, TrackEvidence]:
    """Return one face's five answers as they were given, and as they look when they come the other way round."""
    stream = [seen(START + second, mood) for second, mood in enumerate(["happy", "sad", "sad", "neutral", "happy"])]
    tracks = []
    for arrived in (stream, stream[::-1]):
        window = Window(15, 5)
        for observation in arrived:
            window.add(observation, START + 5)
        tracks += window.tracks(START + 5)
    one, two = tracks
    return one, two
