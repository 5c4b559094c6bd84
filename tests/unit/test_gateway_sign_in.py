"""Signing in: where one goes afterwards, and the brake on guessing."""

import asyncio
from pathlib import Path
from queue import Queue
from threading import Semaphore

import httpx
import pytest

from services.gateway.service import GatewayService, build
from services.gateway.sign_in import MAX_CLIENTS, MAX_FAILURES, WINDOW_S, Failures, local_path, sign_in_page
from services.runtime.http import make_app
from services.runtime.settings import Settings, load
from tests.unit.gateway_doubles import Clock, tokens, until

PATIENCE_S = 20


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/", "/"), ("/?room=kitchen", "/?room=kitchen"), ("/docs", "/docs"), ("", "/"), ("//evil.example", "/"),
        ("/\\evil.example", "/"), ("https://evil.example/", "/"), ("javascript:alert(1)", "/"),
        ("/\nSet-Cookie: a=b", "/"), ("/auth", "/"), ("/auth/sign-in?then=/", "/"),
    ],
)  # fmt: skip
def test_after_signing_in_one_stays_on_this_site(asked: str, path: str) -> None:
    assert local_path(asked) == path


def test_what_others_wrote_is_no_html_on_the_page() -> None:
    assert "<b>" not in sign_in_page('/"><b>', "<b>")


@pytest.mark.parametrize(
    ("container", "typed"),
    [("gateway", "<code>docker compose exec gateway moodring token<"), ("", "<code>.venv/bin/moodring token<")],
)
@pytest.mark.parametrize("made", [True, False])
def test_the_page_says_what_makes_a_token_in_this_way_of_running(
    container: str, typed: str, made: bool, tmp_path: Path
) -> None:
    book = tokens(tmp_path)
    _ = book.create("phone") if made else None
    settings = load(container=container, data=tmp_path)
    page = GatewayService(settings, clock=Clock(), tokens=book, transport=None).sign_in_page("/")
    assert typed in page
    assert ("no access token yet" in page) == (not made)
    assert "was printed" not in page


def test_ten_failures_in_a_minute_make_one_wait() -> None:
    failures = Failures()
    for second in range(MAX_FAILURES):
        assert failures.attempt("a", second) == 0
    assert failures.attempt("a", MAX_FAILURES) == WINDOW_S - MAX_FAILURES
    assert failures.attempt("a", WINDOW_S) == 0
    assert failures.attempt("b", MAX_FAILURES) == 0


def test_signing_in_costs_no_attempt() -> None:
    failures = Failures()
    for second in range(2 * MAX_FAILURES):
        assert failures.attempt("a", second) == 0
        failures.take_back("a", second)


def test_clients_that_failed_are_bounded() -> None:
    failures = Failures()
    for _ in range(MAX_FAILURES):
        failures.attempt("first", 0)
    for number in range(MAX_CLIENTS):
        failures.attempt(str(number), 1)
    assert failures.attempt("first", 2) == 0


async def test_many_attempts_at_once_are_no_more_than_one_after_the_other(tmp_path: Path) -> None:
    service = build(Settings(data=tmp_path), tokens=tokens(tmp_path))
    tried, everybody = Queue[str](), Semaphore(0)

    def slow(secret: str) -> None:  # until every other attempt was looked at
        tried.put(secret)
        everybody.acquire(timeout=PATIENCE_S)

    service.tokens.sign_in = slow  # type: ignore[method-assign]
    app = make_app([service])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        attempts = [
            asyncio.create_task(client.post("/auth/sign-in", data={"token": str(number)}))
            for number in range(2 * MAX_FAILURES)
        ]
        await until(lambda: tried.qsize() + sum(map(asyncio.Task.done, attempts)) == len(attempts))
        everybody.release(len(attempts))
        answers = await asyncio.gather(*attempts)
    assert sorted(answer.status_code for answer in answers) == [403] * MAX_FAILURES + [429] * MAX_FAILURES
