"""The simulated room has what its settings say."""

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from services.aggregator.scenario import Scenario
from services.aggregator.simulation import START, Noise, Stream, lines, load_noise, simulate
from services.contracts.moods import EXPRESSIONS

NEVER = 1e9
STILL = Scenario(flicker=0, lost=0, dropout_every_s=NEVER, turn_every_s=NEVER, flash_every_s=NEVER, guest_every_s=NEVER)
HOURS_S = 4 * 3600


@pytest.fixture(scope="module")
def noise() -> Noise:
    return load_noise()


@pytest.fixture(scope="module")
def still(noise: Noise) -> Stream:
    return simulate(STILL, noise, seconds=HOURS_S, seed=(1, 2))


def test_guests_who_differ_make_rooms_of_no_one_mood(noise: Noise) -> None:
    agree, differ = (
        simulate(replace(STILL, guest_every_s=600, guest_agrees=agrees), noise, seconds=HOURS_S, seed=(1,)).truth()
        for agrees in (True, False)
    )
    assert "unknown" not in agree
    assert 0.1 < differ.count("unknown") / len(differ) < 0.4


def test_guests_who_differ_have_a_mood_together_where_what_they_feel_folds_to_one(noise: Noise) -> None:
    differ = replace(STILL, mix={"happy": 1, "surprised": 1}, guest_every_s=600, guest_agrees=False)
    stream = simulate(differ, noise, seconds=HOURS_S, seed=(1,))
    assert "unknown" in stream.truth()
    assert set(stream.truth({"happy": "pleasant", "surprised": "pleasant"})) == {"pleasant"}


def test_what_flashes_over_a_face_is_of_the_mix(noise: Noise) -> None:
    certain = replace(noise, answers=np.eye(len(EXPRESSIONS)), first=np.arange(8), count=np.ones(8, dtype=int))
    lively = replace(STILL, mix={"angry": 1, "disgusted": 1}, flash_every_s=5)
    read = simulate(lively, certain, seconds=3600, seed=(1,)).probabilities.argmax(axis=1)
    assert {EXPRESSIONS[index] for index in read} == {"angry", "disgusted"}


def test_a_mix_is_the_same_in_any_order(noise: Noise) -> None:
    one, two = (
        simulate(Scenario(mix=mix), noise, seconds=3600, seed=(1,))
        for mix in ({"sad": 1, "happy": 2}, {"happy": 2, "sad": 1})
    )
    assert np.array_equal(one.probabilities, two.probabilities)


def test_the_same_seed_gives_the_same_stream(noise: Noise) -> None:
    one, two = (simulate(Scenario(), noise, seconds=60, seed=(3,)) for _ in range(2))
    assert np.array_equal(one.probabilities, two.probabilities)
    assert one.feelings == two.feelings


def test_probabilities_sum_to_one_and_times_rise(noise: Noise) -> None:
    stream = simulate(Scenario(), noise, seconds=600, seed=(3,))
    assert np.allclose(stream.probabilities.sum(axis=1), 1)
    assert np.all(np.diff(stream.at) >= 0)
    assert stream.at[0] > START
    assert stream.at[-1] <= START + 600


def test_moods_hold_four_minutes_on_average(noise: Noise) -> None:
    truth = simulate(replace(STILL, fps=1), noise, seconds=50 * 3600, seed=(1,)).truth()
    assert 210 < len(truth) / sum(1 for _ in groupby(truth)) < 270


def test_faces_are_misread_as_often_as_the_model_does(still: Stream, noise: Noise) -> None:
    truth = np.repeat(still.truth(), STILL.fps)
    read = np.array(EXPRESSIONS)[still.probabilities.argmax(axis=1)]
    for mood in ("neutral", "happy"):
        assert np.mean(read[truth == mood] == mood) == pytest.approx(noise.recall[mood], abs=0.05)


def test_an_answer_holds_for_a_second_and_a_half_on_average(still: Stream) -> None:
    changes = np.any(np.diff(still.probabilities, axis=0) != 0, axis=1).sum()
    assert len(still.at) / STILL.fps / changes == pytest.approx(1.5, abs=0.25)


def test_drop_outs_lose_frames_and_begin_new_tracks(noise: Noise) -> None:
    scenario = Scenario(guest_every_s=NEVER, lost=0, dropout_every_s=60, dropout_s=30)
    stream = simulate(scenario, noise, seconds=3600, seed=(1,))
    assert len(set(stream.track.tolist())) > 10
    assert len(stream.at) < 0.9 * 3600 * scenario.fps


def test_a_guest_comes_and_goes_with_a_track_of_their_own(noise: Noise) -> None:
    stream = simulate(Scenario(dropout_every_s=NEVER), noise, seconds=HOURS_S, seed=(1,))
    assert 0.15 < np.mean(stream.track % 2 == 1) < 0.45


def test_turned_heads_are_poor_pictures(noise: Noise) -> None:
    stream = simulate(Scenario(), noise, seconds=3600, seed=(1,))
    assert 0.05 < np.mean(stream.quality < 0.45) < 0.15


def test_seconds_hold_what_was_seen_in_them(noise: Noise) -> None:
    stream = simulate(Scenario(), noise, seconds=30, seed=(1,))
    seconds = list(stream.seconds())
    assert sum(map(len, seconds)) == len(stream.at)
    assert all(START + n < one.at <= START + n + 1 for n, second in enumerate(seconds) for one in second)


def test_a_stream_becomes_a_recording_with_the_truth(noise: Noise) -> None:
    stream = simulate(Scenario(), noise, seconds=30, seed=(1,))
    made = list(lines(stream, "home"))
    assert made[0].truth == stream.feelings[0]
    assert sum(len(line.faces) for line in made) == len(stream.at)


@pytest.mark.parametrize(
    ("folding", "recall"),
    [
        ({}, {"happy": 0.9, "sad": 0.5, "angry": 0.7}),
        ({"sad": "bad", "angry": "bad"}, {"happy": 0.9, "bad": 0.55}),
        ({"sad": "angry"}, {"happy": 0.9, "angry": 0.55}),
        ({"sad": "happy"}, {"happy": 0.6, "angry": 0.7}),
    ],
)
def test_a_folded_mood_is_recalled_as_its_members_are_by_how_often_they_come(
    noise: Noise, folding: dict[str, str], recall: dict[str, float]
) -> None:
    told = replace(noise, recall={"happy": 0.9, "sad": 0.5, "angry": 0.7})
    assert told.recall_of(folding, {"happy": 0.1, "sad": 0.3, "angry": 0.1}) == pytest.approx(recall)
