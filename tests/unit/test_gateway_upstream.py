from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from services.gateway.upstream import Upstream, describe_all, owner, router
from services.runtime.http import make_app
from tests.hanging_up import hang_up


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/cameras", "camera"), ("/api/cameras/door/preview.jpg", "camera"), ("/api/expressions", "inference"),
        ("/api/custom-moods/x", "inference"), ("/api/rooms/home/mood", "aggregator"),
        ("/api/rooms/home/mood/override", "aggregator"), ("/api/rooms/home/calibration", "aggregator"),
        ("/api/rooms/home/policy", "recommender"), ("/api/rooms/home/history", "recommender"),
        ("/api/songs/1", "recommender"), ("/api/playlists", "recommender"), ("/api/players/home", "player"),
        ("/media/1", "player"), ("/api/rooms", None), ("/api/rooms/home", None), ("/api/camerasx", None), ("/", None),
    ],
)  # fmt: skip
def test_each_path_has_its_owner(path: str, service: str | None) -> None:
    assert owner(path) == service


FAR = {
    "paths": {"/healthz": {}, "/api/players/{room}": {"get": {}}},
    "components": {"schemas": {"PlayerState": {"type": "object"}}},
}


class Far(httpx.AsyncBaseTransport):
    """The other processes: they say what they were asked, or do not answer."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.away = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        await request.aread()
        self.asked.append(request)
        if request.url.path == "/openapi.json":
            return httpx.Response(200, json=FAR)
        headers = {"Content-Range": "bytes 2-4/9", "Connection": "close"}
        return httpx.Response(206, headers=headers, stream=httpx.ByteStream(b"abc"))


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
async def near(far: Far) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()

    @app.get("/api/rooms")
    async def rooms() -> None: ...

    here = APIRouter()

    @here.put("/api/rooms/{room}/policy")
    async def policy(room: str) -> None: ...

    app.include_router(here)
    upstream = Upstream({"player": "http://player:8085", "camera": "http://camera:8081"}, transport=far)
    app.include_router(router(upstream, {"player"}))
    describe_all(app, upstream, {"player"})
    inside = httpx.ASGITransport(app=app)
    async with upstream.opened(), httpx.AsyncClient(transport=inside, base_url="http://moodring:8080") as client:
        yield client


async def test_a_call_is_passed_on_with_its_range_and_without_our_secrets(near: httpx.AsyncClient, far: Far) -> None:
    secrets = {"Authorization": "Bearer x", "Cookie": "a=b", "Origin": "http://moodring:8080"}
    ways = {"Forwarded": "for=1.2.3.4", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "m", "X-Real-IP": "1.2.3.4"}
    headers = {"Range": "bytes=2-4"} | secrets | ways
    answer = await near.get("/media/7?t=1", headers=headers)
    assert (answer.status_code, answer.content) == (206, b"abc")
    assert answer.headers["content-range"] == "bytes 2-4/9"
    assert "connection" not in answer.headers
    (asked,) = far.asked
    assert str(asked.url) == "http://player:8085/media/7?t=1"
    assert asked.headers["range"] == "bytes=2-4"
    assert not {name.lower() for name in secrets | ways} & set(asked.headers)


async def test_a_body_is_passed_on(near: httpx.AsyncClient, far: Far) -> None:
    await near.post("/api/players/home/commands", json={"action": "next"})
    assert far.asked[0].content == b'{"action":"next"}'
    assert far.asked[0].headers["content-type"] == "application/json"


async def test_a_sender_that_hangs_up_is_no_error_of_the_gateways_either(far: Far) -> None:
    app, upstream = make_app([]), Upstream({"camera": "http://camera:8081"}, transport=far)
    app.include_router(router(upstream, {"camera"}))
    async with upstream.opened():
        begun = await hang_up(app, "/api/cameras/phone/frames", b"\xff\xd8", {"content-length": "1000"})
    assert begun == [400]
    assert not far.asked


async def test_an_absent_service_is_named(near: httpx.AsyncClient, far: Far) -> None:
    far.away = True
    answer = await near.get("/api/players/home")
    assert answer.status_code == 502
    assert "player service is away" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/nothing", "/api/cameras/x"])
async def test_what_nobody_elsewhere_owns_is_not_found(near: httpx.AsyncClient, far: Far, path: str) -> None:
    assert (await near.get(path)).status_code == 404
    assert not far.asked


@pytest.mark.parametrize(("path", "allowed"), [("/api/rooms", "GET"), ("/api/rooms/home/policy", "PUT")])
async def test_a_wrong_method_on_a_path_of_this_process_is_said(
    near: httpx.AsyncClient, far: Far, path: str, allowed: str
) -> None:
    answer = await near.delete(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert f"takes {allowed}, not DELETE" in answer.json()["detail"]


async def test_nothing_is_passed_on_before_the_start(far: Far) -> None:
    app = FastAPI()
    app.include_router(router(Upstream({"player": "http://player"}, transport=far), {"player"}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        assert (await client.get("/api/players")).status_code == 503


async def test_the_description_is_of_the_whole_tree(near: httpx.AsyncClient) -> None:
    told = (await near.get("/openapi.json")).json()
    assert told["info"]["title"] == "FastAPI"
    assert set(told["paths"]) == {"/api/rooms", "/api/rooms/{room}/policy", "/api/players/{room}"}
    assert set(told["components"]["schemas"]) >= {"PlayerState", "HTTPValidationError"}


async def test_a_service_that_is_away_is_left_out_of_the_description(near: httpx.AsyncClient, far: Far) -> None:
    far.away = True
    assert set((await near.get("/openapi.json")).json()["paths"]) == {"/api/rooms", "/api/rooms/{room}/policy"}
