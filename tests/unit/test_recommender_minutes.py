"""Minutes are measured by how long each mood stood."""

import pytest

from services.contracts.messages import Mood
from services.recommender.minutes import MAX_MOODS, Meter, Minute
from tests.unit.recommender_doubles import START_S, mood_of

HOLDS_S = 90.0


def heard(*moods: tuple[float, str | Mood], until: float) -> list[Minute]:
    """Return the minutes of moods that are heard at these seconds after a full minute, looked at until the last."""
    meter = Meter("home", HOLDS_S)
    done: list[Minute] = []
    for at, mood in moods:
        done += meter.hear(mood_of(mood) if isinstance(mood, str) else mood, START_S + at)
    return done + meter.look(START_S + until)


def seconds(minutes: list[Minute]) -> list[tuple[float, dict[str, float]]]:
    """Return when each minute began, and how long each mood stood."""
    return [
        (minute.started_at - START_S, {held.mood: round(held.seconds, 6) for held in minute.held}) for minute in minutes
    ]


@pytest.mark.parametrize(
    ("moods", "until", "expected"),
    [
        pytest.param([(0, "happy")], 59, [], id="a minute that is not over"),
        pytest.param([(0, "happy")], 60, [(0, {"happy": 60})], id="a whole minute"),
        pytest.param([(20, "happy")], 60, [(20, {"happy": 40})], id="a minute that began late"),
        pytest.param([(0, "happy"), (15, "sad")], 60, [(0, {"happy": 15, "sad": 45})], id="two moods"),
        pytest.param(
            [(0, "happy"), (10, "sad"), (20, "happy")], 60, [(0, {"happy": 50, "sad": 10})], id="back and forth"
        ),
        pytest.param([(30, "sad")], 120, [(30, {"sad": 30}), (60, {"sad": 60})], id="over the border"),
        pytest.param([(0, "happy"), (30, "happy")], 60, [(0, {"happy": 60})], id="said again"),
        pytest.param([(0, "happy")], 500, [(0, {"happy": 60}), (60, {"happy": 30})], id="not said again"),
        pytest.param(
            [(0, "happy"), (200, "sad")], 240, [(0, {"happy": 60}), (60, {"happy": 30}), (200, {"sad": 40})], id="a gap"
        ),
        pytest.param([(0, "happy"), (10_000_000, "sad")], 10_000_000, [(0, {"happy": 60}), (60, {"happy": 30})],
                     id="the machine slept"),
        pytest.param([(50, "happy"), (5, "sad")], 60, [(5, {"sad": 55})], id="the clock was set back"),
        pytest.param([(10, "happy"), (30, "happy"), (5, "sad")], 60, [(10, {"happy": 20}), (5, {"sad": 55})],
                     id="the clock was set back after a while"),
    ],
)  # fmt: skip
def test_a_mood_counts_for_as_long_as_it_stood(
    moods: list[tuple[float, str | Mood]], until: float, expected: list[tuple[float, dict[str, float]]]
) -> None:
    assert seconds(heard(*moods, until=until)) == expected


def test_a_minute_is_the_same_however_often_it_is_looked_at() -> None:
    meter = Meter("home", HOLDS_S)
    meter.hear(mood_of("happy"), START_S)
    minutes = [minute for step in range(1, 601) for minute in meter.look(START_S + step / 10)]
    assert seconds(minutes) == [(0, {"happy": 60})]


def test_means_weigh_by_time_people_are_at_most_and_samples_are_per_window() -> None:
    first = mood_of("happy").model_copy(
        update={"valence": 0.8, "arousal": 0.4, "confidence": 0.9, "people": 2, "samples": 30, "window_s": 15}
    )
    second = first.model_copy(update={"valence": 0.2, "arousal": 0.0, "confidence": 0.5, "people": 1, "samples": 60})
    ((one,),) = [minute.held for minute in heard((0, first), (45, second), until=60)]
    assert (one.mood, one.seconds, one.people) == ("happy", 60, 2)
    assert (one.valence, one.arousal, one.confidence, one.samples) == pytest.approx((0.65, 0.3, 0.8, 90 + 60))


def test_a_flood_of_moods_is_bounded() -> None:
    (minute,) = heard(*((number / 2, f"mood_{number}") for number in range(100)), until=60)
    assert len(minute.held) == MAX_MOODS


def test_what_has_begun_is_given_up_at_the_end() -> None:
    meter = Meter("home", HOLDS_S)
    meter.hear(mood_of("happy"), START_S)
    meter.look(START_S + 20)
    assert seconds(meter.stop()) == [(0, {"happy": 20})]
    assert meter.stop() == []


@pytest.mark.parametrize(("start", "end", "left"), [(0, 60, 20), (60, 120, 60), (-60, 0, 60), (39, 100, 20)])
def test_what_has_begun_can_be_forgotten(start: float, end: float, left: float) -> None:
    meter = Meter("home", HOLDS_S)
    meter.hear(mood_of("happy"), START_S)
    meter.look(START_S + 40)
    meter.forget(START_S + start, START_S + end)
    assert seconds(meter.look(START_S + 60)) == [(60 - left, {"happy": left})]
