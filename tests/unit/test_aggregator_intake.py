import math

import pytest

from services.aggregator.intake import observations
from services.contracts.moodring_pb2 import Expression, Expressions, LabelProbability
from tests.unit.aggregator_doubles import START, message, sure


def test_a_good_face_becomes_an_observation() -> None:
    [one], bad = observations(message(START, sure("happy", 0.9), frame="f-1"), "door")
    assert not bad
    assert (one.camera, one.track_id, one.frame_id, one.at) == ("door", 0, "f-1", START)
    assert one.quality == pytest.approx(0.8)
    assert one.probabilities["happy"] == pytest.approx(0.9)


def test_rounding_is_put_right() -> None:
    [one], _ = observations(message(START, {"happy": 0.7, "sad": 0.295}), "camera")
    assert sum(one.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("probabilities", "problem"),
    [
        ({"happy": 0.5, "sad": 0.4}, "sum to 0.900"),
        ({"happy": 0.9, "sad": 0.9}, "sum to 1.800"),
        ({}, "sum to 0.000"),
        ({"happy": math.nan}, "probability of happy is nan"),
        ({"happy": math.inf}, "probability of happy is inf"),
        ({"happy": 1.5, "sad": -0.5}, "probability of happy is 1.5"),
        ({"happy": 1.0, "sad": -0.005}, "probability of sad"),
        ({"joy": 1.0}, "label 'joy' is unknown; known are"),
    ],
)
def test_what_is_no_distribution_is_refused(probabilities: dict[str, float], problem: str) -> None:
    good, [bad] = observations(message(START, probabilities), "camera")
    assert not good
    assert problem in str(bad)


def test_a_label_that_comes_twice_is_refused() -> None:
    made = message(START, "happy")
    made.faces[0].probabilities.append(LabelProbability(label="happy", probability=0))
    assert "happy comes twice" in str(observations(made, "camera")[1][0])


@pytest.mark.parametrize("quality", [-0.1, 1.1, math.nan])
def test_a_quality_that_cannot_be_is_refused(quality: float) -> None:
    made = message(START, "happy")
    made.faces[0].quality = quality
    assert "quality" in str(observations(made, "camera")[1][0])


def test_a_bad_face_costs_itself_only() -> None:
    good, bad = observations(message(START, "happy", {"sad": 0.2}, "sad"), "camera")
    assert [one.track_id for one in good] == [0, 2]
    assert len(bad) == 1


def test_a_frame_without_its_time_is_refused() -> None:
    good, [bad] = observations(Expressions(frame_id="a", faces=[Expression()]), "camera")
    assert not good
    assert "captured_at is missing" in str(bad)


def test_a_flood_of_faces_is_cut() -> None:
    good, [bad] = observations(message(START, *["happy"] * 100), "camera")
    assert len(good) == 64
    assert "100 faces" in str(bad)
