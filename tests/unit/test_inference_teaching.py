"""The steps of a lesson, by the clock of the test."""

from collections.abc import Mapping

import numpy as np
import pytest

from services.inference.predictor import Origin
from services.inference.teaching import (
    AMOUNTS,
    LONGER,
    SETTLE_S,
    SILENCE_S,
    SPACING_S,
    WAIT_S,
    Sight,
    Step,
    Teaching,
    answer_to,
)

NOW = 1_800_000_000.0
FACE = np.ones(4, np.float32)
AS_NEUTRAL = {"neutral": 1.0}
USUAL, MOOD = AMOUNTS[Step.USUAL], AMOUNTS[Step.MOOD]


def lesson(known: int = 0) -> Teaching:
    return Teaching("focused", "study", None, known, NOW)


def sight(
    now: float = NOW, version: int = 7, answer: Mapping[str, float] = AS_NEUTRAL, height: float = 100,
    camera: str = "desk",
) -> Sight:  # fmt: skip
    return Sight(FACE, answer, Origin("expression", version), camera, height, now)


def take(teaching: Teaching, count: int, now: float = NOW, version: int = 7) -> None:
    for _ in range(count):
        teaching.take(sight(now, version))


def shown(teaching: Teaching, now: float = NOW) -> Teaching:
    """Bring a lesson to the step in which the mood is shown."""
    take(teaching, USUAL.least)
    teaching.go_on(now)
    teaching.go_on(now)
    return teaching


def test_a_lesson_takes_about_two_minutes() -> None:
    assert USUAL.seconds + MOOD.seconds == 120
    assert (MOOD.least, MOOD.most) == (30, 200)


def test_a_face_is_wanted_now_and_then() -> None:
    teaching = lesson()
    first = NOW + SETTLE_S
    assert not teaching.takes(first - 0.1), "it may be of a moment before they began"
    assert teaching.takes(first)
    take(teaching, 1, first)
    assert not teaching.takes(first + SPACING_S - 0.1)
    assert teaching.takes(first + SPACING_S + 0.01)


def test_whoever_is_behind_or_passes_is_not_taken_nor_stays() -> None:
    teaching = lesson()
    for height in (70, 200, 190, 95, 210, 90, 410, 200, 200):
        teaching.note("desk", height)
        teaching.take(sight(height=height))
    teaching.note("shelf", 70)
    teaching.take(sight(height=70, camera="shelf"))
    assert [one.height for one in teaching.taken[Step.USUAL]] == [70, 200, 190, 95, 210, 90, 200, 200, 70]
    assert teaching.go_on(NOW) == "9 more faces are needed before that", "three of nine were of somebody behind"
    assert [one.height for one in teaching.taken[Step.USUAL]] == [200, 190, 210, 200, 200, 70]


def test_a_step_cannot_be_left_with_too_few_faces() -> None:
    teaching = lesson()
    take(teaching, USUAL.least - 2)
    assert teaching.go_on(NOW) == "2 more faces are needed before that"
    assert teaching.step is Step.USUAL


def test_faces_known_from_before_are_not_needed_again() -> None:
    teaching = lesson(known=USUAL.least)
    assert teaching.go_on(NOW) == ""
    assert teaching.step is Step.READY


def test_nothing_is_taken_between_the_steps() -> None:
    teaching = lesson()
    take(teaching, USUAL.most)
    assert teaching.step is Step.READY
    assert not teaching.takes(NOW + 60)


def test_a_step_ends_by_itself_with_enough_faces_or_when_its_time_is_over() -> None:
    teaching = lesson()
    take(teaching, USUAL.least)
    teaching.look(NOW + USUAL.seconds)
    assert teaching.step is Step.READY
    teaching.go_on(NOW + 60)
    take(teaching, MOOD.most, NOW + 60)
    assert (teaching.step, teaching.problem, teaching.running) == (Step.DONE, "", False)


@pytest.mark.parametrize("count", [0, USUAL.least - 1])
def test_too_few_faces_in_its_time_end_it_all(count: int) -> None:
    teaching = lesson()
    take(teaching, count)
    teaching.look(NOW + USUAL.seconds)
    assert teaching.problem.startswith(f"only {count} faces could be read in 30 s, {USUAL.least} are needed")
    assert teaching.taken[Step.USUAL] == []


