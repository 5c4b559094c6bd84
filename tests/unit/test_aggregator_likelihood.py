"""What an answer of the model speaks for, and how much of it is new."""

import json
from pathlib import Path

import pytest

from services.aggregator.likelihood import (
    HELD_S,
    INDEPENDENT,
    NOISE,
    Answer,
    certainty,
    listed,
    news,
    released,
    scale,
    scale_of,
    support,
)  # fmt: skip
from services.contracts.moods import EXPRESSIONS
from tests.unit.aggregator_doubles import sure

ROOT = Path(__file__).parents[2]


def answer(label: str, probability: float = 0.8) -> Answer:
    return listed(sure(label, probability))


EVEN = scale([1 / len(EXPRESSIONS)] * len(EXPRESSIONS))


def leader(logs: list[float]) -> str:
    return EXPRESSIONS[logs.index(max(logs))]


@pytest.mark.parametrize("label", EXPRESSIONS)
def test_a_clear_answer_speaks_for_its_expression(label: str) -> None:
    assert leader(support(answer(label), EVEN)) == label
    assert leader(support(answer(label), released().scale)) == label


def test_what_is_rarely_answered_says_more_when_it_is() -> None:
    rare_fear = scale([0.14 if label != "fearful" else 0.02 for label in EXPRESSIONS])
    half = listed({"neutral": 0.5, "fearful": 0.5})
    assert leader(support(half, rare_fear)) == "fearful"


def test_no_answer_rules_an_expression_out() -> None:
    logs = support(listed({"happy": 1.0}), released().scale)
    assert max(logs) - min(logs) < 8


def test_the_first_answer_is_new() -> None:
    assert news(answer("happy"), None, 0, 0.8) == INDEPENDENT


@pytest.mark.parametrize(
    ("said", "before", "seconds", "worth"),
    [
        ("sad", "happy", 0.2, 1.0),
        ("happy", "happy", 0.2, 0.2 / HELD_S),
        ("happy", "happy", HELD_S, 1.0),
        ("happy", "happy", 60, 1.0),
        # What passed before one that was overtaken was counted with the one that overtook it.
        ("happy", "happy", -0.2, 0.0),
        ("happy", "happy", 0, 0.0),
    ],
)
def test_an_answer_counts_by_how_it_differs_or_how_long_it_holds(
    said: str, before: str, seconds: float, worth: float
) -> None:
    assert news(answer(said), answer(before), seconds, 0.8) == pytest.approx(INDEPENDENT * worth)


def test_flicker_is_not_new() -> None:
    assert news(answer("happy", 0.8), answer("happy", 0.7), 0.2, 0.8) == pytest.approx(INDEPENDENT * 0.2 / HELD_S)


def test_faster_frames_bring_no_more_news() -> None:
    slow, fast = (frames * news(answer("happy"), answer("happy"), 1 / frames, 0.8) for frames in (5, 30))
    assert slow == pytest.approx(fast)


def test_a_poor_picture_counts_little() -> None:
    good, poor = (news(answer("happy"), None, 0, quality) for quality in (0.7, 0.35))
    assert poor == pytest.approx(good / 4)
    assert news(answer("happy"), None, 0, 0.0) == 0


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ({"happy": 1.0, "sad": 0.0}, 1),
        (dict.fromkeys(EXPRESSIONS, 1 / 8), 0),
        ({"happy": 0.5, "sad": 0.5}, 0.67),
        ({"happy": 1.0}, 1),
    ],
)
def test_certainty_is_one_less_the_normalised_entropy(probabilities: dict[str, float], expected: float) -> None:
    assert certainty(listed(probabilities)) == pytest.approx(expected, abs=0.01)


def test_the_scale_is_of_the_released_model() -> None:
    newest = max((ROOT / "models/expression").glob("[0-9]*/model.json"), key=lambda path: int(path.parent.name))
    model, table = json.loads(newest.read_text()), json.loads(NOISE.read_text())
    assert (table["model_version"], table["model_run"]) == (model["version"], model["training"]["run"])
    assert scale_of(model["version"]) == scale_of(0) == released().scale


def test_a_model_that_is_not_known_speaks_less_for_what_is_rare() -> None:
    half = listed({"neutral": 0.5, "fearful": 0.5})
    known, other = (support(half, scale_of(version)) for version in (0, released().version + 1))
    fearful, neutral = EXPRESSIONS.index("fearful"), EXPRESSIONS.index("neutral")
    assert 0 < other[fearful] - other[neutral] < known[fearful] - known[neutral]
