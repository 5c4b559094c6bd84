"""What the dashboard says of taught moods."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.colours import colour, mood_colour
from services.contracts.messages import CustomMood, CustomMoods
from services.contracts.moodring_pb2 import Expression, Expressions, LabelProbability
from services.contracts.moods import Point
from services.gateway import lessons, views
from services.gateway.state import Change, House, learn, snapshot
from tests.unit.gateway_doubles import NOW

TAUGHT = CustomMoods(moods=(CustomMood(mood="deep_work", valence=0.3, arousal=0.1, rooms=("study",)),))


def lesson(step: str, **more: Any) -> dict[str, Any]:
    known = {
        "mood": "deep_work",
        "room": "study",
        "step": step,
        "faces": 20,
        "least": 30,
        "most": 200,
        "seconds_left": 61.4,
        "longer": False,
    }
    return known | more


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", ""), ("  ", ""), ("Deep work", ""), (" focused ", ""), ("DEEP  WORK", ""), ("Deep work!", "“Deep work”"),
        ("Müde", "“Mude”"), ("Glücklich", "“Glucklich”"), ("集中", "letters from a to z"), ("集中 2", "“2”"),
    ],
)  # fmt: skip
def test_a_name_that_becomes_another_is_said(typed: str, said: str) -> None:
    assert (said in lessons.name_said(typed)) if said else not lessons.name_said(typed)


@pytest.mark.parametrize(
    ("step", "says"),
    [("usual", "usually do"), ("ready", "Now show “Deep work”"), ("mood", "Show “Deep work”"), ("done", "moment")],
)
def test_each_step_says_what_to_do(step: str, says: str) -> None:
    assert says in lessons.instruction(lesson(step))


def test_everyone_is_told_of_a_lesson() -> None:
    assert lessons.notice(lesson("ready")) == "Faces in study are being collected to teach “Deep work”."


def test_progress_says_what_is_missing() -> None:
    assert lessons.count(lesson("mood")) == "20 faces, 10 more are needed · 61 s left"
    assert lessons.count(lesson("mood", faces=30)) == "30 faces, enough to go on · 61 s left"
    longer = lessons.count(lesson("mood", longer=True))
    assert longer == "20 faces, 10 more are needed · given longer, as few were read · 61 s left"
    assert lessons.count(lesson("ready", most=0)) == "61 s left to begin"
    assert lessons.count(lesson("done", faces=0, least=0, most=0)) == ""


def test_a_mood_is_described_by_what_it_reaches_or_by_its_problem() -> None:
    mood = {"rooms": ["study"], "recognised": 0.9, "mistaken": 0.05, "problem": ""}
    assert lessons.described(mood) == "Study · found in 90% of its faces, and in 5% of usual ones"
    assert lessons.described(mood | {"problem": "it is set aside"}) == "It is set aside."


def test_places_to_choose_lie_on_the_plane() -> None:
    for _, place in lessons.PLACES.values():
        assert all(-1 <= axis <= 1 for axis in place)


def test_taught_moods_are_part_of_the_house_and_of_its_snapshot() -> None:
    house = learn(House(), Change("custom_moods", {}, TAUGHT))
    assert house.taught == {"deep_work": Point(0.3, 0.1)}
    again = House()
    for change in snapshot(house):
        again = learn(again, change)
    assert again == house


@pytest.mark.parametrize(("share", "title"), [(0.9, "Face 1: deep work"), (0.4, "Face 1: neutral")])
def test_a_taught_mood_has_its_bar_below_the_models(share: float, title: str) -> None:
    face = Expression(
        track_id=1,
        probabilities=[
            LabelProbability(label="neutral", probability=0.8),
            LabelProbability(label="sad", probability=0.2),
        ],
        taught=[LabelProbability(label="deep_work", probability=share)],
    )
    at = (NOW - timedelta(seconds=1)).timestamp()
    [shown] = views.faces(
        [(at, Expressions(camera="camera", faces=[face]))], NOW.timestamp(), {"deep_work": Point(0.3, 0.1)}
    )
    assert [bar["label"] for bar in shown["bars"]] == ["neutral", "sad", "deep_work"]
    assert shown["title"] == title
    assert shown["bars"][-1]["colour"] == colour(Point(0.3, 0.1))


def test_a_taught_place_wins_over_the_shipped_one() -> None:
    assert mood_colour("calm", {"calm": Point(-1, 1)}) == colour(Point(-1, 1)) != mood_colour("calm")
