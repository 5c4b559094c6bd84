import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from services.contracts import channels
from services.contracts.messages import Event, EventType, Privacy
from services.contracts.moodring_pb2 import Expressions
from services.gateway.service import MAX_CAMERAS, MAX_STREAMS, GatewayService, build, mount
from services.gateway.sign_in import MAX_FAILURES
from services.gateway.state import MAX_INSTANCES, Change
from services.gateway.streams import Stream
from services.runtime.access import COOKIE
from services.runtime.memory import MemoryBus
from services.runtime.settings import load
from tests.unit import gateway_doubles as make


@pytest.fixture
def gateway(tmp_path: Path) -> GatewayService:
    return build(load(data=tmp_path), tokens=make.tokens(tmp_path), clock=make.Clock())


@pytest.fixture
async def api(gateway: GatewayService) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(gateway.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        yield client


@asynccontextmanager
async def running(gateway: GatewayService) -> AsyncIterator[MemoryBus]:
    async with MemoryBus() as bus:
        work = asyncio.create_task(gateway.run(bus))
        await make.until(lambda: not gateway.bus_away)
        try:
            yield bus
        finally:
            work.cancel()
            await asyncio.wait([work])


async def test_rooms_are_what_the_bus_says(gateway: GatewayService, api: httpx.AsyncClient) -> None:
    async with running(gateway) as bus:
        bus.publish(channels.MOOD, make.mood(), room="home")
        bus.publish(channels.PRIVACY, Privacy.ON, room="home")
        bus.publish(channels.CAMERA_STATUS, make.camera(), room="kitchen", camera="door")
        bus.publish(channels.SERVICE, make.status(), service="camera", instance="a")
        await bus.settle()
        house = (await api.get("/api/rooms")).json()
    assert house["rooms"]["home"]["mood"]["mood"] == "happy"
    assert house["rooms"]["home"]["privacy"] == "ON"
    assert house["rooms"]["home"]["player"] is None
    assert house["rooms"]["kitchen"]["cameras"]["door"]["state"] == "ok"
    assert house["services"]["camera"]["a"]["state"] == "online"


async def test_what_was_retained_before_the_start_is_known(gateway: GatewayService) -> None:
    async with MemoryBus() as earlier:
        earlier.publish(channels.MOOD, make.mood(), room="home")
        async with MemoryBus(broker=earlier.broker) as bus:
            work = asyncio.create_task(gateway.run(bus))
            await make.until(lambda: not gateway.bus_away)
            await bus.settle()
            assert gateway.house.rooms["home"].mood == make.mood()
            work.cancel()
            await asyncio.wait([work])


async def test_the_event_stream_begins_with_what_is_there_and_ends_with_the_service(
    gateway: GatewayService, api: httpx.AsyncClient
) -> None:
    async with running(gateway) as bus:
        bus.publish(channels.MOOD, make.mood(), room="home")
        await bus.settle()
        answer = asyncio.create_task(api.get("/api/events"))
        await make.until(lambda: gateway.listeners)
        bus.publish(channels.EVENTS, Event(type=EventType.PROBLEM, after={"text": "oh"}), room="home")
        await bus.settle()
    received = (await answer).text
    events = [block.split("\n") for block in received.strip().split("\n\n")]
    assert [lines[0] for lines in events] == ["event: custom_moods", "event: mood", "event: event"]
    taught, mood, event = (json.loads(lines[1].removeprefix("data: ")) for lines in events)
    assert taught["message"]["moods"] == []  # who connects again may know of some that were forgotten
    assert mood == {"room": "home", "message": make.mood().model_dump(mode="json")}
    assert event["message"]["after"] == {"text": "oh"}
    assert not gateway.listeners


async def test_a_room_that_nobody_has_spoken_of_yet_is_waited_for(
    gateway: GatewayService, api: httpx.AsyncClient
) -> None:
    async with running(gateway) as bus:
        answer = asyncio.create_task(api.get("/api/events", params={"room": "attic"}))
        await make.until(lambda: gateway.listeners)
        for room in ("home", "attic"):
            bus.publish(channels.MOOD, make.mood(), room=room)
        await bus.settle()
    assert (await answer).status_code == 200
    rooms = [json.loads(line[6:]).get("room") for line in (await answer).text.split("\n") if line.startswith("data: ")]
    assert rooms == [None, "attic"]


async def test_a_camera_that_is_withdrawn_is_gone_for_who_looks_and_who_listens(gateway: GatewayService) -> None:
    async with running(gateway) as bus:
        for camera in ("door", "hall"):
            bus.publish(channels.CAMERA_STATUS, make.camera(), room="home", camera=camera)
            bus.publish(channels.EXPRESSIONS, Expressions(frame_id="1"), room="home", camera=camera)
        await bus.settle()
        with gateway.listen() as stream:
            for camera in ("door", "nowhere"):
                bus.withdraw(channels.CAMERA_STATUS, room="home", camera=camera)
            await bus.settle()
            stream.close()
            told = [change async for change in stream if change.message is None]
    assert told == [Change("camera", {"room": "home", "camera": "door"}, None)]
    assert list(gateway.house.rooms["home"].cameras) == ["hall"]
    assert list(gateway.faces) == [("home", "hall")]


async def test_a_listener_hears_of_no_more_than_the_house_takes_in(gateway: GatewayService) -> None:
    async with running(gateway) as bus:
        with gateway.listen() as stream:
            for number in range(MAX_INSTANCES + 5):
                bus.publish(channels.SERVICE, make.status(), service="camera", instance=f"i{number}")
            await bus.settle()
            stream.close()
            told = [change async for change in stream if change.name == "service"]
    assert len(told) == MAX_INSTANCES


async def test_listeners_are_bounded(gateway: GatewayService, api: httpx.AsyncClient) -> None:
    async with running(gateway):
        opened = [gateway.listen() for _ in range(MAX_STREAMS)]
        for one in opened:
            one.__enter__()
        assert (await api.get("/api/events")).status_code == 503
        with pytest.raises(HTTPException), gateway.listen():
            pass
        opened[0].__exit__(None, None, None)
        with gateway.listen():
            pass


async def test_a_stream_is_opened_and_closed_where_changes_are_handed_out(
    gateway: GatewayService, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()
    listen = gateway.listen

    @contextmanager
    def noting(room: str | None = None) -> Iterator[Stream]:
        threads.add(threading.get_ident())
        with listen(room) as stream:
            yield stream
        threads.add(threading.get_ident())

    monkeypatch.setattr(gateway, "listen", noting)
    async with running(gateway):
        answer = asyncio.create_task(api.get("/api/events"))
        await make.until(lambda: gateway.listeners)
    await answer
    assert threads == {threading.get_ident()}


async def test_a_stream_asked_for_while_the_service_is_down_is_refused(api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/events")).status_code == 503


async def test_the_latest_expressions_of_each_camera_are_kept_within_bounds(gateway: GatewayService) -> None:
    async with running(gateway) as bus:
        for number in range(MAX_CAMERAS + 3):
            bus.publish(channels.EXPRESSIONS, Expressions(frame_id="1"), room="home", camera=f"c{number}")
            await bus.settle()
        bus.publish(channels.EXPRESSIONS, Expressions(frame_id="2"), room="home", camera="c66")
        await bus.settle()
    assert len(gateway.faces) == MAX_CAMERAS
    assert gateway.faces["home", "c66"][1].frame_id == "2"


async def test_the_bus_counts_as_away_while_the_service_is_down(gateway: GatewayService) -> None:
    assert gateway.bus_away
    async with running(gateway):
        assert not gateway.bus_away
    assert gateway.bus_away


async def test_a_token_is_shown_once_and_can_be_deleted(gateway: GatewayService, api: httpx.AsyncClient) -> None:
    gateway.tokens.create("admin")
    created = (await api.post("/api/tokens", json={"name": "phone"})).json()
    assert gateway.tokens.find(created["token"])
    listed = await api.get("/api/tokens")
    assert [token["name"] for token in listed.json()] == ["admin", "phone"]
    assert created["token"] not in listed.text
    assert (await api.delete(f"/api/tokens/{created['id']}")).status_code == 204
    assert gateway.tokens.find(created["token"]) is None
    assert (await api.delete(f"/api/tokens/{created['id']}")).status_code == 404
    assert (await api.delete(f"/api/tokens/{gateway.tokens.all[0].id}")).status_code == 409


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": " "}, {"name": "x" * 65}, {"name": "a", "more": 1}])
async def test_a_token_needs_a_name(api: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert (await api.post("/api/tokens", json=body)).status_code == 422


async def test_signing_in_sets_a_cookie_and_goes_on(gateway: GatewayService, api: httpx.AsyncClient) -> None:
    _, secret = gateway.tokens.create("admin")
    answer = await api.post("/auth/sign-in", data={"token": f" {secret} ", "then": "/?room=kitchen"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?room=kitchen"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert gateway.tokens.signed_in(api.cookies[COOKIE])


async def test_behind_https_the_cookie_stays_there(gateway: GatewayService, api: httpx.AsyncClient) -> None:
    _, secret = gateway.tokens.create("admin")
    answer = await api.post("/auth/sign-in", data={"token": secret}, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]


async def test_signing_out_ends_the_session(gateway: GatewayService, api: httpx.AsyncClient) -> None:
    _, secret = gateway.tokens.create("admin")
    await api.post("/auth/sign-in", data={"token": secret})
    cookie = api.cookies[COOKIE]
    assert (await api.post("/auth/sign-out")).status_code == 303
    assert not gateway.tokens.signed_in(cookie)


async def test_guessing_is_slowed_down(gateway: GatewayService, api: httpx.AsyncClient) -> None:
    _, secret = gateway.tokens.create("admin")
    for _ in range(MAX_FAILURES):
        assert (await api.post("/auth/sign-in", data={"token": "wrong"})).status_code == 403
    answer = await api.post("/auth/sign-in", data={"token": secret})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("host", "access", "made", "demanded"),
    [
        ("127.0.0.1", "token", False, False), ("0.0.0.0", "token", True, True),
        ("127.0.0.1", "proxy", False, True), ("0.0.0.0", "proxy", False, True),
    ],
)  # fmt: skip
async def test_where_a_token_is_demanded_the_first_one_is_made_unless_a_log_would_keep_it(
    tmp_path: Path, host: str, access: str, made: bool, demanded: bool
) -> None:
    settings = load(data=tmp_path, http={"host": host, "access": access})
    gateway = build(settings, tokens=make.tokens(tmp_path), clock=make.Clock())
    app, first = mount(FastAPI(), gateway, settings, here=["gateway"])
    assert (first is not None) is made
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/nothing")).status_code == (401 if demanded else 404)
