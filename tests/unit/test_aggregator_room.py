import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.aggregator.cameras import MAX_CAMERAS
from services.aggregator.room import Room
from services.aggregator.state import Baseline, Calibration, RoomState
from services.aggregator.window import Refusal
from services.contracts.messages import CameraState, MoodSource
from services.contracts.moods import EXPRESSIONS, NOBODY, UNKNOWN
from services.runtime.settings import Aggregator
from tests.unit.aggregator_doubles import FPS, START, Scene, seen, sure

SETTINGS = Aggregator()


def at(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)


def noisy(mood: str, seed: int, *, misread: float = 0.2) -> Iterator[dict[str, float]]:
    """Yield what a model says of a steady face: unsure, and now and then something else."""
    chance = random.Random(seed)
    while True:
        label = chance.choice(EXPRESSIONS) if chance.random() < misread else mood
        yield sure(label, chance.uniform(0.55, 0.95))


def play_noisy(scene: Scene, seconds: float, stream: Iterator[dict[str, float]]) -> str:
    for _ in range(round(seconds * 5)):
        scene.play(0.2, next(stream))
    return scene.moods[-1]


@pytest.mark.parametrize("mood", EXPRESSIONS)
def test_the_first_mood_is_known_within_twenty_seconds(mood: str) -> None:
    assert 15 <= Scene().until(mood, mood) <= 20


@pytest.mark.parametrize(
    ("mood", "common", "even"),
    [
        ("neutral", 0.70, 0.89),
        ("happy", 0.66, 0.88),
        ("sad", 0.57, 0.82),
        ("surprised", 0.57, 0.82),
        ("angry", 0.53, 0.77),
        ("fearful", 0.45, 0.66),
        ("contemptuous", 0.37, 0.56),
        ("disgusted", 0.38, 0.57),
    ],
)
def test_a_mood_is_known_within_twenty_seconds_from_the_documented_share_of_its_answers(
    mood: str, common: float, even: float
) -> None:
    def spread(share: float) -> dict[str, float]:
        return {label: share if label == mood else (1 - share) / 7 for label in EXPRESSIONS}

    for enough in (sure(mood, common + 0.01), spread(even + 0.01), spread(0.9)):
        assert 15 <= Scene().until(mood, enough) <= 20
    for unclear in (sure(mood, common - 0.08), spread(even - 0.08)):
        assert Scene().play(60, unclear) == UNKNOWN


def test_of_a_tie_the_likeliest_is_half_sure_at_most() -> None:
    scene = Scene()
    assert scene.play(40, {"neutral": 0.5, "disgusted": 0.5}) == UNKNOWN
    assert scene.room.mood().confidence == 0.5


def test_before_a_mood_is_entered_unknown_says_how_sure_it_is() -> None:
    scene = Scene()
    assert scene.play(12, "happy") == UNKNOWN
    assert scene.room.mood().confidence > 0.9


@pytest.mark.parametrize("mood", EXPRESSIONS)
def test_a_noisy_stream_never_flips_the_mood(mood: str) -> None:
    scene = Scene()
    play_noisy(scene, 600, noisy(mood, seed=EXPRESSIONS.index(mood)))
    assert set(scene.moods) == {UNKNOWN, mood}


@pytest.mark.parametrize("misread_s", [0.2, 1, 2, 3, 4])
def test_a_brief_confident_misreading_does_not_flip_the_mood(misread_s: float) -> None:
    scene = Scene()
    for _ in range(10):
        scene.play(20, "happy")
        scene.play(misread_s, sure("angry", 0.98))
    assert set(scene.moods) == {UNKNOWN, "happy"}


@pytest.mark.parametrize("before", EXPRESSIONS)
@pytest.mark.parametrize("after", ["happy", "neutral", "angry"])
def test_a_true_change_is_recognised_within_window_and_dwell(before: str, after: str) -> None:
    scene = Scene()
    scene.play(120, before)
    assert scene.until(after, after) <= SETTINGS.window_s + SETTINGS.dwell_s


