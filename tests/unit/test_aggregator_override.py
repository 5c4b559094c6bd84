from datetime import UTC, datetime

import pytest

from services.aggregator.errors import NotNowError, UnknownMoodError
from services.aggregator.room import Room
from services.aggregator.state import RoomState
from services.contracts.messages import MoodOverride, MoodSource
from services.contracts.moods import NOBODY, UNKNOWN
from services.runtime.settings import Aggregator
from tests.unit.aggregator_doubles import START, Scene

SETTINGS = Aggregator()


def at(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)


def override(mood: str, minutes: float = 10, given_at: float = START) -> MoodOverride:
    return MoodOverride(mood=mood, minutes=minutes, issued_at=at(given_at))


def test_an_override_holds_whatever_the_camera_sees_and_ends_by_itself() -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.room.say(override("calm", 1, scene.now), scene.now)
    mood = scene.room.mood()
    assert (mood.mood, mood.source, mood.confidence, mood.valence, mood.arousal) == (
        "calm", MoodSource.OVERRIDE, 1, 0.6, -0.6,
    )  # fmt: skip
    assert mood.until == at(scene.now + 60)
    assert scene.play(59, "sad") == "calm"
    assert scene.play(2, "sad") == "sad"
    assert scene.room.mood().source is MoodSource.CAMERA


def test_auto_ends_an_override_with_a_new_decision() -> None:
    scene = Scene()
    scene.play(30, "happy")
    first = scene.room.mood().decision_id
    scene.room.say(override("calm", 10, scene.now), scene.now)
    scene.room.say(override("auto"), scene.now)
    assert scene.room.mood().mood == "happy"
    assert scene.room.mood().decision_id != first


def test_auto_without_an_override_changes_nothing() -> None:
    scene = Scene()
    scene.play(30, "happy")
    before = scene.room.mood()
    scene.room.say(override("auto"), scene.now)
    assert scene.room.mood() == before


@pytest.mark.parametrize(
    ("age_s", "left_s"), [(0, 600), (100, 500), (-3600, 600), (86_400, 600)], ids=["now", "late", "ahead", "long ago"]
)
def test_the_minutes_count_from_when_the_command_was_given_if_that_can_be(age_s: float, left_s: float) -> None:
    room = Room(SETTINGS, START)
    room.say(override("calm", 10, START - age_s), START)
    until = room.mood().until
    assert until == at(START + left_s)


def test_a_command_whose_time_is_over_is_refused_and_says_why() -> None:
    room = Room(SETTINGS, START)
    with pytest.raises(
        NotNowError, match="calm for 5 minutes was said 8 minutes ago, so its time is over; say it again"
    ):
        room.say(override("calm", 5, START - 480), START)
    assert room.mood().mood == UNKNOWN


@pytest.mark.parametrize("word", ["unknown", "nobody", "grumpy"])
def test_a_word_that_is_no_mood_is_refused(word: str) -> None:
    with pytest.raises(
        UnknownMoodError, match=rf"'{word}' is no mood that can be said; these are: angry, calm,.*and auto"
    ):
        Room(SETTINGS, START).say(override(word), START)


def test_mood_and_override_survive_a_restart() -> None:
    scene = Scene()
    scene.play(30, "sad")
    sad = scene.room.mood()
    scene.room.say(override("calm", 1, scene.now), scene.now)
    kept = RoomState.model_validate_json(scene.room.state.model_dump_json())
    room = Room(SETTINGS, scene.now + 5, kept)
    assert room.mood().mood == "calm"
    room.look(scene.now + 61)
    mood = room.mood()
    assert (mood.mood, mood.valence, mood.since, mood.samples) == ("sad", sad.valence, sad.since, 0)


def test_a_mood_from_before_a_restart_gives_way_to_evidence() -> None:
    scene = Scene()
    scene.play(30, "sad")
    again = Scene(room=Room(SETTINGS, START, scene.room.state))
    assert again.moods == ["sad"]
    again.play(20, "happy")
    assert (again.moods[0], again.moods[-1]) == ("sad", "happy")


def test_a_restart_into_an_empty_room_ends_in_nobody() -> None:
    scene = Scene()
    scene.play(30, "sad")
    again = Scene(room=Room(SETTINGS, START, scene.room.state))
    again.play(29)
    assert again.moods == ["sad"]
    assert again.play(2) == NOBODY


def test_a_mood_of_the_household_and_a_folded_one_can_be_said() -> None:
    room = Room(Aggregator(fold="quadrants", moods={"film_night": (0.3, -0.4)}), START)
    room.say(override("film_night"), START)
    assert (room.mood().mood, room.mood().valence, room.mood().arousal) == ("film_night", 0.3, -0.4)
    room.say(override("low"), START)
    assert (room.mood().mood, room.mood().valence) == ("low", -0.63)


def test_what_an_override_left_is_the_same_decision_after_a_restart() -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.room.say(override("calm", 10, scene.now), scene.now)
    scene.room.say(override("auto"), scene.now)
    again = Room(SETTINGS, scene.now, RoomState.model_validate_json(scene.room.state.model_dump_json()))
    assert again.decision_id == scene.room.decision_id
    assert again.mood().decision_id == scene.room.mood().decision_id


@pytest.mark.parametrize("word", [UNKNOWN, NOBODY])
def test_the_first_mood_after_a_restart_without_one_comes_as_soon_as_in_a_new_room(word: str) -> None:
    saved = Room(SETTINGS, START).mood().model_copy(update={"mood": word})
    again = Scene(Aggregator(sure_s=10), Room(Aggregator(sure_s=10), START, RoomState(mood=saved)))
    assert again.until("happy", "happy") == Scene(Aggregator(sure_s=10)).until("happy", "happy")