def read_slowly(every_s: float, until_s: float) -> tuple[Teaching, float]:
    """Teach with a face now and then, and return the lesson when its step is over, and how long that took."""
    teaching, at_s = lesson(), 0.0
    while teaching.step is Step.USUAL and teaching.running and at_s < until_s:
        at_s += 0.5
        if at_s % every_s == 0:
            take(teaching, 1, NOW + at_s)
        teaching.look(NOW + at_s)
    return teaching, at_s


def test_a_machine_that_reads_few_faces_is_given_longer() -> None:
    teaching, took_s = read_slowly(every_s=4, until_s=200)
    assert (teaching.step, took_s) == (Step.READY, 4 * USUAL.least)


def test_it_is_said_for_how_long_a_step_may_last_then() -> None:
    teaching, _ = read_slowly(every_s=4, until_s=USUAL.seconds)
    assert teaching.seconds_left(NOW + USUAL.seconds) == (LONGER - 1) * USUAL.seconds


def test_longer_is_not_for_ever() -> None:
    teaching, took_s = read_slowly(every_s=8, until_s=200)
    assert took_s == LONGER * USUAL.seconds
    assert teaching.problem.startswith("only 11 faces could be read in 90 s")


def test_the_mood_is_given_longer_too() -> None:
    teaching, at_s = lesson(), 0.0
    take(teaching, USUAL.most)
    began = NOW + 100
    assert not teaching.go_on(began)
    while teaching.step is Step.MOOD:
        at_s += 5
        take(teaching, 1, began + at_s)
        teaching.look(began + at_s)
    assert (teaching.step, at_s) == (Step.DONE, 5 * AMOUNTS[Step.MOOD].least)
    assert not teaching.problem


def test_who_goes_away_is_not_waited_for() -> None:
    teaching, _ = read_slowly(every_s=4, until_s=40)
    teaching.look(NOW + 40 + SILENCE_S)
    assert teaching.problem.startswith("only 10 faces could be read in 60 s")


def test_faces_that_turn_out_to_be_of_somebody_behind_are_made_up_for() -> None:
    teaching = lesson()
    for number in range(USUAL.least):
        teaching.take(sight(NOW + USUAL.seconds - 1, height=100 if number else 30))
        teaching.note("desk", 100)
    teaching.look(NOW + USUAL.seconds)
    assert (teaching.step, teaching.problem) == (Step.USUAL, "")
    take(teaching, 1, NOW + USUAL.seconds + 1)
    teaching.look(NOW + USUAL.seconds + 1)
    assert teaching.step is Step.READY


def test_nobody_who_begins_ends_it_too() -> None:
    teaching = lesson()
    take(teaching, USUAL.most)
    teaching.look(NOW + WAIT_S - 1)
    assert teaching.running
    teaching.look(NOW + WAIT_S)
    assert "nobody began" in teaching.problem


def test_a_model_that_changes_meanwhile_ends_it() -> None:
    teaching = shown(lesson())
    take(teaching, 1, version=8)
    assert "another model, or version of it" in teaching.problem
    assert teaching.taken[Step.USUAL] == []


def test_a_lesson_that_is_over_can_be_given_up_until_it_is_kept() -> None:
    for kept in (False, True):
        teaching = shown(lesson())
        take(teaching, MOOD.least)
        teaching.go_on(NOW)
        if kept:
            assert teaching.keep()
        teaching.give_up("stopped")
        assert teaching.problem == ("" if kept else "stopped")
        assert teaching.keep() is kept
        assert len(teaching.taken[Step.MOOD]) == MOOD.least  # somebody may be learning from them


def test_what_the_model_said_of_the_mood_is_averaged() -> None:
    teaching = shown(lesson())
    teaching.take(sight(answer={"neutral": 0.75, "sad": 0.25}))
    teaching.take(sight(answer={"neutral": 0.25, "angry": 0.75}))
    assert answer_to(teaching.taken[Step.MOOD]) == {"neutral": 0.5, "sad": 0.125, "angry": 0.375}


def test_what_is_being_learnt_has_no_time_that_runs_out() -> None:
    teaching = shown(lesson())
    take(teaching, MOOD.most)
    assert (teaching.running, teaching.seconds_left(NOW)) == (False, 0)
