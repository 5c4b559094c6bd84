"""Pictures that are posted: a camera that others lend."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from services.camera.inbox import Inbox
from services.camera.patience import Patience
from services.camera.sent import NONE_SENT, Sent
from services.camera.service import CameraService, build
from services.camera.sources import SourceError
from services.contracts.messages import CameraState, Privacy
from services.runtime import uploads
from services.runtime.http import make_app
from services.runtime.settings import load
from services.vision.images import Bgr, jpeg
from services.vision.opencv import cv2
from tests.camera_doubles import ScriptedDetector, Watcher, face, only_camera, only_room, picture, running
from tests.hanging_up import hang_up

FRAMES = "/api/cameras/phone/frames"


def lent(tmp_path: Path, **camera: Any) -> CameraService:
    settings = load(data=tmp_path, camera={"name": "phone", "source": "browser", "as_fast_as_possible": True, **camera})
    patience = Patience(retry_s=(0.001, 0.01))
    return build(settings, detector=lambda: ScriptedDetector(face()), patience=patience)


@asynccontextmanager
async def served(service: CameraService) -> AsyncIterator[tuple[httpx.AsyncClient, Watcher]]:
    app = FastAPI()
    app.include_router(service.router)
    web = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://camera")
    async with running(service) as (_, heard), web:
        await heard.until(lambda: bool(heard.all("status")))
        yield web, heard


def png(width: int, height: int) -> bytes:
    """Return a PNG file of white pixels, packed as tightly as can be."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * ((width + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def test_a_posted_picture_is_looked_at_as_any_frame(tmp_path: Path) -> None:
    async with served(lent(tmp_path)) as (web, heard):
        for number in range(3):
            answer = await web.post(FRAMES, content=jpeg(picture(number)))
            assert answer.status_code == 202
            await heard.until(lambda number=number: len(heard.all("faces")) == number + 1)  # type: ignore[misc]
        await heard.state(CameraState.OK)
        assert (await web.get("/api/cameras")).json()[0]["takes_pictures"] is True
    assert {(each.frame_width, each.frame_height) for each in heard.all("faces")} == {(640, 480)}


async def test_a_camera_that_nobody_lends_says_so_and_opens_with_the_first_picture(tmp_path: Path) -> None:
    service = build(
        load(data=tmp_path, camera={"source": "browser", "name": "phone"}), detector=lambda: ScriptedDetector(face())
    )
    async with served(service) as (web, heard):
        await heard.until(lambda: NONE_SENT in [status.detail for status in heard.all("status")])
        assert (await web.post(FRAMES, content=jpeg(picture(1)))).status_code == 202  # it waits for no back-off
        await heard.state(CameraState.OK)
    assert [event.after["text"] for event in heard.all("events")] == [NONE_SENT]


async def test_pictures_faster_than_the_pace_are_refused_undecoded(tmp_path: Path) -> None:
    async with served(lent(tmp_path, as_fast_as_possible=False, fps=0.01)) as (web, heard):
        assert (await web.post(FRAMES, content=jpeg(picture(1)))).status_code == 202
        answer = await web.post(FRAMES, content=b"no picture at all")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        await heard.state(CameraState.OK)


async def test_no_picture_is_taken_in_private(tmp_path: Path) -> None:
    service = lent(tmp_path)
    async with served(service) as (web, heard):
        await web.post(FRAMES, content=jpeg(picture(1)))
        await heard.state(CameraState.OK)
        await only_room(service).turn(Privacy.ON)
        answer = await web.post(FRAMES, content=jpeg(picture(2)))
        assert (answer.status_code, answer.json()["detail"]) == (409, "The camera is switched off for privacy.")
        only_camera(service).send(picture(3))  # one that was on its way
        await only_room(service).turn(Privacy.OFF)
        await heard.until(lambda: NONE_SENT in [status.detail for status in heard.all("status")])
    assert len(heard.all("faces")) == 1


