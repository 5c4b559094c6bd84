import math
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from pydantic import ValidationError

from services.aggregator.calibration import LIMIT, Calibrator, Verdict, shifts
from services.aggregator.errors import NotNowError, UnknownMoodError
from services.aggregator.lesson import lesson
from services.aggregator.likelihood import released
from services.aggregator.resting import MOST, corrected, factors, rests
from services.aggregator.room import Room
from services.aggregator.state import MAX_ANSWERS, Baseline, Calibration, Feedback, RoomState
from services.contracts.messages import CameraState, MoodOverride, uuid7
from services.contracts.moods import EXPRESSIONS, UNKNOWN
from services.runtime.mood_settings import MoodRules
from tests.unit.aggregator_doubles import START, Scene, seen, sure

SAD_AT_REST = {"neutral": 0.35, "sad": 0.5, **dict.fromkeys(("happy", "angry", "surprised"), 0.05)}
"""What a model says of a face that looks sad to it when it rests."""


def at(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)


def baseline(**shares: float) -> Baseline:
    return Baseline(measured_at=at(START), samples=300, distribution=shares)


def answer(decided: str, *, right: bool = False, mood: str | None = None) -> Feedback:
    return Feedback(at=at(START), decided=decided, right=right, mood=mood)


def measured(scene: Scene, face: dict[str, float] | str) -> Scene:
    """Measure a neutral face for a minute."""
    scene.room.measure_neutral(scene.now)
    scene.play(61, face)
    return scene


def likely(shown: dict[str, float], **excess: float) -> Baseline:
    """Return the baseline of faces that show so much, and whose odds are the usual ones but for some logarithms."""
    logs = {label: log + excess.get(label, 0.0) for label, log in released().resting_logs.items()}
    return Baseline(measured_at=at(START), samples=300, distribution=shown, logs=logs)


def test_what_a_neutral_face_shows_too_much_of_is_weighed_down_by_as_much() -> None:
    shown = {"neutral": 0.4, "sad": 0.5, "angry": 0.1}
    assert factors(likely(shown, sad=math.log(4), happy=2)) == {"sad": pytest.approx(0.25)}
    assert factors(likely(shown, sad=math.log(1.9), angry=-3)) == {}
    assert factors(likely(shown, neutral=-math.log(4), angry=-math.log(3))) == {"sad": pytest.approx(0.25)}


@pytest.mark.parametrize(
    "face", [*(sure("neutral", share) for share in (0.97, 0.9, 0.8, 0.72)), dict(released().resting)], ids=str
)
def test_a_face_that_looks_neutral_at_rest_loses_nothing_by_its_minute(face: dict[str, float]) -> None:
    total = sum(face.values())
    taught = measured(Scene(), {label: share / total for label, share in face.items()}).room.calibration.state
    assert taught.baseline
    for mood in EXPRESSIONS:
        usual, room = Scene(), Room(MoodRules(), START, RoomState(calibration=taught))
        assert Scene(room=room).until(mood, sure(mood)) == usual.until(mood, sure(mood))


def test_a_minute_of_an_older_version_is_compared_by_its_mean() -> None:
    assert factors(baseline(neutral=0.5, sad=0.5)) == {"sad": pytest.approx(0.1222 / 0.7929)}
    assert factors(baseline(neutral=0.8, sad=0.2)) == {}


@pytest.mark.parametrize(("share", "most"), [(0.95, MOST), (0.4, MOST), (0.3, 18), (0.05, 3), (0.01, 3)])
def test_the_less_of_an_expression_neutral_faces_show_the_less_it_is_weighed_down(share: float, most: float) -> None:
    shown = {"neutral": 0.05, "angry": share, "sad": 0.95 - share}
    assert factors(likely(shown, angry=9, sad=-9)) == {"angry": pytest.approx(1 / most)}


@pytest.mark.parametrize("wrong", [{"logs": {"neutral": -0.2}}, {"distribution": {}}])
def test_a_baseline_that_cannot_be_is_refused(wrong: dict[str, dict[str, float]]) -> None:
    whole = likely({"neutral": 1.0}).model_dump()
    with pytest.raises(ValidationError):
        Baseline.model_validate(whole | wrong)