def test_a_true_change_under_noise_is_recognised_within_window_and_dwell() -> None:
    for seed in range(20):
        scene = Scene()
        play_noisy(scene, 60, noisy("happy", seed))
        assert play_noisy(scene, SETTINGS.window_s + SETTINGS.dwell_s, noisy("sad", seed + 100)) == "sad"


@pytest.mark.parametrize("held_up", [2, 5, 10])
def test_frames_that_overtake_each_other_or_come_twice_make_the_mood_that_they_make_in_order(held_up: int) -> None:
    chance, faces = random.Random(held_up), noisy("sad", seed=held_up)
    frames = [seen(START + number / 5, next(faces)) for number in range(200)]
    shuffled = [one for begin in range(0, 200, held_up) for one in chance.sample(frames[begin:][:held_up], held_up)]
    found = []
    for order in (frames, shuffled):
        room = Room(SETTINGS, START)
        room.hear("camera", CameraState.OK, START)
        for number, frame in enumerate(order):
            now = START + (number // held_up + 1) * held_up / 5
            assert room.observe(frame, now) is None
            assert room.observe(frame, now) is Refusal.DUPLICATE
            room.look(now)
        found.append(room.mood())
    assert [mood.mood for mood in found] == ["sad"] * 2
    assert found[0].samples == found[1].samples


def test_a_single_frame_never_makes_a_mood() -> None:
    scene = Scene()
    scene.play(0.2, sure("angry", 1))
    assert scene.play(20) == UNKNOWN


def test_two_who_differ_make_an_unknown_mood() -> None:
    scene = Scene()
    assert scene.play(30, "happy", "sad") == UNKNOWN
    assert scene.room.mood().people == 2


@pytest.mark.parametrize("pair", [("happy", "sad"), ("neutral", "angry"), ("surprised", "neutral")])
def test_two_who_differ_and_are_misread_now_and_then_make_no_mood(pair: tuple[str, str]) -> None:
    scene = Scene()
    one, two = noisy(pair[0], seed=1), noisy(pair[1], seed=2)
    for _ in range(300 * 5):
        scene.play(0.2, next(one), next(two))
    assert scene.moods == [UNKNOWN]


def test_two_who_agree_make_a_mood() -> None:
    assert Scene().play(30, "happy", "happy") == "happy"


def test_who_passes_by_does_not_change_the_mood() -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.play(2, "happy", "angry")
    scene.play(30, "happy")
    assert set(scene.moods) == {UNKNOWN, "happy"}
    assert scene.moods[-1] == "happy"


def test_an_unsure_model_makes_an_unknown_mood() -> None:
    assert Scene().play(30, sure("sad", 0.3)) == UNKNOWN


def test_who_looks_away_for_a_moment_keeps_the_mood() -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.play(8)
    scene.play(10, "happy")
    assert scene.moods == [UNKNOWN, "happy"]


def test_an_empty_room_becomes_unknown_and_then_nobody() -> None:
    scene = Scene()
    scene.play(30, "happy")
    assert scene.play(29) == UNKNOWN
    assert scene.play(2) == NOBODY
    mood = scene.room.mood()
    assert (mood.people, mood.samples, mood.distribution, mood.valence, mood.confidence) == (0, 0, {}, 0, 1)
    scene.play(20, "sad")
    assert [mood for mood in scene.moods if mood != UNKNOWN] == ["happy", NOBODY, "sad"]


def test_who_comes_into_an_empty_room_is_not_believed_to_feel_as_the_last_one_did() -> None:
    ambiguous = {label: {"sad": 0.4, "neutral": 0.5}.get(label, 0.1 / 6) for label in EXPRESSIONS}
    scene, fresh = Scene(), Scene()
    scene.play(120, "sad")
    assert scene.play(40) == NOBODY
    scene.play(30, ambiguous)
    fresh.play(30, ambiguous)
    assert scene.room.mood().confidence == pytest.approx(fresh.room.mood().confidence, abs=0.01)


@pytest.mark.parametrize("before_s", [0, 40])
def test_a_face_in_the_curtain_is_nobody_from_the_start_and_afterwards(before_s: float) -> None:
    scene = Scene()
    scene.play(before_s)
    for _ in range(10):
        scene.play(0.2, "angry")
        scene.play(19.8)
    assert scene.moods == [UNKNOWN, NOBODY]


@pytest.mark.parametrize("every_s", [2, 10])
def test_who_is_seen_now_and_then_by_a_slow_source_is_there(every_s: float) -> None:
    scene = Scene()
    for _ in range(120 // round(every_s)):
        scene.play(0.2, "neutral")
        scene.play(every_s - 0.2)
    assert scene.moods == [UNKNOWN]
    scene.play(40)
    assert scene.moods == [UNKNOWN, NOBODY]
    for _ in range(4):
        scene.play(0.2, "neutral")
        scene.play(every_s - 0.2)
    assert scene.moods == [UNKNOWN, NOBODY, UNKNOWN]


def test_what_the_broker_retained_of_a_camera_is_no_sign_that_it_works() -> None:
    room = Room(Aggregator(nobody_after_s=10), START)
    room.hear("camera", CameraState.OK, START, retained=True)
    for second in range(1, 61):
        room.look(START + second)
        assert room.mood().mood == UNKNOWN
    room.hear("camera", CameraState.OK, START + 60)
    room.look(START + 61)
    assert room.mood().mood == NOBODY


def test_a_mood_stands_when_a_resting_face_is_forgotten() -> None:
    looks_sad = Baseline(measured_at=at(START), samples=300, distribution={"neutral": 0.5, "sad": 0.5})
    taught = Scene(room=Room(SETTINGS, START, RoomState(calibration=Calibration(baseline=looks_sad))))
    taught.play(30, "happy")
    assert taught.room.calibration.factors
    taught.room.calibration.forget_baseline()
    taught.play(1)
    assert taught.room.evidence.samples == 0
    taught.play(40, "happy")
    assert taught.moods == [UNKNOWN, "happy"]


@pytest.mark.parametrize("state", [state for state in CameraState if state is not CameraState.OK])
def test_a_camera_that_cannot_see_makes_the_room_unknown_never_nobody(state: CameraState) -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.room.hear("camera", state, scene.now)
    scene.play(120, state=state)
    assert scene.moods == [UNKNOWN, "happy", UNKNOWN]


def test_a_camera_that_falls_silent_makes_the_room_unknown_never_nobody() -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.play(120, state=None)
    assert scene.moods == [UNKNOWN, "happy", UNKNOWN]


def test_an_empty_room_whose_camera_goes_is_unknown_again() -> None:
    scene = Scene()
    assert scene.play(40) == NOBODY
    assert scene.play(40, state=CameraState.OFFLINE) == UNKNOWN


def test_privacy_is_unknown_at_once_and_forgets_what_was_seen() -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.room.hear("camera", CameraState.PRIVATE, scene.now)
    mood = scene.room.mood()
    assert (mood.mood, mood.samples, mood.distribution) == (UNKNOWN, 0, {})
    assert scene.room.observe(seen(scene.now, "happy"), scene.now) is Refusal.PRIVATE
    scene.play(30, state=CameraState.PRIVATE)
    assert scene.room.mood().decision_id == mood.decision_id


def test_one_private_camera_does_not_blind_the_room() -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.room.hear("other", CameraState.PRIVATE, scene.now)
    assert scene.play(10, "happy") == "happy"
    assert scene.play(40) == NOBODY


def test_a_camera_that_stays_private_does_not_stop_what_another_measures() -> None:
    scene = Scene()
    scene.room.hear("other", CameraState.PRIVATE, scene.now)
    scene.room.measure_neutral(scene.now)
    for _ in range(62):
        scene.room.hear("other", CameraState.PRIVATE, scene.now)
        scene.play(1, "neutral")
    assert scene.room.calibration.state.baseline is not None


def test_a_camera_that_goes_private_ends_a_measurement_and_says_why() -> None:
    scene = Scene()
    scene.room.measure_neutral(scene.now)
    scene.room.hear("camera", CameraState.PRIVATE, scene.now)
    assert scene.room.calibration.measuring_until is None
    assert "went private" in scene.room.calibration.problem


def test_a_camera_that_restarts_does_not_cost_the_mood() -> None:
    scene = Scene()
    scene.play(30, "happy")
    scene.room.hear("camera", CameraState.OFFLINE, scene.now)
    scene.play(3, state=None)
    scene.room.hear("camera", CameraState.OK, scene.now)
    scene.play(30, "happy")
    assert scene.moods == [UNKNOWN, "happy"]


def test_cameras_are_bounded() -> None:
    room = Room(SETTINGS, START)
    for number in range(MAX_CAMERAS):
        room.hear(f"camera{number}", CameraState.OFFLINE, START)
    room.hear("one_more", CameraState.OK, START)
    assert room.observe(seen(START, camera="one_more"), START) is Refusal.FLOOD
    assert room.observe(seen(START, camera="camera0"), START) is None


def test_a_new_room_says_nothing_until_it_knows_or_has_looked_for_long() -> None:
    scene = Scene()
    scene.play(10, "happy")
    assert not scene.room.has_mood(scene.now)
    scene.play(10, "happy")
    assert scene.room.has_mood(scene.now)


def test_a_new_room_says_unknown_of_a_face_sooner_than_of_none() -> None:
    face, no_face = Scene(), Scene()
    assert face.play(28, sure("sad", 0.3)) == no_face.play(28) == UNKNOWN
    assert not face.room.has_mood(face.now)
    face.play(1, sure("sad", 0.3))
    no_face.play(1)
    assert face.room.has_mood(face.now)
    assert not no_face.room.has_mood(no_face.now)
    no_face.play(1)
    assert no_face.room.has_mood(no_face.now)


def test_the_mood_carries_its_evidence() -> None:
    scene = Scene()
    scene.play(30, sure("happy", 0.8))
    mood = scene.room.mood()
    assert (mood.people, mood.window_s, mood.source) == (1, 15, MoodSource.CAMERA)
    assert 70 <= mood.samples <= 80
    assert 0.95 < mood.confidence <= 1
    assert mood.distribution["happy"] == pytest.approx(0.8, abs=0.001)
    assert 0.5 < mood.valence < 0.81
    assert at(START + 10) < mood.since < at(START + 20)


def test_a_decision_has_one_id_until_it_changes() -> None:
    scene = Scene()
    scene.play(30, "happy")
    first = scene.room.mood().decision_id
    scene.play(30, "happy")
    assert scene.room.mood().decision_id == first
    scene.play(30, "sad")
    assert scene.room.mood().decision_id != first


def test_a_clock_that_is_set_back_does_not_stop_decisions() -> None:
    room = Room(SETTINGS, START)
    room.hear("camera", CameraState.OK, START)
    for half in range(60):
        now = START - 7200 + half / 2
        room.observe(seen(now, "happy"), now)
        room.look(now)
    assert room.mood().mood == "happy"
    for half in range(90):
        room.hear("camera", CameraState.OK, START - 7170 + half / 2)
        room.look(START - 7170 + half / 2)
    assert room.mood().mood == NOBODY


def test_times_are_utc() -> None:
    scene = Scene()
    scene.play(30, "happy")
    assert scene.room.mood().since.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "face",
    [{"happy": 0.5, "sad": 0.5}, {"neutral": 0.5, "angry": 0.5}, {"neutral": 0.6, "fearful": 0.4}],
    ids=" ".join,
)
def test_a_tie_or_what_is_shown_less_than_something_else_is_no_mood_however_long_it_is_shown(
    face: dict[str, float],
) -> None:
    scene = Scene()
    assert scene.play(60, face) == UNKNOWN
    assert scene.moods == [UNKNOWN]


@pytest.mark.parametrize("pair", [("happy", "sad"), ("neutral", "angry")])
def test_a_tie_that_flickers_is_no_mood(pair: tuple[str, str]) -> None:
    scene, chance = Scene(), random.Random(1)
    for _ in range(600 * 5):
        one, two = (math.exp(chance.gauss(0, 0.3)) for _ in pair)
        scene.play(0.2, {pair[0]: one / (one + two), pair[1]: two / (one + two)})
    assert scene.moods == [UNKNOWN]


@pytest.mark.parametrize(
    ("before", "face"),
    [
        ("happy", {"happy": 0.5, "sad": 0.5}),
        ("sad", {"happy": 0.5, "sad": 0.5}),
        ("neutral", {"neutral": 0.7, "contemptuous": 0.3}),
        ("contemptuous", {"neutral": 0.7, "contemptuous": 0.3}),
    ],
)
def test_a_mood_ends_in_a_tie_or_where_something_else_is_shown_more(before: str, face: dict[str, float]) -> None:
    scene = Scene()
    assert scene.play(30, before) == before
    assert scene.play(35, face) == UNKNOWN
    scene.play(60, face)
    assert scene.moods == [UNKNOWN, before, UNKNOWN]


def test_a_tie_that_flickers_more_is_a_mood_seldom_and_for_moments() -> None:
    scene, chance, shown_s = Scene(), random.Random(3), 0
    for _ in range(2 * 3600):
        for _ in range(5):
            one, two = (math.exp(chance.gauss(0, 0.4)) for _ in range(2))
            scene.play(0.2, {"neutral": one / (one + two), "angry": two / (one + two)})
        shown_s += scene.moods[-1] != UNKNOWN
    assert len(scene.moods) <= 1 + 2 * 4
    assert shown_s < 2 * 3600 / 100


def test_two_who_differ_have_a_mood_together_where_what_they_feel_folds_to_one() -> None:
    assert Scene(Aggregator(fold="quadrants")).play(30, "happy", "surprised") == "pleasant"
    assert Scene(Aggregator(fold={"angry": "tense", "fearful": "tense"})).play(30, "angry", "fearful") == "tense"
    assert Scene(Aggregator(fold="quadrants")).play(30, "happy", "angry") == UNKNOWN


def test_two_of_three_who_feel_alike_make_the_mood() -> None:
    assert Scene().play(40, "happy", "happy", "sad") == "happy"
    assert Scene().play(40, "happy", "sad", "neutral") == UNKNOWN


def test_nobody_ends_when_a_face_has_been_seen_for_a_moment_and_not_with_its_mood() -> None:
    scene = Scene()
    assert scene.play(32) == NOBODY
    assert scene.play(4, "happy") == UNKNOWN
    assert scene.play(14, "happy") == "happy"
    assert scene.moods == [UNKNOWN, NOBODY, UNKNOWN, "happy"]


def test_a_mood_ends_when_nothing_is_left_that_speaks_for_it() -> None:
    scene = Scene()
    assert scene.play(30, "happy") == "happy"
    scene.play(14)
    assert scene.room.mood().mood == "happy"
    assert scene.play(3) == UNKNOWN
    assert scene.play(15) == NOBODY


def test_who_comes_after_nobody_is_somebody_else_though_the_window_is_longer() -> None:
    scene = Scene(Aggregator(window_s=120))
    assert scene.play(40, "happy") == "happy"
    assert scene.play(60) == NOBODY
    assert scene.room.mood().since == at(scene.now - 30)
    assert scene.play(4, "sad") == UNKNOWN
    assert scene.room.mood().samples == 4 * FPS
