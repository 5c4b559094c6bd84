"""Backups: database, state files and settings in one file, from any way of running to any other.

The file is a ZIP archive: `manifest.json`, `settings.yml`, `tables/*.jsonl` (one row a line) and `state/*.json`.
Secrets are not in it, but for the hashes of access tokens.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Literal

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services import __version__
from services.recommender.database import database_url, place_of
from services.recommender.migrate import blocking_engine
from services.recommender.migrations import current_revision, head_revision
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.upkeep import rows
from services.upkeep.findings import by_way
from services.upkeep.places import music_folder, state_files
from services.upkeep.portable import portable

MANIFEST, SETTINGS = "manifest.json", "settings.yml"

Say = Callable[[str], None]


class Manifest(BaseModel):
    """What a backup says of itself."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    version: str
    created: AwareDatetime
    revision: str
    """The revision of the tables."""
    music: str
    """Address of the music folder there: songs' addresses begin with it."""
    next_ids: dict[str, int]


def backup(settings: Settings, target: IO[bytes], say: Say) -> None:
    """Write a backup; Moodring may run meanwhile: the database is read in one transaction.

    Raises:
        SetupError: The database cannot be read, or is of another version.
    """
    with opened(settings) as connection, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(MANIFEST, _manifest(settings, connection).model_dump_json(indent=1))
        file.writestr(SETTINGS, yaml.safe_dump(portable(settings)))
        for table in rows.TABLES:
            with file.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as entry:
                for line in rows.lines(connection, table):
                    entry.write(f"{line}\n".encode())
            say(f"{table.name}: {rows.count(connection, table)} rows")
        for path in state_files(settings):
            file.write(path, f"state/{path.name}")
            say(f"state: {path.name}")


def _manifest(settings: Settings, connection: Connection) -> Manifest:
    revision = current_revision(connection)
    if revision is None or revision != head_revision():
        first = by_way(settings, "run `moodring migrate` first", "run `docker compose up migrate` first")
        raise SetupError(
            f"{place_of(database_url(settings))} has tables of revision {revision or 'none'}, and backups are written "
            f"of {head_revision()}: {first}"
        )
    return Manifest(
        version=__version__,
        created=datetime.now(UTC),
        revision=revision,
        music=music_folder(settings).as_uri(),
        next_ids=rows.next_ids(connection),
    )


@contextmanager
def opened(settings: Settings) -> Iterator[Connection]:
    """Open the database in one transaction that sees one moment of it.

    Raises:
        SetupError: It cannot be used.
    """
    url = database_url(settings)
    try:
        with blocking_engine(url).connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901 -- the same one
            with connection.begin():
                yield connection
    except (SQLAlchemyError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise SetupError(f"cannot use {place_of(url)}: {' '.join(str(cause).split())[:300]}") from error
