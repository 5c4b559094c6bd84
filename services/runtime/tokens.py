"""Access tokens and the sessions of browsers that signed in with one, kept hashed."""

import hmac
import math
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from threading import Lock
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.runtime.settings import Settings
from services.runtime.state import StateFile

MAX_TOKENS = 100
MAX_SESSIONS = 100
"""Browsers signed in at a time; the one that signed in first is signed out beyond."""
SESSION_S = 30 * 24 * 3600
"""A browser signs in again after 30 days."""

TokenName = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]


class Token(BaseModel):
    """What is kept of a token."""

    id: str
    name: TokenName
    created: AwareDatetime
    sha256: str


class Session(BaseModel):
    """What is kept of a signed-in browser; it ends with the token that it signed in with."""

    sha256: str
    token_id: str
    expires: float = Field(description="Seconds since the epoch.")


class TokenBook(BaseModel):
    """The content of the state file."""

    tokens: tuple[Token, ...] = ()
    sessions: tuple[Session, ...] = ()


def digest(secret: str) -> str:
    """Return the form in which a secret is kept.

    A plain SHA-256 is enough: every secret here is 256 random bits, which nobody can try out. A slow, salted hash
    protects passwords that people choose; here it would only make each request slow.
    """
    return sha256(secret.encode()).hexdigest()


class Tokens:
    """All tokens and sessions. Methods are safe to call from several threads; those that change things write a file.

    Another process may change the file too (`moodring token` beside a gateway that runs), so it is read again whenever
    it was replaced.
    """

    def __init__(self, file: StateFile[TokenBook], *, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock
        self._lock = Lock()
        self._read: tuple[tuple[int, int] | None, TokenBook] = (None, TokenBook())
        self._listeners: list[Callable[[], None]] = []

    @property
    def _book(self) -> TokenBook:
        stamp = self._file.stamp
        if stamp != self._read[0]:
            self._read = stamp, self._file.load() or TokenBook()
        return self._read[1]

    @property
    def all(self) -> tuple[Token, ...]:
        """The tokens there are, oldest first."""
        return self._book.tokens

    def create(self, name: str) -> tuple[Token, str]:
        """Make a token and return it with its secret, which cannot be had again.

        Raises:
            ValueError: There are too many.
        """
        secret = secrets.token_urlsafe(32)
        token = Token(
            id=secrets.token_hex(8),
            name=name,
            created=datetime.fromtimestamp(self._clock(), UTC),
            sha256=digest(secret),
        )
        with self._changing():
            if len(self._book.tokens) >= MAX_TOKENS:
                raise ValueError(f"there are {MAX_TOKENS} tokens already; delete one that nobody uses")
            self._save(tokens=(*self._book.tokens, token))
        return token, secret

    def delete(self, token_id: str) -> None:
        """Delete a token and end the sessions that it opened.

        Raises:
            KeyError: There is no such token.
            ValueError: It is the only one, without which nobody could sign in.
        """
        with self._changing():
            kept = tuple(token for token in self._book.tokens if token.id != token_id)
            if len(kept) == len(self._book.tokens):
                raise KeyError(token_id)
            if not kept:
                raise ValueError("this is the only token; create another one first")
            self._save(tokens=kept, sessions=tuple(s for s in self._book.sessions if s.token_id != token_id))

    def find(self, secret: str) -> Token | None:
        """Return the token with this secret."""
        wanted = digest(secret)
        found = [token for token in self._book.tokens if hmac.compare_digest(token.sha256, wanted)]
        return found[0] if found else None

    def sign_in(self, secret: str) -> str | None:
        """Open a session and return the value of its cookie, or `None` for a wrong secret."""
        token = self.find(secret)
        if token is None:
            return None
        cookie = secrets.token_urlsafe(32)
        now = self._clock()
        session = Session(sha256=digest(cookie), token_id=token.id, expires=now + SESSION_S)
        with self._changing():
            valid = [kept for kept in self._book.sessions if kept.expires > now]
            self._save(sessions=(*valid, session)[-MAX_SESSIONS:])
        return cookie

    def signed_in(self, cookie: str) -> Session | None:
        """Return the session that a cookie belongs to, unless it has ended."""
        wanted, now = digest(cookie), self._clock()
        matches = [
            kept for kept in self._book.sessions if hmac.compare_digest(kept.sha256, wanted) and kept.expires > now
        ]
        return matches[0] if matches else None

    def left_s(self, grant: Token | Session) -> float:
        """Return for how many seconds a token (`inf`) or session holds; 0 where it ended."""
        if grant not in (*self._book.tokens, *self._book.sessions):
            return 0.0
        return max(0.0, grant.expires - self._clock()) if isinstance(grant, Session) else math.inf

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change, in the thread that made it."""
        self._listeners.append(listener)

    def sign_out(self, cookie: str) -> None:
        """End a session."""
        wanted = digest(cookie)
        with self._changing():
            self._save(sessions=tuple(kept for kept in self._book.sessions if kept.sha256 != wanted))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock, self._file.claimed():
            yield

    def _save(self, **changes: object) -> None:
        book = self._book.model_copy(update=changes)
        self._file.save(book)
        self._read = self._file.stamp, book
        for listener in self._listeners:
            listener()


def open_tokens(settings: Settings, *, clock: Callable[[], float] = time.time) -> Tokens:
    """Return the tokens in the data directory of these settings."""
    return Tokens(StateFile(settings.data / "state" / "tokens.json", TokenBook), clock=clock)


def first_token(tokens: Tokens) -> str | None:
    """Make the first token and return its secret, to be shown once; `None` where there are tokens already."""
    return None if tokens.all else tokens.create("admin")[1]
