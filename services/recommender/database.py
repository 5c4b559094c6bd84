"""The database: one URL, SQLite or PostgreSQL, and sessions that say when it is away.

Migrations are a step of their own (`migrate`); a service only checks that they were run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from services.recommender.migrations import current_revision, head_revision
from services.runtime.health import Health
from services.runtime.service import SetupError
from services.runtime.settings import Settings

BUSY_TIMEOUT_MS = 5000
CONNECT_TIMEOUT_S = 5


class DatabaseAwayError(Exception):
    """The database does not answer or its tables are of another version; the text says what to do."""


def database_url(settings: Settings) -> URL:
    """Return where the database is.

    Raises:
        SetupError: The setting is no URL of a database that Moodring can use.
    """
    text = settings.recommender.database or f"sqlite:///{settings.data / 'moodring.sqlite3'}"
    try:
        url = make_url(text)
    except ArgumentError:
        url = URL.create("")
    backend = url.drivername.partition("+")[0]
    if backend not in {"sqlite", "postgresql"} or (backend == "sqlite" and url.database in {None, "", ":memory:"}):
        # Only the start is shown: the rest may hold a password.
        raise SetupError(
            f"recommender.database starts with {text.partition(':')[0]!r}: it must be "
            "postgresql://user:password@host/name, sqlite:///file, or empty for a file in the data directory"
        )
    return url.set(drivername="sqlite+aiosqlite" if backend == "sqlite" else "postgresql+psycopg")


def place_of(url: URL) -> str:
    """Return what logs and states call a database: never with a password, not even one in its query."""
    if url.get_backend_name() == "sqlite":
        return f"the database {url.database}"
    return f"the database {url.database} at {url.host or 'a local socket'}"


class Database:
    """Sessions on one database, and its health.

    SQLite gets one connection, so that its readers and writers wait for each other here instead of failing there.
    """

    def __init__(self, url: URL, health: Health) -> None:
        self._place = place_of(url)
        self._engine = _engine(url)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._health = health
        self._problem = f"{self._place} is not open yet"
        self.available = asyncio.Event()
        """Set while it answers."""
        self.gone = asyncio.Event()
        """Set while it does not."""

    async def connect(self) -> None:
        """Check that the database is there with the right tables; sessions are refused before.

        Raises:
            DatabaseAwayError: It is not; try again later.
        """
        async with self._translated(), self._engine.connect() as connection:
            found = await connection.run_sync(current_revision)
        if found != head_revision():
            raise self._away(
                f"{self._place} has tables of revision {found or 'none'}, this program needs {head_revision()}: "
                "run `moodring migrate` (under Docker `docker compose up migrate`), or update Moodring"
            )
        self._problem = ""
        self._health.report("database")
        self.gone.clear()
        self.available.set()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction, committed at the end of the block.

        Raises:
            DatabaseAwayError: The database is away; nothing of the block was stored.
            IntegrityError: The block breaks a constraint.
        """
        if self._problem:
            raise DatabaseAwayError(self._problem)
        async with self._translated(), self._sessions.begin() as session:
            yield session

    async def close(self) -> None:
        """Close every connection; `connect` opens again."""
        self._problem = f"{self._place} is closed"
        self.available.clear()
        await self._engine.dispose()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (OperationalError, InterfaceError, PoolTimeoutError, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise self._away(f"cannot use {self._place}: {' '.join(str(cause).split())[:300]}") from error

    def _away(self, problem: str) -> DatabaseAwayError:
        self._problem = problem
        self._health.report("database", problem)
        self.available.clear()
        self.gone.set()
        return DatabaseAwayError(problem)


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        return create_async_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    engine = create_async_engine(
        url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, pool_timeout=BUSY_TIMEOUT_MS / 1000
    )
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