def test_a_corrected_distribution_sums_to_one() -> None:
    result = corrected(SAD_AT_REST, {"sad": 0.25})
    assert sum(result.values()) == pytest.approx(1)
    assert result["neutral"] > 0.5 > result["sad"]


def test_without_a_baseline_nothing_is_corrected() -> None:
    assert corrected(SAD_AT_REST, factors(None)) == SAD_AT_REST
    assert corrected({}, {"sad": 0.25}) == {}


def test_a_face_that_always_looks_sad_no_longer_does_after_its_minute() -> None:
    scene = Scene()
    assert scene.play(40, SAD_AT_REST) == "sad"
    assert measured(scene, SAD_AT_REST).play(20, SAD_AT_REST) in {"neutral", UNKNOWN}
    assert scene.room.mood().distribution["neutral"] > 0.5


@pytest.mark.parametrize("mood", EXPRESSIONS)
def test_every_expression_is_still_seen_after_a_baseline(mood: str) -> None:
    scene = measured(Scene(), SAD_AT_REST)
    assert scene.play(30, sure(mood, 0.95 if mood == "sad" else 0.8)) == mood


def test_a_baseline_that_is_forgotten_has_no_effect_from_then_on() -> None:
    scene = measured(Scene(), SAD_AT_REST)
    scene.play(10, SAD_AT_REST)
    scene.room.calibration.forget_baseline()
    assert scene.play(40, SAD_AT_REST) == "sad"


def test_a_baseline_is_of_its_minute_only() -> None:
    scene = Scene()
    scene.play(30, "angry")
    measured(scene, SAD_AT_REST).play(30, "angry")
    found = scene.room.calibration.state.baseline
    assert found is not None
    assert found.distribution == pytest.approx(SAD_AT_REST, abs=0.01)
    assert found.samples == pytest.approx(300, abs=5)


def test_a_baseline_without_faces_comes_to_nothing_and_says_so() -> None:
    scene = Scene()
    scene.room.measure_neutral(scene.now)
    scene.play(10, "neutral")
    scene.play(52)
    view = lesson(scene.room)
    assert (view.baseline, view.measuring) == (None, None)
    assert "only 50 faces were seen in a minute, 60 are needed: look at the camera" in view.problem


@pytest.mark.parametrize(
    ("shown", "resting"),
    [
        ({"neutral": 0.9, "sad": 0.1}, True),
        (SAD_AT_REST, True),
        ({"neutral": 0.15, "sad": 0.85}, True),
        ({"neutral": 0.05, "sad": 0.95}, False),
        ({"neutral": 0.01, "surprised": 0.99}, False),
        ({"surprised": 1.0}, False),
        (dict.fromkeys(EXPRESSIONS, 1 / 8), False),
        ({**dict.fromkeys(EXPRESSIONS, 0.11), "neutral": 0.23}, False),
        ({**dict.fromkeys(EXPRESSIONS, 0.1), "neutral": 0.3}, True),
        ({**dict.fromkeys(EXPRESSIONS, 0.05), "neutral": 0.65}, True),
    ],
)
def test_a_resting_face_is_one_that_can_be_corrected_to_neutral(shown: dict[str, float], resting: bool) -> None:
    assert rests(baseline(**shown)) is resting


def test_a_grimace_is_no_resting_face_and_that_is_said() -> None:
    scene = measured(Scene(), sure("surprised", 0.99))
    view = lesson(scene.room)
    assert (view.baseline, view.factors) == (None, {})
    assert view.problem.startswith("the faces of the minute looked surprised (99 %) and only 0 % neutral")
    assert "look at the camera as if nothing happened" in view.problem


def test_a_face_that_the_model_cannot_read_is_no_resting_face_and_what_to_do_is_said() -> None:
    view = lesson(measured(Scene(), dict.fromkeys(EXPRESSIONS, 1 / 8)).room)
    assert (view.baseline, view.factors) == (None, {})
    assert view.problem.startswith("the model cannot read the faces of the minute (none of its expressions had over 1")
    assert "look straight at the camera, and start again" in view.problem


def test_a_grimace_leaves_the_resting_face_that_was_known() -> None:
    scene = measured(Scene(), SAD_AT_REST)
    before = scene.room.calibration.state.baseline
    assert measured(scene, sure("surprised", 0.99)).room.calibration.state.baseline == before


