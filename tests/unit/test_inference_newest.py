import pytest

from services.inference.newest import FORGET_S, LATE_FRAMES, MAX_CAMERAS, NewestFrames
from services.runtime.bus import Delivery
from tests.unit.inference_doubles import NOW, frame


def waiting(*frames: tuple[int, str, float]) -> NewestFrames:
    newest = NewestFrames(lambda: NOW)
    for number, camera, age_s in frames:
        newest.put(Delivery(frame(number, camera=camera, age_s=age_s), {"room": "home", "camera": camera}))
    return newest


async def taken(newest: NewestFrames) -> str:
    return (await newest.take()).message.frame_id


async def test_a_newer_frame_replaces_one_that_waits() -> None:
    newest = waiting((1, "door", 0.2), (2, "door", 0.1), (3, "door", 0))
    assert await taken(newest) == "door-3"


async def test_cameras_take_turns() -> None:
    newest = waiting((1, "door", 0), (1, "desk", 0), (2, "door", 0))
    assert [await taken(newest) for _ in range(2)] == ["door-2", "desk-1"]


async def test_what_grew_stale_while_it_waited_is_passed_over() -> None:
    newest = waiting((1, "door", 2.1), (1, "desk", 1.9))
    assert await taken(newest) == "desk-1"


def test_a_camera_whose_clock_is_behind_is_named_with_what_to_do() -> None:
    newest = waiting(*((number, "door", 60.0) for number in range(LATE_FRAMES)), (1, "desk", 0.1))
    assert "frames of door arrive 60 s old" in newest.late()
    assert "set the clocks" in newest.late()


def test_a_hiccup_of_the_network_is_not_complained_of() -> None:
    assert waiting(*((number, "door", 3.0) for number in range(LATE_FRAMES - 1))).late() == ""


@pytest.mark.parametrize("then", ["a fresh frame", "silence"])
def test_a_camera_that_is_well_again_or_gone_is_not_complained_of(then: str) -> None:
    clock = [NOW]
    newest = NewestFrames(lambda: clock[0])
    for age_s in [60.0] * LATE_FRAMES:
        newest.put(Delivery(frame(1, camera="door", age_s=age_s), {"room": "home", "camera": "door"}))
    assert newest.late()
    if then == "silence":
        clock[0] += FORGET_S
    else:
        newest.put(Delivery(frame(2, camera="door"), {"room": "home", "camera": "door"}))
    assert newest.late() == ""


async def test_more_cameras_than_there_are_places_wait_for_none() -> None:
    newest = waiting(*((1, f"camera{number}", 0.0) for number in range(MAX_CAMERAS + 1)))
    assert [await taken(newest) for _ in range(MAX_CAMERAS)][-1] == f"camera{MAX_CAMERAS - 1}-1"


def test_a_frame_without_a_time_is_as_old_as_the_epoch() -> None:
    message = frame()
    message.ClearField("captured_at")
    assert NewestFrames(lambda: NOW).age_s(message) == NOW
