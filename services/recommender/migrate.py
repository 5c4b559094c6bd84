"""The one-shot migration step: brings a database's tables to this program's version."""

import logging
from pathlib import Path
from typing import Any

from alembic import command
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.recommender.database import database_url, place_of
from services.recommender.migrations import configuration, current_revision
from services.runtime.service import SetupError
from services.runtime.settings import Settings

log = logging.getLogger(__name__)


def migrate(settings: Settings, *, to: str = "head") -> None:
    """Bring the tables to a revision, by default the newest, in one transaction; does nothing where they are.

    An SQLite file and its folder are made when missing. Processes that do this at once wait for each other.
    Blocks: not for an event loop.

    Raises:
        SetupError: The database cannot be reached, is of a newer version, or a migration failed.
    """
    url = database_url(settings)
    place = place_of(url)
    try:
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        with blocking_engine(url).begin() as connection:
            upgrade(connection, place, to)
    except CommandError as error:
        raise SetupError(
            f"{place} was made by a newer Moodring ({error}): update Moodring, or restore a backup"
        ) from error
    except (SQLAlchemyError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise SetupError(f"{place} cannot be migrated: {' '.join(str(cause).split())}") from error


def blocking_engine(url: URL) -> Engine:
    """Return an engine for steps of their own, whose transactions hold everything, also new tables."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool)
    engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool)
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def upgrade(connection: Connection, place: str, to: str) -> None:
    """Bring the tables to a revision within the transaction of a connection of `blocking_engine`.

    Args:
        connection: The connection.
        place: What logs call the database.
        to: The revision; `head` for the newest.

    Raises:
        CommandError: There is no such revision, or the tables are of one that this program does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7300321)")  # a number of ours, the same for everyone
    before = current_revision(connection)
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    if before != (after := current_revision(connection)):
        log.info("%s: tables brought from revision %s to %s", place, before or "none", after)


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python's sqlite3 would run DDL outside of any transaction


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
