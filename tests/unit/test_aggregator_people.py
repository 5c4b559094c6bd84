from dataclasses import replace
from typing import Literal
from uuid import UUID

import pytest

from services.aggregator.people import FUSIONS, people
from services.aggregator.room import Room
from services.aggregator.window import TrackEvidence
from services.contracts.messages import CameraState
from services.contracts.moods import EXPRESSION_POINTS, EXPRESSIONS, QUADRANTS, UNKNOWN
from services.runtime.mood_settings import MoodRules
from tests.unit.aggregator_doubles import FPS, START, Scene, fused, seen, shows, sure


def track(
    mood: str, *, first: float = 0, last: float = 15, camera: str = "left", weight: float = 5, probability: float = 0.8
) -> TrackEvidence:
    return TrackEvidence(
        sure(mood, probability), weight, 50, START + last, START + first, camera, shows(mood, 100 * probability)
    )


def share(tracks: list[TrackEvidence], mood: str, fusion: str = "average") -> float:
    return fused(people(tracks), START + 15, fusion=fusion).distribution[mood]


def test_tracks_that_follow_each_other_are_one_person() -> None:
    broken = [track("happy", first=start, last=start + 1) for start in range(0, 15, 3)]
    [one] = people(broken)
    assert (one.samples, one.weight, one.first_at, one.last_at) == (250, 25, START, START + 13)


def test_who_is_lost_again_and_again_has_one_vote() -> None:
    broken = [track("sad", first=start, last=start + 2) for start in range(0, 15, 3)]
    assert share([*broken, track("happy")], "happy") == pytest.approx(
        share([track("sad"), track("happy")], "happy"), 0.1
    )


def test_tracks_at_the_same_time_are_two_people() -> None:
    assert len(people([track("happy"), track("happy")])) == 2


def test_two_cameras_that_see_the_same_face_count_it_once() -> None:
    [one] = people([track("happy"), track("happy", camera="right", probability=0.7)])
    assert one.samples == 100
    both = [track("happy"), track("happy", camera="right"), track("sad")]
    assert share(both, "happy") == pytest.approx(share([track("happy"), track("sad")], "happy"), abs=0.05)


@pytest.mark.parametrize(
    "other",
    [track("sad", camera="right"), track("happy", first=20, last=25, camera="right")],
    ids=["another expression", "another time"],
)
def test_faces_that_cannot_be_the_same_count_for_themselves(other: TrackEvidence) -> None:
    assert len(people([track("happy"), other])) == 2


def test_two_faces_of_one_camera_never_have_the_same_counterpart() -> None:
    assert len(people([track("happy"), track("happy"), track("happy", camera="right")])) == 2


def test_three_cameras_that_see_the_same_face_count_it_once() -> None:
    assert len(people([track("sad", camera=camera) for camera in ("left", "middle", "right")])) == 1


def test_a_room_with_two_cameras_tells_one_person() -> None:
    scene = Scene()
    scene.room.hear("other", CameraState.OK, START)
    for frame in range(100):
        now = START + frame / 5
        scene.room.observe(seen(now, "happy"), now)
        scene.room.observe(seen(now, "happy", camera="other", track=7), now)
        scene.room.look(now)
    assert (scene.room.mood().mood, scene.room.mood().people) == ("happy", 1)


def test_a_camera_that_restarts_numbers_other_people() -> None:
    scene = Scene()
    for frame in range(50):
        now = START + frame / 5
        scene.room.observe(seen(now, "happy", frame=f"camera-a1-{frame}"), now)
    for frame in range(50):
        now = START + 10 + frame / 5
        assert scene.room.observe(seen(now, "happy", frame=f"camera-b2-{frame}"), now) is None
    scene.room.look(START + 20)
    assert scene.room.mood().people == 1


def test_a_frame_may_be_called_anything() -> None:
    scene = Scene()
    for frame in range(100):
        now = START + frame / 5
        assert scene.room.observe(seen(now, "happy", frame=str(UUID(int=frame << 64))), now) is None
        scene.room.look(now)
    assert (scene.room.mood().mood, scene.room.mood().people) == ("happy", 1)


@pytest.mark.parametrize(
    ("fusion", "moods", "leader"),
    [
        ("average", ["happy", "happy", "sad"], "happy"),
        ("majority", ["happy", "happy", "sad"], "happy"),
        ("majority", ["neutral", "neutral", "sad"], "neutral"),
        ("strongest", ["neutral", "neutral", "sad"], "sad"),
        ("strongest", ["neutral"], "neutral"),
    ],
)
def test_who_is_heard(fusion: str, moods: list[str], leader: str) -> None:
    assert fused([track(mood) for mood in moods], START, fusion=fusion).leader == leader


def test_a_majority_is_not_diluted_by_the_others() -> None:
    crowd = [track("happy"), track("happy"), track("sad")]
    assert share(crowd, "happy", "majority") == pytest.approx(0.8)
    assert share(crowd, "happy") < 0.6