def test_a_grimace_that_was_taken_for_a_resting_face_before_is_dropped() -> None:
    calibrator = Calibrator(Calibration(baseline=baseline(neutral=0.01, surprised=0.99)))
    assert (calibrator.state.baseline, calibrator.factors) == (None, {})
    assert "surprised (99 %)" in calibrator.problem


def test_a_failed_baseline_leaves_the_one_before() -> None:
    scene = measured(Scene(), SAD_AT_REST)
    before = scene.room.calibration.state.baseline
    scene.room.measure_neutral(scene.now)
    scene.play(61)
    assert scene.room.calibration.state.baseline == before


def test_a_measurement_is_seen_and_can_be_stopped() -> None:
    scene = Scene()
    scene.room.measure_neutral(scene.now)
    scene.play(10, "neutral")
    measuring = lesson(scene.room).measuring
    assert measuring is not None
    assert (measuring.until, measuring.samples) == (at(START + 60), 50)
    scene.room.calibration.forget_baseline()
    assert scene.play(60, "neutral") == "neutral"
    assert lesson(scene.room).baseline is None


def test_privacy_stops_a_measurement() -> None:
    scene = Scene()
    scene.room.measure_neutral(scene.now)
    scene.play(30, "neutral")
    scene.room.hear("camera", CameraState.PRIVATE, scene.now)
    assert lesson(scene.room).measuring is None


def test_where_no_camera_sees_nothing_is_measured() -> None:
    room = Room(MoodRules(), START)
    room.hear("camera", CameraState.COVERED, START)
    with pytest.raises(NotNowError, match="no camera of this room sees anything"):
        room.measure_neutral(START)


def test_a_clock_that_is_set_back_ends_a_measurement() -> None:
    calibrator = Calibrator(Calibration())
    calibrator.start(START)
    calibrator.look(START - 3600)
    assert calibrator.measuring_until is None


def test_faces_from_before_and_after_are_not_measured() -> None:
    calibrator = Calibrator(Calibration())
    calibrator.start(START)
    for age in (-61, 0.1, 30):
        calibrator.observe(seen(START - age))
    assert calibrator.samples == 0


@pytest.mark.parametrize(
    ("answers", "moved"),
    [
        ([], {}),
        ([answer("angry")], {"angry": 0.04}),
        ([answer("angry", mood="neutral")], {"angry": 0.04, "neutral": -0.04}),
        ([answer("happy", right=True)], {"happy": -0.01}),
        ([answer("happy", right=True)] * 4 + [answer("happy")], {}),
        ([answer("angry")] * 50, {"angry": LIMIT}),
        ([answer("unknown", mood="sad"), answer("nobody")], {"sad": -0.04}),
        ([answer("sad", mood="neutral")] * 50, {"sad": LIMIT, "neutral": -LIMIT}),
    ],
)
def test_answers_move_thresholds_within_limits(answers: list[Feedback], moved: dict[str, float]) -> None:
    assert shifts(answers) == pytest.approx(moved)


def test_old_answers_lose_their_effect() -> None:
    calibrator = Calibrator(Calibration())
    calibrator.answer("sad", START, right=False, mood=None)
    for _ in range(MAX_ANSWERS):
        calibrator.answer("happy", START, right=True, mood=None)
    assert len(calibrator.state.answers) == MAX_ANSWERS
    assert "sad" not in calibrator.shifts


def told(angry: float, *verdicts: Verdict) -> str:
    """Return what a room says of a face that is somewhat angry and else neutral, after some verdicts on `angry`."""
    scene = Scene()
    scene.play(30, "angry")
    for verdict in verdicts:
        scene.room.judge(verdict, scene.now)
    again = Scene(room=Room(MoodRules(), START, RoomState(calibration=scene.room.state.calibration)))
    return again.play(30, {"angry": angry, "neutral": 1 - angry})


def test_where_it_is_close_answers_decide() -> None:
    shares = [*[share / 200 for share in range(20, 70)], *[share / 50 for share in range(18, 50)]]
    wrong = [Verdict(right=False, mood="neutral")] * 3
    before, after = [told(share) for share in shares], [told(share, *wrong) for share in shares]
    assert after.count("angry") < before.count("angry")
    assert after.count("neutral") > before.count("neutral")
    assert after[-1] == before[-1] == "angry"


