import asyncio

import pytest

from services.contracts.channels import MAX_FACES
from services.contracts.moodring_pb2 import FaceCrops
from services.inference.newest import (
    BEHIND_S,
    FORGET_S,
    LATE_FRAMES,
    LIVE_S,
    MAX_AGE_S,
    MAX_CAMERAS,
    MAX_FRAMES,
    NewestFrames,
)
from services.runtime.bus import Delivery
from tests.unit.inference_doubles import NOW, face, frame


def waiting(*frames: tuple[int, str, float]) -> NewestFrames:
    newest = NewestFrames(lambda: NOW)
    for number, camera, age_s in frames:
        put(newest, frame(number, camera=camera, age_s=age_s))
    return newest


def put(newest: NewestFrames, message: FaceCrops) -> None:
    newest.put(Delivery(message, {"room": "home", "camera": message.camera}))


async def taken(newest: NewestFrames) -> list[str]:
    return [frame.delivery.message.frame_id for frame in await newest.take()]


async def test_a_newer_frame_replaces_one_that_waits_for_long_and_none_that_has_just_come() -> None:
    timer = [0.0]
    newest = NewestFrames(lambda: NOW, timer=lambda: timer[0])
    for number, later_s in enumerate([0, 2 * BEHIND_S, BEHIND_S / 2], 1):
        timer[0] += later_s
        put(newest, frame(number))
    assert await taken(newest) == ["camera-2", "camera-3"]


async def test_a_face_that_newer_frames_do_not_show_keeps_its_newest_crop() -> None:
    timer = [0.0]
    newest = NewestFrames(lambda: NOW, timer=lambda: timer[0])
    for number, tracks in enumerate([(1, 2), (1, 2, 3), (1,)], 1):
        timer[0] += 2 * BEHIND_S
        put(newest, frame(number, *(face(track) for track in tracks)))
    batch = [(one.delivery.message.frame_id, [face.track_id for face in one.faces]) for one in await newest.take()]
    assert batch == [("camera-2", [2, 3]), ("camera-3", [1])]


async def test_a_face_that_newer_frames_do_not_show_keeps_its_crop_however_many_of_them_come_at_once() -> None:
    newest = NewestFrames(lambda: NOW)
    for number, tracks in enumerate([(1, 2), *[(2,)] * (2 * MAX_FRAMES)]):
        put(newest, frame(number, *(face(track) for track in tracks)))
    batch = [(one.delivery.message.frame_id, [face.track_id for face in one.faces]) for one in await newest.take()]
    assert batch[0] == ("camera-0", [1])
    assert batch[-1] == (f"camera-{2 * MAX_FRAMES}", [2])


async def test_a_camera_that_tells_ever_new_faces_keeps_its_newest_frames_only() -> None:
    newest = NewestFrames(lambda: NOW)
    for number in range(MAX_FRAMES + 3):
        put(newest, frame(number, face(number)))
    assert await taken(newest) == [f"camera-{number}" for number in range(3, MAX_FRAMES + 3)]


async def test_frames_that_wait_come_in_one_batch_in_the_order_of_their_cameras() -> None:
    newest = waiting((1, "door", 0), (1, "desk", 0), (2, "door", 0))
    assert await taken(newest) == ["door-1", "door-2", "desk-1"]


async def test_a_batch_has_no_more_faces_than_the_model_server_takes() -> None:
    newest = NewestFrames(lambda: NOW)
    for camera in ("a", "b", "c"):
        put(newest, frame(1, *(face(track) for track in range(MAX_FACES)), camera=camera))
    assert [await taken(newest) for _ in range(2)] == [["a-1", "b-1"], ["c-1"]]


async def test_a_camera_alone_is_not_waited_for() -> None:
    newest = NewestFrames(lambda: NOW, window_s=60)
    put(newest, frame(1, camera="door"))
    async with asyncio.timeout(10):
        assert await taken(newest) == ["door-1"]


