"""Taught moods in a room: a mood like any other, and the model's labels as they were."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.aggregator.errors import UnknownMoodError
from services.aggregator.fusion import PLACES
from services.aggregator.recording import Line, seen
from services.aggregator.replay import replay
from services.aggregator.room import Room
from services.aggregator.vocabulary import Vocabulary, of_room
from services.aggregator.window import Observation
from services.contracts.channels import CUSTOM_MOODS, EXPRESSIONS
from services.contracts.messages import CameraState, CustomMood, CustomMoods, MoodOverride, MoodSource
from services.contracts.moodring_pb2 import LabelProbability
from services.contracts.moods import EXPRESSION_POINTS, NOBODY, UNKNOWN, Point
from services.runtime.mood_settings import MoodRules
from services.runtime.settings import Aggregator
from tests.unit import aggregator_doubles as doubles
from tests.unit.aggregator_doubles import FPS, START, message, running, sure

FOCUSED = Point(0.3, 0.1)
WORDS = Vocabulary({"focused": FOCUSED}, {"focused": FOCUSED})
HOUSE = CustomMoods(moods=(CustomMood(mood="focused", valence=0.3, arousal=0.1, rooms=("home",)),))


class Study:
    """A room at a working camera whose faces say a label, and how surely they are focused."""

    def __init__(self, rules: MoodRules | None = None, words: Vocabulary = WORDS) -> None:
        self.now = START
        self.room = Room(rules or Aggregator(), START)
        self.room.learn(words, START)
        self._frames = itertools.count(1)

    def play(self, seconds: int, label: str | None = "neutral", focused: float = 0.0, *, faces: int = 1) -> str:
        for _ in range(seconds):
            self.room.hear("camera", CameraState.OK, self.now)
            for _ in range(FPS):
                self.now = START + next(self._frames) / FPS
                for track in range(faces if label else 0):
                    self.room.observe(focused_face(self.now, label or "", focused, track), self.now)
            self.room.look(self.now)
        return self.room.mood().mood


def focused_face(at: float, label: str, focused: float, track: int = 1) -> Observation:
    return replace(doubles.seen(at, label, track=track), taught={"focused": focused})


def understood(label: str, words: Vocabulary = WORDS, **taught: float) -> Mapping[str, float]:
    return words.understood(replace(doubles.seen(START, label), taught=taught)).probabilities


@pytest.mark.parametrize("label", EXPRESSION_POINTS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.95, 1.0])
def test_the_models_labels_keep_their_ratios_and_all_sums_to_one(label: str, share: float) -> None:
    mixed, plain = understood(label, focused=share), sure(label)
    assert sum(mixed.values()) == pytest.approx(1)
    assert mixed["focused"] == pytest.approx(min(share, 0.99))
    rest = 1 - mixed["focused"]
    assert {one: mixed[one] / rest for one in plain} == pytest.approx(plain)


def test_odds_of_several_taught_moods_add_up() -> None:
    words = Vocabulary({"focused": FOCUSED, "bored": Point(-0.2, -0.4)})
    mixed = understood("neutral", words, focused=0.75, bored=0.5)
    assert [mixed["focused"], mixed["bored"]] == pytest.approx([0.6, 0.2])


def test_what_a_room_was_not_taught_is_not_heard_there() -> None:
    assert understood("neutral", of_room(HOUSE, "kitchen"), focused=0.9) == sure("neutral")
    assert set(of_room(HOUSE, "kitchen").known) == {"focused"}
    assert of_room(HOUSE, "home").taught == {"focused": FOCUSED}


def test_a_taught_mood_is_entered_and_left_as_any_other_is() -> None:
    study = Study()
    assert study.play(40) == "neutral"
    assert study.play(40, focused=0.9) == "focused"
    mood = study.room.mood()
    assert (mood.source, mood.confidence > 0.98, mood.distribution["focused"] > 0.8) == (MoodSource.CAMERA, True, True)
    assert (mood.valence, mood.arousal) == pytest.approx(tuple(0.9 * axis for axis in FOCUSED), abs=0.05)
    assert study.play(40) == "neutral"
    assert study.play(60, None) == NOBODY


def test_no_single_frame_makes_a_taught_mood() -> None:
    study = Study()
    study.play(40)
    assert {study.play(1, focused=0.9 if second % 10 == 0 else 0.0) for second in range(60)} == {"neutral"}


@pytest.mark.parametrize("label", ["happy", "surprised", "sad", "angry", "neutral"])
def test_the_models_moods_are_entered_as_soon_as_without_it(label: str) -> None:
    with_it, without = Study(), Study(words=Vocabulary())
    seconds = [next(s for s in range(1, 60) if study.play(1, label, 0.02) == label) for study in (with_it, without)]
    assert seconds[0] <= seconds[1] + 1


def test_three_who_are_focused_outvote_one_who_is_sad() -> None:
    study = Study()
    for _ in range(40):
        study.play(1, "neutral", 0.9, faces=3)
        study.room.observe(focused_face(study.now, "sad", 0.0, 7), study.now)
    assert study.room.mood().mood == "focused"


def test_a_fold_leaves_taught_moods_alone() -> None:
    study = Study(Aggregator(fold="quadrants"))
    assert set(study.room.moods) == {"pleasant", "tense", "low", "calm", "focused"}
    assert study.play(40, focused=0.9) == "focused"


def test_a_forgotten_mood_is_left_at_once_and_ends_its_override() -> None:
    study = Study()
    assert study.play(40, focused=0.9) == "focused"
    before = study.room.decision_id
    study.room.learn(Vocabulary(), study.now)
    assert study.room.mood().mood == UNKNOWN
    assert study.room.decision_id != before
    study.room.learn(WORDS, study.now)
    study.room.say(MoodOverride(mood="focused"), study.now)
    study.room.learn(Vocabulary({}, {"bored": FOCUSED}), study.now)
    assert study.room.mood().source is MoodSource.OVERRIDE, "it is a shipped mood's name, too"
    study.room.say(MoodOverride(mood="bored"), study.now)
    study.room.learn(Vocabulary(), study.now)
    assert study.room.mood().source is MoodSource.CAMERA


def test_a_mood_taught_elsewhere_can_be_said_by_hand_and_lies_where_it_was_taught() -> None:
    room = Room(Aggregator(), START)
    room.learn(Vocabulary({}, {"focused": Point(-0.9, 0.9)}), START)
    room.say(MoodOverride(mood="focused"), START)
    assert (room.mood().valence, room.mood().arousal) == (-0.9, 0.9)
    with pytest.raises(UnknownMoodError, match="bored"):
        room.say(MoodOverride(mood="bored"), START)


def test_what_is_told_again_changes_nothing() -> None:
    study = Study()
    study.play(40, focused=0.9)
    study.room.learn(Vocabulary(dict(WORDS.taught), dict(WORDS.known)), study.now)
    assert study.play(1, focused=0.9) == "focused"
    assert study.room.mood().samples > 60


def test_a_taught_mood_is_replayed_as_it_was_decided() -> None:
    frames = [
        seen("home", "camera", [focused_face(START + i / FPS, "neutral", 0.9)], START + i / FPS) for i in range(200)
    ]
    told = Line(heard_at=START, room="home", custom=HOUSE)
    state = Line(heard_at=START, room="home", camera="camera", state=CameraState.OK)
    with_it, without = (list(replay([state, *first, *frames], Aggregator()))[-1] for first in ([told], []))
    assert (with_it.mood.mood, without.mood.mood) == ("focused", "neutral")
    assert Line.model_validate_json(told.written()) == told


async def test_a_taught_mood_is_counted_from_zero(tmp_path: Path) -> None:
    daydreaming = CustomMood(mood="daydreaming", valence=0.3, arousal=-0.4, rooms=("home",))
    async with running(tmp_path) as run:
        await run.tick()
        counted = ("moodring_aggregator_decisions_total", {"mood": "daydreaming", "source": "camera"})
        assert REGISTRY.get_sample_value(*counted) is None
        run.bus.publish(CUSTOM_MOODS, CustomMoods(moods=(daydreaming,)))
        await run.tick()
        assert REGISTRY.get_sample_value(*counted) == 0
        for mood, source in ((NOBODY, "camera"), ("happy", "camera"), ("romantic", "override")):
            said = {"mood": mood, "source": source}
            assert REGISTRY.get_sample_value("moodring_aggregator_decisions_total", said) is not None


async def test_the_service_hears_of_taught_moods_on_the_bus_and_keeps_one_over_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        run.bus.publish(CUSTOM_MOODS, HOUSE)
        for _ in range(40 * FPS):
            run.now += 1 / FPS
            run.frames += 1
            sent = message(run.now, "neutral")
            sent.faces[0].taught.append(LabelProbability(label="focused", probability=0.9))
            run.bus.publish(EXPRESSIONS, sent, room="home", camera="camera")
            if run.frames % FPS == 0:
                run.status(CameraState.OK)
                await run.tick()
        assert run.moods[-1].mood == "focused"
    async with running(tmp_path, now=run.now, broker=run.bus.broker) as again:
        await again.tick()
        assert again.service.mood("home").mood == "focused"


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
async def test_a_face_with_nonsense_about_taught_moods_is_left_out(tmp_path: Path, share: float) -> None:
    async with running(tmp_path) as run:
        sent = message(run.now, "happy")
        sent.faces[0].taught.append(LabelProbability(label="focused", probability=share))
        run.bus.publish(EXPRESSIONS, sent, room="home", camera="camera")
        await run.tick()
        assert run.service.mood("home").samples == 0


def test_a_room_hears_the_same_words_in_whatever_order_it_is_told_of_them() -> None:
    moods = tuple(CustomMood(mood=mood, valence=0, arousal=0, rooms=("home",)) for mood in ("focused", "bored"))
    told = [of_room(CustomMoods(moods=order), "home") for order in (moods, moods[::-1])]
    assert [list(words.places) for words in told] == [[*PLACES, "bored", "focused"]] * 2