async def test_a_camera_with_eyes_of_its_own_takes_no_pictures(tmp_path: Path) -> None:
    service = build(load(data=tmp_path, camera={"name": "phone", "source": "demo"}), detector=ScriptedDetector)
    async with served(service) as (web, _):
        answer = await web.post(FRAMES, content=jpeg(picture(1)))
    assert answer.status_code == 409
    assert "its source is demo; one whose source is browser takes pictures" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "neither a JPEG nor a PNG"),
        (b"GIF89a" + bytes(100), "neither a JPEG nor a PNG"),
        (jpeg(picture(1))[:-200], "cut off"),
        (jpeg(picture(1))[:12], "cut off"),
        (png(16_000, 16_000), "16000x16000 pixels"),
        (png(40_000, 100), "40000x100 pixels"),
        (png(8000, 6000), "make it smaller, or save it as a JPEG"),
    ],
    ids=["nothing", "gif", "cut off", "cut off in its header", "16k by 16k", "too wide", "too much memory"],
)
async def test_what_is_no_usable_picture_is_refused_in_words(tmp_path: Path, body: bytes, said: str) -> None:
    async with served(lent(tmp_path)) as (web, _):
        answer = await web.post(FRAMES, content=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


async def test_what_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        raise AssertionError
        yield b""

    async with served(lent(tmp_path)) as (web, _):
        large = await web.post(FRAMES, content=endless(), headers={"Content-Length": "30000001"})
        unsaid = await web.post(FRAMES, content=endless())
    assert (large.status_code, unsaid.status_code) == (413, 411)


async def test_pictures_that_do_not_arrive_stop_no_other_camera(tmp_path: Path) -> None:
    cameras = {name: {"source": "browser", "as_fast_as_possible": True} for name in ("phone", "tablet")}
    service = build(load(data=tmp_path, cameras=cameras), detector=lambda: ScriptedDetector(face()))
    begun = asyncio.Semaphore(0)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"\xff"
        begun.release()
        await asyncio.Event().wait()

    async with served(service) as (web, _), asyncio.timeout(30):
        headers = {"Content-Length": "1000"}
        slow = [asyncio.create_task(web.post(FRAMES, content=stuck(), headers=headers)) for _ in range(3)]
        await begun.acquire()
        answer = await web.post(FRAMES.replace("phone", "tablet"), content=jpeg(picture(1)))
        assert answer.status_code == 202
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_of_large_pictures_one_at_a_time_is_read_and_holds_up_no_small_one(tmp_path: Path) -> None:
    names = ("phone", "tablet", "laptop")
    cameras = {name: {"source": "browser", "as_fast_as_possible": True} for name in names}
    service = build(load(data=tmp_path, cameras=cameras), detector=lambda: ScriptedDetector(face()))
    small = jpeg(picture(1))
    large, begun, go_on = small + bytes(uploads.LARGE_BYTES), asyncio.Semaphore(0), asyncio.Event()
    reading = most = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        begun.release()
        await go_on.wait()
        yield large
        reading -= 1

    async with served(service) as (web, _), asyncio.timeout(30):
        paths, headers = [FRAMES.replace("phone", name) for name in names], {"Content-Length": str(len(large))}
        first = asyncio.create_task(web.post(paths[0], content=body(), headers=headers))
        await begun.acquire()
        refused = await web.post(paths[1], content=body(), headers=headers)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        for path in paths[1:]:
            assert (await web.post(path, content=small)).status_code == 202
        go_on.set()
        assert (await first).status_code == 202
        assert (await web.post(paths[1], content=body(), headers=headers)).status_code == 202
    assert most == 1


async def test_a_picture_that_stands_still_gives_its_place_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PAUSE_S", 0.01)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"\xff"
        await asyncio.Event().wait()

    async with served(lent(tmp_path)) as (web, _), asyncio.timeout(30):
        answer = await web.post(FRAMES, content=stuck(), headers={"Content-Length": "1000"})
    assert answer.status_code == 408


async def test_a_phone_that_hangs_up_is_no_error_and_may_come_back(tmp_path: Path) -> None:
    service = lent(tmp_path)
    async with served(service) as (web, _):
        assert await hang_up(make_app([service]), FRAMES, b"\xff\xd8", {"content-length": "1000"}) == [400]
        assert (await web.post(FRAMES, content=jpeg(picture(1)))).status_code == 202


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((480, 640), np.uint8), np.zeros((480, 640, 4), np.uint8), np.zeros((480, 640, 3), np.uint16),
        np.zeros((480, 640), np.uint16), np.zeros((1, 1, 3), np.uint8), np.zeros((3, 4000, 3), np.uint8),
    ],
    ids=["grey", "alpha", "16 bits", "grey in 16 bits", "one pixel", "a line"],
)  # fmt: skip
async def test_odd_pixels_become_ordinary_ones(tmp_path: Path, image: np.ndarray) -> None:
    encoded = bytes(cv2.imencode(".png", image)[1])
    service = lent(tmp_path)
    async with served(service) as (web, heard):
        assert (await web.post(FRAMES, content=encoded)).status_code == 202
        await heard.until(lambda: only_camera(service).last() is not None or heard.all("status")[-1].fps > 0)
        seen = only_camera(service).last()
    assert seen is not None
    assert seen.frame.image.dtype == np.uint8
    assert seen.frame.image.shape[2] == 3


def test_pictures_may_come_seconds_apart() -> None:
    now = 0.0
    inbox: Inbox[Bgr] = Inbox(lambda: now)
    for _ in range(4):
        inbox.put(picture())
        now += 20
    source = Sent(inbox, clock=lambda: now)
    source.open()
    assert source.read() is not None
    now += 45
    assert source.read() is None
    now += 10
    with pytest.raises(SourceError, match="No pictures are sent"):
        source.read()
