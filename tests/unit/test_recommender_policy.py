"""What a policy makes of a mood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.messages import Mood, MoodSource, Policy, PolicyMode
from services.contracts.moods import EXPRESSION_POINTS, Point
from services.recommender.policy import CALM_GOAL, GUIDE_GOAL, GUIDE_S, mode_for, reason, target
from tests.unit.recommender_doubles import mood_of

axis = st.floats(-1, 1)
points = st.builds(Point, axis, axis)


def test_an_exception_beats_the_mode() -> None:
    policy = Policy(mode=PolicyMode.LIFT, exceptions={"happy": PolicyMode.MIRROR})
    assert mode_for(policy, "happy") is PolicyMode.MIRROR
    assert mode_for(policy, "sad") is PolicyMode.LIFT


def test_off_has_no_target() -> None:
    assert target(PolicyMode.OFF, Point(0.5, 0.5), 0) is None


@given(points)
def test_mirror_is_where_the_mood_is(point: Point) -> None:
    assert target(PolicyMode.MIRROR, point, 1000) == point


@given(points, st.floats(0, 10_000), st.sampled_from([PolicyMode.LIFT, PolicyMode.CALM, PolicyMode.GUIDE]))
def test_every_target_lies_on_the_plane(point: Point, since_s: float, mode: PolicyMode) -> None:
    goal = target(mode, point, since_s)
    assert goal
    assert -1 <= goal.valence <= 1
    assert -1 <= goal.arousal <= 1


@given(points)
def test_lift_never_lowers_valence_and_ends_up_pleasant(point: Point) -> None:
    goal = target(PolicyMode.LIFT, point, 0)
    assert goal
    assert goal.valence >= max(point.valence, 0.3)
    assert goal.arousal > 0


@given(points)
def test_calm_never_raises_arousal_and_ends_up_calm(point: Point) -> None:
    goal = target(PolicyMode.CALM, point, 0)
    assert goal
    assert goal.arousal <= min(point.arousal, -0.2)
    assert goal.valence >= 0.2


def test_calm_leaves_what_is_calm_already() -> None:
    goal = target(PolicyMode.CALM, CALM_GOAL, 0)
    assert goal == pytest.approx(CALM_GOAL)


@pytest.mark.parametrize(("since_s", "part"), [(-5, 0), (0, 0), (GUIDE_S / 2, 0.5), (GUIDE_S, 1), (10 * GUIDE_S, 1)])
def test_guide_starts_at_the_mood_and_walks_to_its_goal(since_s: float, part: float) -> None:
    sad = EXPRESSION_POINTS["sad"]
    goal = target(PolicyMode.GUIDE, sad, since_s)
    assert goal == pytest.approx(
        (
            sad.valence + part * (GUIDE_GOAL.valence - sad.valence),
            sad.arousal + part * (GUIDE_GOAL.arousal - sad.arousal),
        )
    )


@pytest.mark.parametrize(
    ("mood", "mode", "sentence"),
    [
        (mood_of("happy"), PolicyMode.MIRROR, "The room seemed happy (72 %): an energetic song to match"),
        (mood_of("sad"), PolicyMode.LIFT, "The room seemed sad (72 %): a warm song to lift the mood"),
        (mood_of("angry"), PolicyMode.CALM, "The room seemed angry (72 %): a calm song to settle down"),
        (mood_of("sad"), PolicyMode.GUIDE, "The room seemed sad (72 %): a wistful song on the way to a better mood"),
        (
            mood_of("wide_awake", source=MoodSource.OVERRIDE),
            PolicyMode.MIRROR,
            "You asked for wide awake: an easy song to match",
        ),
        (mood_of("unknown"), PolicyMode.MIRROR, "The room's mood was not clear: an easy song to match"),
    ],
)
def test_the_reason_is_a_sentence_for_people(mood: Mood, mode: PolicyMode, sentence: str) -> None:
    goal = target(mode, Point(mood.valence, mood.arousal), 0)
    assert goal
    assert reason(mood, mode, goal) == sentence


def test_a_mood_that_is_about_to_end_is_the_last_one() -> None:
    mood = mood_of("happy").model_copy(update={"confidence": 0.22})
    assert reason(mood, PolicyMode.MIRROR, Point(0.8, 0.4)) == "The room last seemed happy: an energetic song to match"


def test_the_reason_names_the_playlist() -> None:
    sentence = "The room seemed happy (72 %): the next from the playlist “Party”"
    assert reason(mood_of("happy"), PolicyMode.MIRROR, Point(0, 0), "Party") == sentence


def test_the_reason_does_not_claim_that_a_far_song_fits() -> None:
    sentence = "The room seemed happy (72 %): the nearest song that was not heard lately"
    assert reason(mood_of("happy"), PolicyMode.MIRROR, Point(0, 0), distance=1.2) == sentence