@pytest.mark.parametrize("fusion", ["average", "majority"])
@pytest.mark.parametrize("qualities", [(0.9, 0.6), (0.6, 0.9), (0.9, 0.2), (0.9, 0.9)])
def test_neither_of_two_who_differ_is_a_majority_however_well_they_are_seen(
    fusion: Literal["average", "majority"], qualities: tuple[float, float]
) -> None:
    room = Scene(MoodRules(fusion=fusion)).room
    for frame in range(300):
        now = START + frame / 5
        for track, (mood, quality) in enumerate(zip(("happy", "sad"), qualities, strict=True)):
            room.observe(seen(now, sure(mood, 0.9), track=track, quality=quality), now)
        if frame % 5 == 0:
            room.look(now)
            assert room.mood().mood == UNKNOWN


def test_two_of_three_are_a_majority_though_seen_less_well() -> None:
    crowd = [track("happy", weight=20), track("sad", weight=0.6), track("sad", weight=0.6)]
    assert fused(crowd, START, fusion="majority").leader == "sad"


def test_who_is_hardly_seen_is_no_head() -> None:
    crowd = [track("happy"), track("sad", weight=0.1)]
    assert share(crowd, "happy", "majority") == pytest.approx(0.8)
    crowd = [track("happy"), track("sad"), track("sad", weight=0.1)]
    assert fused(crowd, START, fusion="majority") == fused(crowd, START, fusion="average")


def test_where_nobody_has_a_majority_everyone_is_heard() -> None:
    crowd = [track("happy"), track("sad"), track("angry")]
    assert fused(crowd, START, fusion="majority") == fused(crowd, START, fusion="average")


def test_the_strongest_is_no_glimpse() -> None:
    assert share([track("happy"), track("angry", weight=0.05)], "happy", "strongest") == pytest.approx(0.8)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_nobody_says_nothing(fusion: str) -> None:
    assert fused([], START, fusion=fusion).leader == UNKNOWN
    assert fused([TrackEvidence({}, 0, 3, START)], START, fusion=fusion).distribution == {}


@pytest.mark.parametrize("fusion", FUSIONS)
def test_any_fusion_gives_a_distribution(fusion: str) -> None:
    evidence = fused([track("happy"), track("sad", weight=1), track("angry", probability=0.4)], START, fusion=fusion)
    assert sum(evidence.distribution.values()) == pytest.approx(1)
    assert sum(evidence.belief.values()) <= 1 + 1e-9


def test_folded_moods_add_up_what_they_consist_of() -> None:
    evidence = fused(
        [TrackEvidence({"angry": 0.3, "fearful": 0.3, "sad": 0.4}, 5, 50, START)], START, folding=QUADRANTS
    )
    assert evidence.distribution == pytest.approx({"tense": 0.6, "low": 0.4})


def test_the_place_of_a_folded_mood_is_that_of_its_expressions() -> None:
    evidence = fused([TrackEvidence({"angry": 1.0}, 5, 50, START)], START, folding=QUADRANTS)
    assert evidence.place == pytest.approx(EXPRESSION_POINTS["angry"])


def test_a_majority_is_of_folded_moods() -> None:
    crowd = [track("angry"), track("fearful"), track("happy")]
    assert fused(crowd, START, fusion="majority", folding=QUADRANTS).leader == "tense"


def test_a_room_with_four_moods_tells_them_with_their_place() -> None:
    scene = Scene(MoodRules(fold="quadrants"))
    assert scene.play(20, "fearful") == "tense"
    mood = scene.room.mood()
    assert set(mood.distribution) == {"pleasant", "tense", "low", "calm"}
    assert mood.valence < -0.3
    assert mood.arousal > 0.3


def test_two_kinds_of_tension_are_one_folded_mood() -> None:
    assert Scene().play(20, "fearful", "angry") == UNKNOWN
    assert Scene(MoodRules(fold="quadrants")).play(20, "fearful", "angry") == "tense"


def test_views_that_contradict_each_other_leave_something_of_what_each_showed() -> None:
    one = [TrackEvidence(sure(mood), 5, 50, START + 15, START, mood, shows(mood, 1e300)) for mood in ("happy", "sad")]
    [joined] = people(
        [replace(one[0], camera="left", last_at=START + 3), replace(one[1], camera="left", first_at=START + 4)]
    )
    assert {max(found) for found in joined.slices.values()} == {1.0}
    assert fused([joined], START + 15).belief["happy"] == pytest.approx(fused([joined], START + 15).belief["sad"])


@pytest.mark.parametrize(("window_s", "break_s"), [(600, 15), (900, 22)])
def test_faces_that_are_lost_again_and_again_in_a_long_window_are_a_person_like_any_other(
    window_s: int, break_s: int
) -> None:
    room = Room(MoodRules(window_s=window_s), START)
    for second in range(window_s):
        track = second // break_s
        for frame in range(FPS):
            at = START + second + frame / FPS
            room.observe(seen(at, sure(EXPRESSIONS[5 * track % 8], 0.99), track=track), at)
        if second % 10 == 0:
            room.look(START + second + 1)
    assert room.mood().people == 1
