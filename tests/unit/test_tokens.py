from pathlib import Path

import pytest

from services.runtime.tokens import MAX_SESSIONS, MAX_TOKENS, SESSION_S, first_token
from tests.unit.gateway_doubles import Clock, tokens


def test_the_first_token_is_made_once(tmp_path: Path) -> None:
    secret = first_token(tokens(tmp_path))
    assert secret
    again = tokens(tmp_path)
    assert first_token(again) is None
    found = again.find(secret)
    assert found
    assert found.name == "admin"


def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    book = tokens(tmp_path)
    _, secret = book.create("phone")
    cookie = book.sign_in(secret)
    assert cookie
    content = (tmp_path / "tokens.json").read_text()
    assert secret not in content
    assert cookie not in content


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    tokens(tmp_path).create("phone")
    assert (tmp_path / "tokens.json").stat().st_mode & 0o077 == 0


def test_a_wrong_secret_finds_nothing(tmp_path: Path) -> None:
    book = tokens(tmp_path)
    book.create("phone")
    assert book.find("wrong") is None
    assert book.find("") is None
    assert book.sign_in("wrong") is None


def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    book = tokens(tmp_path)
    cookie = book.sign_in(book.create("phone")[1])
    assert cookie
    assert tokens(tmp_path).signed_in(cookie)


def test_a_session_ends_with_time(tmp_path: Path) -> None:
    clock = Clock()
    book = tokens(tmp_path, clock)
    cookie = book.sign_in(book.create("phone")[1])
    assert cookie
    clock.now += SESSION_S - 1
    assert book.signed_in(cookie)
    clock.now += 2
    assert not book.signed_in(cookie)


def test_signing_out_ends_one_session(tmp_path: Path) -> None:
    book = tokens(tmp_path)
    secret = book.create("phone")[1]
    first, second = book.sign_in(secret), book.sign_in(secret)
    assert first
    assert second
    book.sign_out(first)
    assert not book.signed_in(first)
    assert book.signed_in(second)


def test_deleting_a_token_ends_its_sessions_only(tmp_path: Path) -> None:
    book = tokens(tmp_path)
    kept, kept_secret = book.create("kept")
    gone, gone_secret = book.create("gone")
    stays, goes = book.sign_in(kept_secret), book.sign_in(gone_secret)
    assert stays
    assert goes
    book.delete(gone.id)
    assert book.all == (kept,)
    assert book.find(gone_secret) is None
    assert book.signed_in(stays)
    assert not book.signed_in(goes)


def test_the_last_token_cannot_be_deleted(tmp_path: Path) -> None:
    book = tokens(tmp_path)
    only, _ = book.create("only")
    with pytest.raises(ValueError, match="create another one first"):
        book.delete(only.id)


def test_a_token_that_is_not_there_cannot_be_deleted(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        tokens(tmp_path).delete("nothing")


def test_the_oldest_sessions_make_room(tmp_path: Path) -> None:
    book = tokens(tmp_path)
    secret = book.create("phone")[1]
    cookies = [book.sign_in(secret) or "" for _ in range(MAX_SESSIONS + 1)]
    assert not book.signed_in(cookies[0])
    assert all(book.signed_in(cookie) for cookie in cookies[1:])


def test_tokens_are_bounded(tmp_path: Path) -> None:
    book = tokens(tmp_path)
    for number in range(MAX_TOKENS):
        book.create(str(number))
    with pytest.raises(ValueError, match="delete one that nobody uses"):
        book.create("one more")


def test_a_token_that_another_process_makes_opens_at_once_and_stays(tmp_path: Path) -> None:
    running, beside = tokens(tmp_path), tokens(tmp_path)
    assert running.all == ()
    _, secret = beside.create("by hand")
    assert running.find(secret)
    _, own = running.create("here")
    assert beside.find(own)
    assert [token.name for token in tokens(tmp_path).all] == ["by hand", "here"]
