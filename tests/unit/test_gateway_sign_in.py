from pathlib import Path

import pytest

from services.gateway.service import GatewayService
from services.gateway.sign_in import MAX_CLIENTS, MAX_FAILURES, WINDOW_S, Failures, local_path, sign_in_page
from services.runtime.settings import load
from tests.unit.gateway_doubles import Clock, tokens


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
        assert failures.wait_s("a", second) == 0
        failures.add("a", second)
    assert failures.wait_s("a", MAX_FAILURES) == WINDOW_S - MAX_FAILURES
    assert failures.wait_s("a", WINDOW_S) == 0
    assert failures.wait_s("b", MAX_FAILURES) == 0


def test_clients_that_failed_are_bounded() -> None:
    failures = Failures()
    for _ in range(MAX_FAILURES):
        failures.add("first", 0)
    for number in range(MAX_CLIENTS):
        failures.add(str(number), 1)
    assert failures.wait_s("first", 2) == 0
