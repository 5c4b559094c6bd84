"""What is open ends with the token or session that opened it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Response, WebSocket
from starlette.responses import StreamingResponse
from starlette.types import Message

from services.runtime.access import COOKIE, Guard, guard
from services.runtime.tokens import SESSION_S, Tokens
from tests.unit.gateway_doubles import Clock, tokens, until


class Client:
    """One request or websocket to a guarded application, served until that ends."""

    def __init__(self, app: Guard, kind: str, path: str, *, method: str = "GET", **headers: str) -> None:
        self.said: list[Message] = []
        named = {"host": "moodring.lan"} | headers
        scope = {
            "type": kind, "path": path, "raw_path": path.encode(), "query_string": b"", "subprotocols": [],
            "method": method, "scheme": "ws" if kind == "websocket" else "http",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }  # fmt: skip
        first: Message = {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request"}
        self._waiting = [first]
        self.served = asyncio.create_task(app(scope, self._receive, self._send))

    @property
    def last(self) -> Message:
        return self.said[-1]

    async def _receive(self) -> Message:
        if self._waiting:
            return self._waiting.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        self.said.append(message)


def inside(book: Tokens, ended: list[str]) -> FastAPI:
    app = FastAPI()

    async def forever(name: str) -> AsyncIterator[str]:
        try:
            yield "hello"
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(forever("stream"))

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in forever("websocket"):
            await websocket.send_text(text)

    @app.delete("/tokens/{token_id}", status_code=204)
    def delete(token_id: str) -> None:
        book.delete(token_id)

    @app.post("/out")
    def out(cookie: str = "") -> Response:
        book.sign_out(cookie)
        return Response("bye")

    return app


class House:
    """A guarded application with two tokens: the second one can be deleted."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.book = tokens(folder, self.clock)
        _, self.kept = self.book.create("kept")
        self.token, self.secret = self.book.create("gone")
        self.ended: list[str] = []
        self.app = guard(inside(self.book, self.ended), self.book, host="0.0.0.0")
        self.clients: list[Client] = []

    async def opened(self, kind: str, path: str, **headers: str) -> Client:
        """Return a client that has got its first words."""
        client = Client(self.app, kind, path, **headers)
        self.clients.append(client)
        await until(lambda: len(client.said) > 1 or client.served.done())
        return client


@asynccontextmanager
async def house_in(folder: Path) -> AsyncIterator[House]:
    house = House(folder)
    try:
        yield house
    finally:
        for client in house.clients:
            client.served.cancel()
        await asyncio.gather(*(client.served for client in house.clients), return_exceptions=True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as opened:
        yield opened


async def test_a_websocket_closes_when_its_token_is_deleted(house: House) -> None:
    client = await house.opened("websocket", "/ws", authorization=f"Bearer {house.secret}")
    await asyncio.to_thread(house.book.delete, house.token.id)
    await client.served
    assert client.last == {"type": "websocket.close", "code": 1008}
    assert house.ended == ["websocket"]


async def test_an_event_stream_ends_when_its_token_is_deleted(house: House) -> None:
    client = await house.opened("http", "/stream", authorization=f"Bearer {house.secret}")
    await asyncio.to_thread(house.book.delete, house.token.id)
    await client.served
    assert client.last == {"type": "http.response.body", "body": b"", "more_body": False}
    assert house.ended == ["stream"]


async def test_what_another_token_opened_stays_open(house: House) -> None:
    client = await house.opened("websocket", "/ws", authorization=f"Bearer {house.kept}")
    gone = await house.opened("websocket", "/ws", authorization=f"Bearer {house.secret}")
    house.book.delete(house.token.id)
    await gone.served
    assert not client.served.done()


@pytest.mark.parametrize(("kind", "path"), [("websocket", "/ws"), ("http", "/stream")])
async def test_signing_out_ends_what_the_browser_has_open(house: House, kind: str, path: str) -> None:
    cookie = house.book.sign_in(house.kept) or ""
    client = await house.opened(kind, path, cookie=f"{COOKIE}={cookie}")
    assert not client.served.done()
    house.book.sign_out(cookie)
    await client.served
    assert len(house.ended) == 1


async def test_a_session_that_expires_ends_what_it_has_open(house: House) -> None:
    cookie = house.book.sign_in(house.kept) or ""
    house.clock.now += SESSION_S - 0.05
    client = await house.opened("websocket", "/ws", cookie=f"{COOKIE}={cookie}")
    await client.served
    assert client.last["type"] == "websocket.close"


async def test_who_deletes_their_own_token_still_gets_the_answer(house: House) -> None:
    path = f"/tokens/{house.token.id}"
    client = Client(house.app, "http", path, method="DELETE", authorization=f"Bearer {house.secret}")
    await client.served
    assert (client.said[0]["status"], client.last["type"]) == (204, "http.response.body")


async def test_who_signs_out_still_gets_the_answer(house: House) -> None:
    cookie = house.book.sign_in(house.kept) or ""
    client = Client(house.app, "http", "/out", method="POST", cookie=f"{COOKIE}={cookie}")
    await client.served
    assert client.said[0]["status"] == 200
    assert client.said[1]["body"] == b"bye"


async def test_what_ends_by_itself_is_forgotten(house: House) -> None:
    client = await house.opened("http", "/nothing", authorization=f"Bearer {house.secret}")
    await client.served
    house.book.delete(house.token.id)
    assert client.said[0]["status"] == 404
