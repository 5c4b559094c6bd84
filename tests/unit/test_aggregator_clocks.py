import pytest

from services.aggregator.cameras import MAX_CAMERAS, STATUS_HOLDS_S, Cameras
from services.aggregator.clocks import CameraClock
from services.aggregator.room import Room
from services.aggregator.window import Refusal
from services.contracts.messages import CameraState, MoodSource
from services.contracts.moods import UNKNOWN
from services.runtime.mood_settings import Aggregator
from tests.unit.aggregator_doubles import FPS, START, Scene, seen


def delayed(clock: CameraClock, *delays: float, fps: int = 5, start: float = START) -> float:
    """Show a clock frames of these delays and return the offset that it then believes."""
    for frame, delay in enumerate(delays):
        now = start + frame / fps
        clock.ours(now - delay, now)
    return clock.offset_s


@pytest.mark.parametrize("delay", [0, 0.2, 1.5, 5, -2])
def test_clocks_that_agree_but_for_the_way_are_left_alone(delay: float) -> None:
    assert delayed(CameraClock(), *[delay] * 100) == 0


@pytest.mark.parametrize("offset", [37, -37, 3600, -3600, 20])
def test_a_steady_difference_is_allowed_for(offset: float) -> None:
    clock = CameraClock()
    delayed(clock, *[offset + wobble for wobble in (0.1, 0.9, 0.3)] * 20)
    assert clock.ours(START + 20 - offset, START + 20) == pytest.approx(START + 20, abs=0.2)


def test_a_difference_takes_five_seconds_to_be_believed() -> None:
    clock = CameraClock()
    assert delayed(clock, *[37] * 25) == 0
    assert delayed(clock, 37, start=START + 5) == 37


@pytest.mark.parametrize("delay", [START, 7 * 86_400, -7 * 86_400, 86_401])
def test_a_clock_that_was_never_set_is_not_believed(delay: float) -> None:
    assert delayed(CameraClock(), *[delay] * 100) == 0


def test_what_was_held_up_on_its_way_is_no_clock() -> None:
    clock = CameraClock()
    for burst in range(20):
        for frame in range(50):
            now = START + burst * 10 + frame / 1000
            clock.ours(now - 20 + frame / 5, now)
    assert clock.offset_s == 0


def test_a_clock_that_is_put_right_is_right_within_five_seconds() -> None:
    clock = CameraClock()
    delayed(clock, *[37] * 50)
    assert delayed(clock, *[0.1] * 27, start=START + 10) == 0


def test_a_moment_of_delay_does_not_cost_the_difference() -> None:
    clock = CameraClock()
    delayed(clock, *[37] * 50)
    assert delayed(clock, 45, 43, 41, start=START + 10) == 37


def test_a_clock_that_drifts_stays_allowed_for() -> None:
    clock = CameraClock()
    for second in range(20_000):  # 1 ms a second: twenty times as much as a bad quartz
        clock.ours(START + second - 37 - second / 1000, START + second)
    assert START + 20_000 - clock.ours(START + 20_000 - 57, START + 20_000) < 2.1


def test_the_mood_of_a_camera_with_a_wrong_clock_is_found() -> None:
    scene = Scene()
    for frame in range(125):
        now = START + frame / 5
        scene.room.observe(seen(now - 300, "happy"), now)
        scene.room.look(now)
    mood = scene.room.mood()
    assert (mood.mood, mood.source, scene.room.clock_offset_s("camera")) == ("happy", MoodSource.CAMERA, 300)


def test_a_clock_that_was_never_set_makes_no_mood() -> None:
    scene = Scene()
    for frame in range(125):
        now = START + frame / 5
        assert scene.room.observe(seen(frame / 5, "happy"), now) is Refusal.LATE
        scene.room.look(now)
    assert scene.room.mood().mood == UNKNOWN


def test_a_camera_beyond_the_limit_is_refused_until_another_is_silent() -> None:
    cameras = Cameras(START)
    for number in range(MAX_CAMERAS):
        cameras.hear(f"camera{number}", CameraState.OFFLINE, START)
    assert cameras.take(seen(START, camera="late"), START) is Refusal.FLOOD
    later = START + STATUS_HOLDS_S + 1
    cameras.hear("camera0", CameraState.OK, later)
    assert not isinstance(cameras.take(seen(later, camera="late"), later), Refusal)
    assert cameras.seeing(later)


def test_observations_alone_do_not_say_that_a_camera_works() -> None:
    cameras = Cameras(START)
    cameras.take(seen(START), START)
    assert cameras.seeing(START) is None


def test_where_no_camera_speaks_none_is_waited_for_for_ever() -> None:
    cameras = Cameras(START)
    assert cameras.seeing(START + STATUS_HOLDS_S) is None
    assert cameras.seeing(START + STATUS_HOLDS_S + 1) is False
    cameras.take(seen(START + 100), START + 100)
    assert cameras.seeing(START + 101) is None


@pytest.mark.parametrize("late_s", [0.1, 3.0, 4.5])
def test_whoever_is_seen_on_a_slow_way_is_there(late_s: float) -> None:
    room = Room(Aggregator(), START)
    room.hear("camera", CameraState.OK, START)
    for frame in range(1, 30 * FPS):
        now = START + frame / FPS
        room.observe(seen(now - late_s, "sad"), now)
        if frame % FPS == 0:
            room.look(now)
    assert (room.mood().mood, room.mood().people) == ("sad", 1)
