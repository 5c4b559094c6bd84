from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from starlette.responses import JSONResponse
from starlette.types import Message

from services.gateway.sign_in import sign_in_page
from services.runtime.access import COOKIE, Guard, guard, is_loopback
from services.runtime.open_paths import OPEN_BODY_BYTES
from services.runtime.tokens import Tokens
from tests.unit.gateway_doubles import tokens

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
PAGE = {"Accept": "text/html,*/*"}


def inside() -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def anything(path: str) -> dict[str, str]:
        return {"path": path}

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    return app


@pytest.fixture
def book(tmp_path: Path) -> Tokens:
    return tokens(tmp_path)


@pytest.fixture
def secret(book: Tokens) -> str:
    return book.create("test")[1]


def client(app: Guard, host: str = "127.0.0.1:8080", client: tuple[str, int] = ("127.0.0.1", 1)) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, client=client), base_url=f"http://{host}")


@pytest.fixture
async def local(book: Tokens) -> AsyncIterator[httpx.AsyncClient]:
    async with client(guard(inside(), book, host=LOOPBACK)) as opened:
        yield opened


@pytest.fixture
async def remote(book: Tokens) -> AsyncIterator[httpx.AsyncClient]:
    async with client(guard(inside(), book, host=EVERYWHERE, sign_in=sign_in_page), "moodring.lan:8080") as opened:
        yield opened


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("[::1]", True), ("localhost", True),
        ("moodring.localhost", True), ("LOCALHOST.", True), ("0.0.0.0", False), ("::", False), ("", False),
        ("192.168.1.5", False), ("localhost.evil.example", False), ("127.0.0.1.evil.example", False),
    ],
)  # fmt: skip
def test_loopback_is_known_by_name_and_address(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


async def test_on_loopback_nobody_needs_a_token(local: httpx.AsyncClient) -> None:
    assert (await local.get("/api/rooms")).status_code == 200
    assert (await local.post("/api/tokens")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/rooms", "/api/events", "/auth", "/docs", "/metrics", "/_nicegui/x.js"])
async def test_elsewhere_everything_demands_a_token(remote: httpx.AsyncClient, path: str) -> None:
    answer = await remote.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/auth/sign-in", "/favicon.ico"])
async def test_health_and_the_sign_in_page_are_open(remote: httpx.AsyncClient, path: str) -> None:
    assert (await remote.get(path)).status_code == 200


async def test_a_bearer_token_opens_everything(remote: httpx.AsyncClient, secret: str) -> None:
    answer = await remote.post("/api/players/home/commands", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200


async def test_a_wrong_token_opens_nothing_even_with_a_good_cookie(
    remote: httpx.AsyncClient, book: Tokens, secret: str
) -> None:
    remote.cookies.set(COOKIE, book.sign_in(secret) or "")
    assert (await remote.get("/api/rooms", headers={"Authorization": "Bearer wrong"})).status_code == 401


async def test_a_session_cookie_opens_everything(remote: httpx.AsyncClient, book: Tokens, secret: str) -> None:
    remote.cookies.set(COOKIE, book.sign_in(secret) or "")
    assert (await remote.get("/")).status_code == 200


async def test_a_browser_without_a_token_is_shown_where_to_sign_in(remote: httpx.AsyncClient) -> None:
    answer = await remote.get('/?room="><script>', headers=PAGE)
    assert answer.status_code == 401
    assert "Access token" in answer.text
    assert "<script>" not in answer.text


async def test_a_proxy_that_asks_is_answered_about_the_original_request(
    remote: httpx.AsyncClient, book: Tokens, secret: str
) -> None:
    shown = await remote.get("/auth", headers=PAGE | {"X-Forwarded-Uri": "/?room=kitchen"})
    assert shown.status_code == 401
    assert 'value="/?room=kitchen"' in shown.text
    remote.cookies.set(COOKIE, book.sign_in(secret) or "")
    foreign = {"X-Forwarded-Method": "PUT", "Origin": "http://evil.example"}
    assert (await remote.get("/auth", headers=foreign)).status_code == 403
    own = {"X-Forwarded-Method": "PUT", "Origin": "http://moodring.lan:8080"}
    assert (await remote.get("/auth", headers=own)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "192.168.1.5:8080", "", "127.0.0.1.evil.example"]
)
async def test_on_loopback_a_foreign_name_is_refused(local: httpx.AsyncClient, host: str) -> None:
    answer = await local.get("/api/rooms", headers={"Host": host})
    assert answer.status_code == 403
    assert "127.0.0.1" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:9", "[::1]:8080", "localhost"])
async def test_on_loopback_our_own_names_are_taken(local: httpx.AsyncClient, host: str) -> None:
    assert (await local.get("/api/rooms", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP"])
async def test_what_a_proxy_brings_to_loopback_demands_a_token(
    local: httpx.AsyncClient, secret: str, header: str
) -> None:
    assert (await local.get("/api/rooms", headers={header: "127.0.0.1"})).status_code == 401
    allowed = {header: "127.0.0.1", "Authorization": f"Bearer {secret}"}
    assert (await local.get("/api/rooms", headers=allowed)).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1"])
async def test_a_page_of_another_site_can_change_nothing(local: httpx.AsyncClient, origin: str) -> None:
    assert (await local.put("/api/x", headers={"Origin": origin})).status_code == 403


async def test_our_own_page_can_change_things(local: httpx.AsyncClient) -> None:
    assert (await local.put("/api/x", headers={"Origin": "http://127.0.0.1:8080"})).status_code == 200


async def test_answers_cannot_be_framed_or_guessed_at(local: httpx.AsyncClient) -> None:
    headers = (await local.get("/")).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"


async def opens(app: Guard, host: str, **headers: str) -> bool:
    """Say whether a websocket is accepted."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    named = {"host": host} | headers
    scope = {
        "type": "websocket", "path": "/ws", "raw_path": b"/ws", "query_string": b"", "scheme": "ws", "subprotocols": [],
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    return bool(sent[0]["type"] == "websocket.accept")


async def test_a_websocket_of_another_site_is_refused(book: Tokens) -> None:
    app = guard(inside(), book, host=LOOPBACK)
    assert await opens(app, "127.0.0.1:8080", origin="http://127.0.0.1:8080")
    assert not await opens(app, "127.0.0.1:8080", origin="http://evil.example")
    assert not await opens(app, "evil.example", origin="http://evil.example")


async def test_a_websocket_from_elsewhere_demands_a_token(book: Tokens, secret: str) -> None:
    app = guard(inside(), book, host=EVERYWHERE)
    assert not await opens(app, "moodring.lan")
    assert await opens(app, "moodring.lan", authorization=f"Bearer {secret}")


async def test_behind_a_proxy_a_token_is_demanded_even_where_nothing_says_forwarded(book: Tokens, secret: str) -> None:
    async with client(guard(inside(), book, host=LOOPBACK, proxied=True)) as opened:
        assert (await opened.get("/api/rooms")).status_code == 401
        assert (await opened.get("/api/rooms", headers={"Authorization": f"Bearer {secret}"})).status_code == 200


def troubled() -> FastAPI:
    app = FastAPI()

    @app.get("/readyz")
    async def ready() -> JSONResponse:
        return JSONResponse({"ready": False, "problems": {"camera": {"device": "/dev/video0 is away"}}}, 503)

    return app


async def test_whether_we_are_ready_anyone_learns_but_not_why(book: Tokens, secret: str) -> None:
    async with client(guard(troubled(), book, host=EVERYWHERE), "moodring.lan") as opened:
        answer = await opened.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"ready": False})
        told = await opened.get("/readyz", headers={"Authorization": f"Bearer {secret}"})
        assert "/dev/video0" in told.text


async def test_a_container_tells_itself_the_reasons(book: Tokens) -> None:
    async with client(guard(troubled(), book, host=EVERYWHERE, proxied=True)) as opened:
        assert "/dev/video0" in (await opened.get("/readyz")).text
        for stranger in ({"X-Forwarded-For": "127.0.0.1"}, {"Host": "rebound.example:8080"}):
            assert (await opened.get("/readyz", headers=stranger)).json() == {"ready": False}
    async with client(guard(troubled(), book, host=EVERYWHERE), client=("192.0.2.7", 1)) as opened:
        assert (await opened.get("/readyz")).json() == {"ready": False}
    async with client(guard(troubled(), book, host=LOOPBACK, proxied=True)) as opened:
        assert (await opened.get("/readyz")).json() == {"ready": False}


async def test_on_loopback_the_reasons_are_told(book: Tokens) -> None:
    async with client(guard(troubled(), book, host=LOOPBACK)) as opened:
        assert "/dev/video0" in (await opened.get("/readyz")).text


async def test_a_long_body_is_refused_unread_where_anyone_may_send_one(book: Tokens) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b"x" * 1024

    def asked() -> dict[str, str]:
        raise AssertionError

    app = FastAPI()
    app.post("/auth/sign-in")(asked)
    async with client(guard(app, book, host=EVERYWHERE), "moodring.lan") as opened:
        answer = await opened.post("/auth/sign-in", content=endless())
    assert answer.status_code == 413
    assert sent <= OPEN_BODY_BYTES + 1024


async def test_only_a_plain_form_is_taken_from_anyone(remote: httpx.AsyncClient) -> None:
    assert (await remote.post("/auth/sign-in", files={"token": b"x"})).status_code == 415
    assert (await remote.post("/auth/sign-in", json={"token": "x"})).status_code == 415
    assert (await remote.post("/auth/sign-in", data={"token": "x"})).status_code == 200


@pytest.mark.parametrize(
    ("path", "method", "token", "status"),
    [
        ("/metrics", "GET", "scrape", 200),
        ("/metrics", "GET", "wrong", 401),
        ("/metrics", "POST", "scrape", 401),
        ("/api/rooms", "GET", "scrape", 401),
    ],
)
async def test_the_token_for_metrics_opens_nothing_else(
    book: Tokens, path: str, method: str, token: str, status: int
) -> None:
    app = guard(inside(), book, host=EVERYWHERE, proxied=True, metrics_token="scrape")
    async with client(app, "gateway:8080") as prometheus:
        answer = await prometheus.request(method, path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status


async def test_without_a_token_for_metrics_an_empty_one_opens_nothing(book: Tokens) -> None:
    async with client(guard(inside(), book, host=EVERYWHERE), "moodring.lan:8080") as prometheus:
        answer = await prometheus.get("/metrics", headers={"Authorization": "Bearer "})
    assert answer.status_code == 401


async def test_who_may_in_that_cannot_be_read_opens_nothing_and_is_said(
    remote: httpx.AsyncClient, secret: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tokens.json").unlink()
    (tmp_path / "tokens.json").mkdir()  # a file that even root cannot read
    for _ in range(2):
        answer = await remote.get("/api/rooms", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text
    assert len([line for line in caplog.messages if "tokens.json cannot be read" in line]) == 1
