from services.inference.newest import MAX_CAMERAS, NewestFrames
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


async def test_more_cameras_than_there_are_places_wait_for_none() -> None:
    newest = waiting(*((1, f"camera{number}", 0.0) for number in range(MAX_CAMERAS + 1)))
    assert [await taken(newest) for _ in range(MAX_CAMERAS)][-1] == f"camera{MAX_CAMERAS - 1}-1"


def test_a_frame_without_a_time_is_as_old_as_the_epoch() -> None:
    message = frame()
    message.ClearField("captured_at")
    assert NewestFrames(lambda: NOW).age_s(message) == NOW