def test_answers_that_are_forgotten_have_no_effect_from_then_on() -> None:
    scene = Scene()
    scene.play(30, "angry")
    before = lesson(scene.room).thresholds
    scene.room.judge(Verdict(right=False), scene.now)
    changed = lesson(scene.room).thresholds
    assert changed["angry"].enter > changed["angry"].usual == before["angry"].enter
    assert changed["angry"].leave > before["angry"].leave
    assert changed["angry"].shift == 0.04
    assert changed["happy"] == before["happy"]
    scene.room.calibration.forget_answers()
    assert lesson(scene.room).thresholds == before


def test_no_answers_can_rule_a_mood_out() -> None:
    scene = Scene()
    scene.play(30, "angry")
    for _ in range(200):
        scene.room.judge(Verdict(right=False, mood="happy"), scene.now)
    scene.play(60, "neutral")
    assert scene.play(30, sure("angry", 0.8)) == "angry"


def test_an_answer_to_another_decision_is_refused() -> None:
    scene = Scene()
    scene.play(30, "angry")
    scene.room.judge(Verdict(right=True, decision_id=scene.room.mood().decision_id), scene.now)
    with pytest.raises(NotNowError, match="the mood has changed meanwhile: it is angry now"):
        scene.room.judge(Verdict(right=True, decision_id=uuid7()), scene.now)


def test_what_a_person_said_is_not_judged() -> None:
    scene = Scene()
    scene.room.say(MoodOverride(mood="calm"), scene.now)
    with pytest.raises(NotNowError, match="said by hand"):
        scene.room.judge(Verdict(right=False), scene.now)


def test_what_is_never_decided_is_refused() -> None:
    room = Room(MoodRules(fold="quadrants"), START)
    with pytest.raises(UnknownMoodError, match="'angry' is never decided; calm, pleasant, low, tense are"):
        room.judge(Verdict(right=False, mood="angry"), START)


def test_what_was_taught_survives_a_restart() -> None:
    scene = measured(Scene(), SAD_AT_REST)
    scene.room.judge(Verdict(right=False, mood="neutral"), scene.now)
    kept = RoomState.model_validate_json(scene.room.state.model_dump_json())
    again = Room(MoodRules(), scene.now, kept)
    assert lesson(again) == lesson(scene.room)


def test_a_state_from_before_there_was_calibration_is_read() -> None:
    assert RoomState.model_validate_json('{"mood": null, "override": null}').calibration == Calibration()


def test_thresholds_stay_in_order_and_in_range() -> None:
    for enter in (0.05, 0.5, 0.95):
        room = Room(MoodRules(enter_confidence=enter, leave_confidence=enter), START)
        for verdict in (Verdict(right=False), Verdict(right=False, mood="sad")):
            for _ in range(20):
                room.judge(verdict, START)
            for one in lesson(room).thresholds.values():
                assert 0 <= one.leave <= one.enter <= 1


def test_more_answers_never_move_a_threshold_back() -> None:
    moved = [shifts([answer("sad")] * count).get("sad", 0) for count in range(10)]
    assert all(before <= after for before, after in pairwise(moved))


CONTEMPTUOUS_AT_REST = {"neutral": 0.55, "contemptuous": 0.4, "sad": 0.05}


@pytest.mark.parametrize(
    ("face", "mood"),
    [({"happy": 0.5, "angry": 0.5}, UNKNOWN), ({"angry": 0.45, "sad": 0.55}, UNKNOWN), ({"angry": 1.0}, "tense")],
    ids=str,
)
def test_an_expression_that_is_weighed_down_leaves_those_that_fold_to_the_same_mood_alone(
    face: dict[str, float], mood: str
) -> None:
    taught = Room(
        MoodRules(fold="quadrants"),
        START,
        RoomState(calibration=Calibration(baseline=baseline(**CONTEMPTUOUS_AT_REST))),
    )
    assert set(taught.calibration.factors) == {"contemptuous"}
    assert Scene(room=taught).play(60, face) == mood
