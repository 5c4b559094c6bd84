"""What is believed of a face, given the model's habits."""

import pytest

from services.aggregator.fusion import fuse
from services.aggregator.likelihood import Habits, belief, habits, news, released
from services.aggregator.window import TrackEvidence
from services.contracts.moods import EXPRESSIONS
from tests.unit.aggregator_doubles import START

TRUE = {label: dict.fromkeys(EXPRESSIONS, 0.0) | {label: 1.0} for label in EXPRESSIONS}
SAD_OFTEN_READ_AS_NEUTRAL = TRUE | {"sad": TRUE["sad"] | {"sad": 0.6, "neutral": 0.4}}


@pytest.fixture
def model() -> Habits:
    return habits(SAD_OFTEN_READ_AS_NEUTRAL)


def test_a_belief_sums_to_one(model: Habits) -> None:
    assert sum(belief({"happy": 0.5, "angry": 0.5}, 7, model).values()) == pytest.approx(1)


def test_a_mood_is_believed_that_the_model_reads_as_another(model: Habits) -> None:
    believed = belief({"neutral": 0.5, "sad": 0.5}, 10, model)
    assert believed["sad"] > 0.99


def test_what_only_the_other_shows_is_the_other(model: Habits) -> None:
    assert belief({"neutral": 1.0}, 10, model)["neutral"] > 0.99


def test_more_news_makes_surer(model: Habits) -> None:
    little, much = (belief({"neutral": 0.8, "happy": 0.2}, answers, model)["neutral"] for answers in (1, 5))
    assert little < much


def test_nothing_seen_is_nothing_believed(model: Habits) -> None:
    assert belief({}, 0, model) == {}
    assert belief({"happy": 1.0}, 0, model) == pytest.approx(dict.fromkeys(EXPRESSIONS, 1 / 8))


def test_faster_frames_bring_no_more_news() -> None:
    assert news(60, 150, 14) == pytest.approx(news(30, 75, 14))


@pytest.mark.parametrize("mood", EXPRESSIONS)
def test_every_mood_is_believed_of_its_own_usual_answer(mood: str) -> None:
    model = released()
    usual = {label: 2.718281828 ** model[mood][label] for label in EXPRESSIONS}
    believed = belief(usual, 20, model)
    assert max(believed, key=believed.__getitem__) == mood


def test_two_who_contradict_each_other_are_not_believed() -> None:
    two = [TrackEvidence({label: 1.0}, 30, 75, START, START - 15) for label in ("happy", "sad")]
    assert max(fuse(two, START, model=released()).belief.values()) <= 0.5


def test_one_of_three_who_differs_is_outvoted() -> None:
    crowd = [TrackEvidence({label: 1.0}, 30, 75, START, START - 15) for label in ("happy", "happy", "sad")]
    assert fuse(crowd, START, model=released()).belief["happy"] > 0.9
