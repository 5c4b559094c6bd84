"""Taught moods as they are kept: names, places, bounds, versions of the model."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from services.contracts.moods import EXPRESSIONS as LABELS
from services.contracts.moods import MAX_CUSTOM_MOODS, MOOD_POINTS, Point
from services.inference.custom_moods import (
    CustomMoodError,
    NoSuchMoodError,
    check_name,
    check_told_apart,
    learnt,
    read,
    readers,
    renamed,
    thinned,
    told,
)
from services.inference.heads import Embeddings
from services.inference.predictor import Origin, Prediction
from services.inference.state import TaughtMood, TaughtMoods
from services.inference.teaching import AMOUNTS, Sight, Step, Teaching

AT = datetime(2026, 11, 27, tzinfo=UTC)
SIZE = 8
AS_NEUTRAL = {"neutral": 1.0}


def faces(count: int, shift: float, seed: int) -> Embeddings:
    drawn = np.random.default_rng(seed).normal(0, 1, (count, SIZE))
    drawn[:, 0] += shift
    return drawn.astype(np.float32)


def lesson(
    mood: str = "focused", *, room: str = "study", shift: float = 8, place: Point | None = None, version: int = 7,
    answer: Mapping[str, float] = AS_NEUTRAL, usual: int = 20, model: str = "expression",
) -> Teaching:  # fmt: skip
    """A lesson that is over."""
    teaching = Teaching(mood, room, place, AMOUNTS[Step.USUAL].least - min(usual, AMOUNTS[Step.USUAL].least), 0)
    for row in faces(usual, 0, 1):
        teaching.take(Sight(row, AS_NEUTRAL, Origin(model, version), "camera", 100, 0))
    teaching.go_on(0)
    teaching.go_on(0)
    for row in faces(40, shift, 2):
        teaching.take(Sight(row, answer, Origin(model, version), "camera", 100, 0))
    teaching.go_on(0)
    return teaching


def taught(*lessons: Teaching) -> tuple[TaughtMood, ...]:
    moods: tuple[TaughtMood, ...] = ()
    for one in lessons:
        moods = learnt(moods, one, MOOD_POINTS, AT)
    return moods


def seen(shift: float, version: int = 7, size: int = SIZE, model: str = "expression") -> Prediction:
    shares = np.zeros((20, len(LABELS)), np.float32)
    shares[:, 0] = 1
    return Prediction(LABELS, shares, faces(20, shift, 3)[:, :size], model, version)


def test_a_mood_is_read_in_the_rooms_it_was_taught_in_and_nowhere_else() -> None:
    found = readers(taught(lesson()))
    assert min(row["focused"] for row in read(found, "study", seen(8))) > 0.5
    assert max(row["focused"] for row in read(found, "study", seen(0))) < 0.5
    assert read(found, "kitchen", seen(8)) == [{}] * 20


@pytest.mark.parametrize("other", [seen(8, version=8), seen(8, model="another"), seen(8, size=4)])
def test_a_mood_is_not_read_by_another_models_numbers(other: Prediction) -> None:
    assert read(readers(taught(lesson())), "study", other) == [{}] * 20


def test_a_mood_from_before_the_models_name_was_kept_is_of_the_one_that_is_released() -> None:
    [mood] = taught(lesson())
    before = TaughtMood.model_validate_json(mood.model_dump_json(exclude={"model"}))
    assert before == mood
    assert read(readers([before]), "study", seen(8)) != [{}] * 20


def test_a_mood_of_another_model_is_no_rival_of_one() -> None:
    own, other = taught(lesson(), lesson("bored", shift=-8, model="another"))
    assert [one.rivals for one in readers([own, other])] == [(), ()]


def test_the_house_is_told_that_a_mood_of_another_version_is_read_nowhere() -> None:
    moods = taught(lesson())
    served = None, Origin("expression", 7), Origin("expression", 8), Origin("another", 7)
    rooms = [told(moods, one).moods[0].rooms for one in served]
    assert rooms == [("study",), ("study",), (), ()]


def test_a_mood_that_looks_as_usual_is_refused() -> None:
    focused, bored = readers(taught(lesson(), lesson("bored", shift=0)))
    check_told_apart(focused)
    with pytest.raises(
        CustomMoodError, match=r"cannot be told from how you usually look.* nothing of the lesson was kept"
    ):
        check_told_apart(bored)


@pytest.mark.parametrize(
    ("teaching", "place"),
    [
        (lesson("focused"), MOOD_POINTS["focused"]),
        (lesson("focused", place=Point(0.5, -0.5)), Point(0.5, -0.5)),
        (lesson("amazed", answer={"surprised": 1.0}), MOOD_POINTS["surprised"]),
        (lesson("amazed", answer={"surprised": 0.5, "neutral": 0.5}), Point(0.2, 0.34)),
    ],
)
def test_a_mood_lies_where_it_was_asked_to_or_its_name_has_it_or_the_faces_do(teaching: Teaching, place: Point) -> None:
    [mood] = taught(teaching)
    assert (mood.valence, mood.arousal) == pytest.approx(place, abs=0.011)


def test_taught_further_it_keeps_its_place_and_gains_faces_and_rooms() -> None:
    moods = taught(lesson(place=Point(0.9, 0.1)), lesson(room="kitchen"))
    [mood] = moods
    assert (mood.valence, mood.arousal, mood.rooms) == (0.9, 0.1, ("study", "kitchen"))
    assert (len(mood.faces), len(mood.usual_faces)) == (80, 40)


def test_faces_of_a_mood_are_bounded_however_often_it_is_taught() -> None:
    [mood] = taught(*[lesson() for _ in range(8)])
    assert (len(mood.faces), len(mood.usual_faces)) == (AMOUNTS[Step.MOOD].most, 2 * AMOUNTS[Step.USUAL].most)


@pytest.mark.parametrize("origin", [Origin("expression", 8), Origin("another", 7)])
def test_taught_on_another_version_or_model_it_begins_afresh(origin: Origin) -> None:
    [mood] = taught(lesson(), lesson(room="kitchen", version=origin.version, model=origin.model))
    assert (mood.origin, mood.rooms, len(mood.faces)) == (origin, ("kitchen",), 40)


def test_without_usual_faces_of_this_version_nothing_is_learnt() -> None:
    with pytest.raises(CustomMoodError, match="too few faces are known as they usually look"):
        taught(lesson(), lesson(version=8, usual=0))


def test_moods_are_bounded() -> None:
    first = taught(lesson())[0]
    many = tuple(
        first.model_copy(update={"mood": f"mood_{i}", "rooms": (f"room_{i}",)}) for i in range(MAX_CUSTOM_MOODS)
    )
    with pytest.raises(CustomMoodError, match="16 moods were taught already; forget one"):
        learnt(many, lesson(), MOOD_POINTS, AT)


@pytest.mark.parametrize(
    ("name", "why"),
    [("unknown", "a meaning of its own"), ("auto", "own"), ("sad", "very_sad"), ("focused", "taught already")],
)
def test_a_name_that_is_taken_is_refused(name: str, why: str) -> None:
    with pytest.raises(CustomMoodError, match=why):
        check_name(name, taught(lesson()))


def test_moods_taught_in_one_room_are_told_from_each_other() -> None:
    rivals = taught(lesson("focused", shift=8), lesson("bored", shift=-8))
    [first, *_] = read(readers(rivals), "study", seen(8))
    assert (first["focused"] > 0.5, first["bored"] < 0.5) == (True, True)


def test_what_a_mood_had_learnt_from_another_goes_with_it() -> None:
    moods = taught(lesson("focused", shift=8), lesson("bored", shift=-8))
    both = readers(moods)
    [alone] = readers(moods[:1], both)
    assert alone.head.weights == pytest.approx(readers(moods[:1])[0].head.weights)
    assert (alone.head.weights != both[0].head.weights).all()


def test_taught_further_a_mood_is_made_again() -> None:
    before = readers(taught(lesson()))
    [after] = readers(taught(lesson(), lesson()), before)
    assert after.head is not before[0].head


def test_a_mood_is_renamed_and_moved() -> None:
    moods = renamed(taught(lesson()), "focused", to="deep_work", place=Point(0.1, 0.2))
    assert [(one.mood, one.valence, one.arousal) for one in moods] == [("deep_work", 0.1, 0.2)]
    with pytest.raises(NoSuchMoodError, match="no mood focused was taught; there is deep_work"):
        renamed(moods, "focused", to="x", place=None)


def test_what_is_kept_comes_back_from_its_file() -> None:
    moods = TaughtMoods(moods=taught(lesson()))
    again = TaughtMoods.model_validate_json(moods.model_dump_json())
    assert again == moods
    assert again.moods[0].faces == pytest.approx(faces(40, 8, 2), rel=2e-3, abs=1e-3)


def test_half_a_face_is_not_taken_from_a_damaged_file() -> None:
    [mood] = taught(lesson())
    with pytest.raises(ValidationError, match="not whole"):
        TaughtMood.model_validate(mood.model_dump() | {"shown": mood.shown[:-2]})


def test_faces_are_thinned_evenly() -> None:
    assert thinned(np.arange(100, dtype=np.float32)[:, None], 3)[:, 0].tolist() == [0, 50, 99]