async def test_a_batch_waits_for_the_cameras_that_send_at_present() -> None:
    newest = NewestFrames(lambda: NOW, window_s=60)
    put(newest, frame(1, camera="door"))
    put(newest, frame(1, camera="desk"))
    await newest.take()
    put(newest, frame(2, camera="door"))
    batch = asyncio.ensure_future(taken(newest))
    await asyncio.sleep(0)
    assert not batch.done()
    put(newest, frame(2, camera="desk"))
    async with asyncio.timeout(10):
        assert await batch == ["door-2", "desk-2"]


async def test_it_waits_no_longer_than_the_window() -> None:
    newest = NewestFrames(lambda: NOW, window_s=0.001)
    put(newest, frame(1, camera="door"))
    put(newest, frame(1, camera="desk"))
    await newest.take()
    put(newest, frame(2, camera="door"))
    assert await taken(newest) == ["door-2"]


async def test_a_camera_that_fell_silent_is_not_waited_for() -> None:
    timer = [0.0]
    newest = NewestFrames(lambda: NOW, timer=lambda: timer[0], window_s=60)
    put(newest, frame(1, camera="door"))
    put(newest, frame(1, camera="desk"))
    await newest.take()
    timer[0] += LIVE_S
    put(newest, frame(2, camera="door"))
    async with asyncio.timeout(10):
        assert await taken(newest) == ["door-2"]


async def test_what_grew_stale_while_it_waited_is_passed_over() -> None:
    newest = waiting((1, "door", 2.1), (1, "desk", 1.9))
    assert await taken(newest) == ["desk-1"]


async def test_a_frame_from_the_future_is_as_old_as_it_waited_here() -> None:
    timer = [0.0]
    newest = NewestFrames(lambda: NOW, timer=lambda: timer[0])
    put(newest, frame(1, camera="door", age_s=-60))
    timer[0] += MAX_AGE_S + 0.1
    put(newest, frame(1, camera="desk", age_s=-60))
    assert await taken(newest) == ["desk-1"]


def test_a_camera_whose_clock_is_ahead_is_named_with_what_to_do() -> None:
    newest = waiting(*((number, "door", -60.0) for number in range(LATE_FRAMES)), (1, "desk", -0.5))
    assert "frames of door in home arrive 60 s before they were seen" in newest.ahead()
    assert newest.late() == ""


def test_a_camera_whose_clock_is_behind_is_named_with_what_to_do() -> None:
    newest = waiting(*((number, "door", 60.0) for number in range(LATE_FRAMES)), (1, "desk", 0.1))
    assert "frames of door in home arrive 60 s old" in newest.late()
    assert "set the clocks" in newest.late()


def test_a_hiccup_of_the_network_is_not_complained_of() -> None:
    assert waiting(*((number, "door", 3.0) for number in range(LATE_FRAMES - 1))).late() == ""


@pytest.mark.parametrize("then", ["a fresh frame", "silence"])
def test_a_camera_that_is_well_again_or_gone_is_not_complained_of(then: str) -> None:
    clock = [NOW]
    newest = NewestFrames(lambda: clock[0])
    for age_s in [60.0] * LATE_FRAMES:
        put(newest, frame(1, camera="door", age_s=age_s))
    assert newest.late()
    if then == "silence":
        clock[0] += FORGET_S
    else:
        put(newest, frame(2, camera="door"))
    assert newest.late() == ""


async def test_more_cameras_than_there_are_places_wait_for_none() -> None:
    newest = waiting(*((1, f"camera{number}", 0.0) for number in range(MAX_CAMERAS + 1)))
    assert (await taken(newest))[-1] == f"camera{MAX_CAMERAS - 1}-1"


def test_a_frame_without_a_time_is_as_old_as_the_epoch() -> None:
    message = frame()
    message.ClearField("captured_at")
    assert NewestFrames(lambda: NOW).age_s(message) == NOW
