"""The camera's REST routes."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.camera.preview import stream
from services.camera.service import CameraService, build
from services.camera.sources import ScriptedSource
from services.contracts import channels
from services.contracts.messages import CameraState, Privacy
from services.runtime.bus import Delivery
from services.runtime.settings import load
from services.vision.images import decode_photo
from tests.camera_doubles import ScriptedDetector, Watcher, face, only_camera, only_room, picture, running


@pytest.fixture
def service(tmp_path: Path) -> CameraService:
    source = ScriptedSource([picture(number) for number in range(5)])
    settings = load(data=tmp_path, camera={"name": "door", "as_fast_as_possible": True})
    return build(settings, source=lambda: source, detector=lambda: ScriptedDetector(face()))


@pytest.fixture
async def web(service: CameraService) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(service.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://camera") as client:
        yield client


@asynccontextmanager
async def seeing(service: CameraService) -> AsyncIterator[Watcher]:
    async with running(service) as (_, heard):
        await heard.until(lambda: len(heard.all("faces")) == 5)
        await heard.state(CameraState.OK)
        yield heard


async def test_cameras_are_listed_with_their_states(service: CameraService, web: httpx.AsyncClient) -> None:
    async with seeing(service):
        (found,) = (await web.get("/api/cameras")).json()
    assert (found["camera"], found["room"], found["privacy"]) == ("door", "home", "OFF")
    assert found["status"]["state"] == "ok"


async def test_the_status_is_the_message_of_the_bus(service: CameraService, web: httpx.AsyncClient) -> None:
    async with seeing(service):
        status = (await web.get("/api/cameras/door")).json()
    assert (status["state"], status["faces_used"], status["detector"]) == ("ok", 5, "scripted")


async def test_it_is_said_how_many_faces_can_be_read(service: CameraService, web: httpx.AsyncClient) -> None:
    async with seeing(service):
        found = (await web.get("/api/cameras/door/yield")).json()
    assert (found["sights"], found["usable"], found["rejected"]) == (5, 5, {})
    assert found["text"] == "Of the last 5 sights of a person, 100 % held a usable face."


async def test_the_preview_is_a_jpeg_with_the_face_marked(service: CameraService, web: httpx.AsyncClient) -> None:
    async with seeing(service):
        answer = await web.get("/api/cameras/door/preview.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    image = decode_photo(answer.content)
    assert image.shape == (480, 640, 3)
    assert abs(image[264, 285:340].mean(axis=0) - (120, 220, 140)).max() < 60  # the lower edge of the box


async def test_privacy_is_switched_and_answered(service: CameraService, web: httpx.AsyncClient) -> None:
    async with seeing(service) as heard:
        answer = await web.put("/api/cameras/door/privacy", json={"privacy": "ON"})
        assert (answer.status_code, answer.json()) == (200, {"privacy": "ON"})
        await heard.state(CameraState.PRIVATE)
        assert (await web.put("/api/cameras/door/privacy", json={"privacy": " off "})).json() == {"privacy": "OFF"}


async def test_privacy_is_asked_for_in_the_whole_room(service: CameraService, web: httpx.AsyncClient) -> None:
    asked = []

    async def hear(delivery: Delivery[Privacy]) -> None:
        asked.append((delivery.room, delivery.message))

    async with running(service) as (bus, heard):
        await heard.state(CameraState.OK)
        bus.subscribe(channels.PRIVACY_SET, hear)
        await web.put("/api/cameras/door/privacy", json={"privacy": "ON"})
        await bus.settle()
    assert asked == [("home", Privacy.ON)]


@pytest.mark.parametrize("path", ["preview.jpg", "preview.mjpg"])
async def test_there_is_no_preview_in_private(service: CameraService, web: httpx.AsyncClient, path: str) -> None:
    async with seeing(service):
        await only_room(service).turn(Privacy.ON)
        answer = await web.get(f"/api/cameras/door/{path}")
    assert answer.status_code == 409
    assert "privacy" in answer.json()["detail"]


async def test_the_stream_ends_with_privacy(service: CameraService) -> None:
    app = FastAPI()
    app.include_router(service.router)
    said: list[MutableMapping[str, Any]] = []
    shown = asyncio.Event()

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)
        if message.get("body"):
            shown.set()

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()  # who asks stays
        raise AssertionError

    path = "/api/cameras/door/preview.mjpg"
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    async with seeing(service), asyncio.timeout(30):
        asking = asyncio.create_task(app(scope, receive, send))
        await shown.wait()
        assert not asking.done()
        await only_room(service).turn(Privacy.ON)
        await asking
    assert dict(said[0]["headers"])[b"content-type"] == b"multipart/x-mixed-replace; boundary=moodring"
    content = b"".join(message.get("body", b"") for message in said)
    assert content.count(b"--moodring\r\nContent-Type: image/jpeg\r\n") == 1


async def test_the_stream_shows_each_frame_once_and_stops_when_told(service: CameraService) -> None:
    async with seeing(service):
        images: list[bytes] = []
        async for image in stream(only_camera(service).last, only_camera(service).drawn, lambda: not images):
            images.append(image)  # noqa: PERF401 -- the condition reads the list
    assert len(images) == 1
    assert decode_photo(images[0]).shape == (480, 640, 3)


async def test_a_frame_is_drawn_once_however_many_look(service: CameraService) -> None:
    camera = only_camera(service)
    async with seeing(service):
        seen = camera.last()
        assert seen is not None
        first, second = await asyncio.gather(*(anext(stream(camera.last, camera.drawn, lambda: True)) for _ in "ab"))
        assert first is second is await camera.drawn(seen)
        await only_room(service).turn(Privacy.ON)
        assert camera.last() is None
        assert await camera.drawn(seen) is not first  # nothing is kept of what may not be seen


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/yield"), ("GET", "/preview.jpg"), ("GET", "/preview.mjpg"), ("PUT", "/privacy")],
)
async def test_an_unknown_camera_is_not_found(web: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await web.request(method, f"/api/cameras/garden{path}", json={"privacy": "ON"})
    assert answer.status_code == 404
    assert "there is door" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), [("GET", "preview.jpg"), ("PUT", "privacy")])
async def test_a_service_that_does_not_run_says_so(web: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await web.request(method, f"/api/cameras/door/{path}", json={"privacy": "ON"})
    assert answer.status_code == 503


@pytest.mark.parametrize("body", [{}, {"privacy": "perhaps"}, {"privacy": "ON", "more": 1}])
async def test_a_wrong_body_is_refused(service: CameraService, web: httpx.AsyncClient, body: dict[str, object]) -> None:
    async with seeing(service):
        assert (await web.put("/api/cameras/door/privacy", json=body)).status_code == 422
    assert only_camera(service).status.state is not CameraState.PRIVATE
