"""The aggregator's settings: for all rooms, for one, and what they make of the vocabulary."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.contracts.moods import EXPRESSION_POINTS, EXPRESSIONS, MOOD_POINTS, QUADRANTS, Point
from services.runtime import settings
from services.runtime.mood_settings import Aggregator, MoodRules
from services.runtime.service import SetupError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "moodring.yml"
    monkeypatch.setenv(settings.FILE_VARIABLE, str(path))
    return path


def test_a_room_has_what_it_sets_and_the_rest_of_the_section(file: Path) -> None:
    file.write_text("aggregator:\n  window_s: 20\n  rooms:\n    kitchen: {dwell_s: 3}\n")
    rules = settings.load().aggregator
    assert (rules.of("kitchen").dwell_s, rules.of("kitchen").window_s) == (3, 20)
    assert (rules.of("home").dwell_s, rules.of("home").window_s) == (14, 20)


def test_the_environment_reaches_the_rooms_of_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("aggregator:\n  rooms:\n    kitchen: {dwell_s: 3}\n")
    monkeypatch.setenv("MOODRING_AGGREGATOR_WINDOW_S", "25")
    monkeypatch.setenv("MOODRING_AGGREGATOR_FOLD", "quadrants")
    kitchen = settings.load().aggregator.of("kitchen")
    assert (kitchen.dwell_s, kitchen.window_s, kitchen.folding) == (3, 25, QUADRANTS)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("rooms: {kitchen: {dwel_s: 3}}", "aggregator.rooms.kitchen.dwel_s is unknown; did you mean aggregator.dwell"),
        (
            "rooms: {kitchen: {dwell_s: -3}}",
            "the setting aggregator.rooms.kitchen.dwell_s is wrong: Input should be gr",
        ),
        ("rooms: {kitchen: {rooms: {}}}", "aggregator.rooms.kitchen.rooms is unknown"),
        ("rooms: {The Kitchen: {}}", "the setting aggregator.rooms.The Kitchen"),
        ("rooms: {kitchen: 3}", "the setting aggregator.rooms.kitchen is wrong"),
        (
            "rooms: {services: {}}",
            "aggregator.rooms.services is wrong: this name is taken by the topics of the services",
        ),
        ("rooms: 3", "the setting aggregator.rooms (MOODRING_AGGREGATOR_ROOMS) is wrong"),
        ("{dwel_s: 3, rooms: {kitchen: {}}}", "aggregator.dwel_s is unknown; did you mean aggregator.dwell_s?"),
        ("fusion: loudest", "aggregator.fusion"),
        (
            "fold: loudest",
            "aggregator.fold (MOODRING_AGGREGATOR_FOLD) is wrong: Input should be 'expressions' or 'quadrants', or: In",
        ),
        ("fold: {happy: Good!}", "the setting aggregator.fold.happy is wrong: String should match pattern"),
        ("fold: loudest", "(it is 'loudest'); `moodring config` says what it can be"),
        ("moods: {cosy: 0.5}", "moods.cosy is wrong: it has to be valence and arousal, each from -1 to 1: [0.5, -0.4]"),
        ("moods: {cosy: {valence: 1}}", "aggregator.moods.cosy is wrong: it has to be valence and arousal"),
        ("fold: {joy: good}", "joy is none of neutral, happy,"),
        ("fold: {happy: unknown}", "unknown has a meaning of its own; fold happy into another word"),
        ("moods: {auto: [0, 0]}", "auto has a meaning of its own; choose another word"),
        (
            "moods: {happy: [-1, 0]}",
            "happy is one of the model's own expressions; choose another word, such as very_happy",
        ),
        ("moods: {film: [0, 2]}", "aggregator.moods.film.1 is wrong: Input should be less than or equal to 1"),
    ],
)
def test_what_cannot_be_is_one_clear_line(file: Path, keys: str, said: str) -> None:
    file.write_text(f"aggregator: {keys}\n" if keys.startswith("{") else f"aggregator:\n  {keys}\n")
    with pytest.raises(SetupError) as error:
        settings.load()
    assert said in str(error.value)


def test_eight_moods_are_the_default() -> None:
    assert MoodRules().folding == {}
    assert MoodRules().points == MOOD_POINTS


@pytest.mark.parametrize("expression", [one for one in EXPRESSIONS if one != "neutral"])
def test_an_expression_folds_to_the_quadrant_that_it_lies_in(expression: str) -> None:
    valence, arousal = EXPRESSION_POINTS[expression]
    quadrant = {(True, True): "pleasant", (False, True): "tense", (False, False): "low"}[valence > 0, arousal > 0]
    assert QUADRANTS[expression] == quadrant


def test_a_folded_mood_lies_in_the_middle_of_its_expressions() -> None:
    points = Aggregator(fold={"happy": "good", "surprised": "good"}).points
    assert points["good"] == pytest.approx((0.605, 0.59))


def test_a_word_that_is_folded_to_keeps_its_own_place_where_it_has_one() -> None:
    assert MoodRules(fold="quadrants").points["calm"] == MOOD_POINTS["calm"]


@pytest.mark.parametrize("place", ["[0.3, -0.4]", "{valence: 0.3, arousal: -0.4}", "{arousal: -0.4, valence: 0.3}"])
def test_a_household_has_moods_of_its_own(file: Path, place: str) -> None:
    file.write_text(f"aggregator:\n  moods: {{film_night: {place}}}\n")
    assert settings.load().aggregator.points["film_night"] == (0.3, -0.4)


def test_what_the_list_of_settings_shows_works_in_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {key: re.findall(r"`({.+?})`", field.description) for key, field in settings.keys().items()}
    for key, examples in shown.items():
        for example in examples:
            file.write_text("{}")
            with monkeypatch.context() as patch:
                patch.setenv(settings.variable(key), example)
                section, _, name = key.rpartition(".")
                loaded = settings.load()
                assert getattr(getattr(loaded, section) if section else loaded, name), (key, example)
    assert len(shown["aggregator.moods"]) == 2


def test_a_value_of_several_parts_can_be_pasted_from_the_list_of_settings(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(
        "aggregator: {moods: {cosy: [0.5, -0.4]}, fold: {disgusted: tense}, rooms: {kitchen: {dwell_s: 3}}}\n"
    )
    before = settings.load()
    file.write_text("{}")
    for key in ("moods", "fold", "rooms"):
        shown = settings.shown(before.model_dump(mode="json")["aggregator"][key])
        monkeypatch.setenv(f"MOODRING_AGGREGATOR_{key.upper()}", shown)
    assert settings.load() == before


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            "{leave_confidence: 0.995}",
            r"aggregator.leave_confidence \(.*\) is wrong: it is above enter_confidence",
        ),
        ("{enter_confidence: 0.05}", r"aggregator.leave_confidence \(.*\) is wrong: it is above enter_confidence"),
        (
            "{rooms: {kitchen: {leave_confidence: 0.995}}}",
            r"aggregator.rooms.kitchen.leave_confidence is wrong: it is above enter_confidence \(0.99\)",
        ),
        (
            "{enter_confidence: 0.6, leave_confidence: 0.5, rooms: {kitchen: {enter_confidence: 0.4}}}",
            r"aggregator.rooms.kitchen.leave_confidence is wrong: it is above enter_confidence \(0.4\)",
        ),
    ],
)
def test_thresholds_the_wrong_way_round_are_refused(file: Path, keys: str, said: str) -> None:
    file.write_text(f"aggregator: {keys}\n")
    with pytest.raises(SetupError, match=said):
        settings.load()


def test_thresholds_may_meet() -> None:
    assert MoodRules(enter_confidence=0.5, leave_confidence=0.5).leave_confidence == 0.5


def test_a_household_may_place_a_shipped_mood_elsewhere_for_songs_too() -> None:
    settings = Aggregator.model_validate(
        {"moods": {"calm": (0.2, -0.9)}, "rooms": {"study": {"moods": {"deep": (0.4, -0.1)}}}}
    )
    assert settings.places["calm"] == settings.of("kitchen").points["calm"] == Point(0.2, -0.9)
    assert settings.places["deep"] == Point(0.4, -0.1)


@pytest.mark.parametrize("key", ["window_s", "half_life_s", "dwell_s", "nobody_after_s", "publish_every_s"])
def test_no_time_is_longer_than_an_hour(key: str) -> None:
    with pytest.raises(ValidationError, match="less than or equal to"):
        MoodRules(**{key: 3601})
