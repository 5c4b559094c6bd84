"""Puts a backup in the place of an installation's database and state."""

import io
import zipfile
from contextlib import ExitStack
from typing import IO, Any

import yaml
from pydantic import ValidationError
from sqlalchemy import text

from services.assembly import SERVICES, claim
from services.recommender.database import database_url, place_of
from services.recommender.migrate import migrate
from services.recommender.tables import Base
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.runtime.state import replace_file
from services.upkeep import rows
from services.upkeep.backup import MANIFEST, SETTINGS, Manifest, Say, opened
from services.upkeep.places import data_of, music_folder, owner
from services.upkeep.portable import differing, portable


class MovedMusic:
    """Songs' addresses, from the music folder of there to the one of here."""

    def __init__(self, there: str, here: str) -> None:
        self._there, self._here = f"{there.rstrip('/')}/", f"{here.rstrip('/')}/"

    def address(self, uri: str) -> str:
        """Return a song's address here."""
        return self._here + uri.removeprefix(self._there) if uri.startswith(self._there) else uri

    def in_json(self, content: str) -> str:
        """Return a state file's content with the addresses of here."""
        return content.replace(f'"{self._there}', f'"{self._here}')


def restore(settings: Settings, source: IO[bytes], say: Say, *, replace: bool = False) -> list[str]:
    """Put a backup in place; Moodring must not run.

    Args:
        settings: The installation's.
        source: The backup.
        say: Hears what is put where.
        replace: Delete what the database holds; without it only an empty one is taken.

    Returns:
        Settings that held there and do not here, as lines for `.env`.

    Raises:
        SetupError: Moodring runs, the file is no backup, or the database holds something already.
    """
    with ExitStack() as stack:
        for service in SERVICES:
            own = settings.model_copy(update={"data": data_of(settings, service)})
            stack.callback(claim(own, service).close)
        file, manifest = _open(source)
        stack.enter_context(file)
        moved = MovedMusic(manifest.music, music_folder(settings).as_uri())
        _empty(settings, replace=replace)
        _restore_tables(settings, file, manifest, moved, say)
        _restore_state(settings, file, moved, say)
        return list(differing(yaml.safe_load(file.read(SETTINGS)) or {}, portable(settings)))


def _open(source: IO[bytes]) -> tuple[zipfile.ZipFile, Manifest]:
    try:
        file = zipfile.ZipFile(source if source.seekable() else io.BytesIO(source.read()))
        return file, Manifest.model_validate_json(file.read(MANIFEST))
    except (zipfile.BadZipFile, KeyError) as error:
        raise SetupError("this is no backup of Moodring: it is no ZIP archive with a manifest") from error
    except ValidationError as error:
        raise SetupError(f"this version cannot read the backup: {error.errors()[0]['msg']}; update Moodring") from error


def _restore_tables(settings: Settings, file: zipfile.ZipFile, manifest: Manifest, moved: MovedMusic, say: Say) -> None:
    """Load the rows into tables of the revision that they were written from, and bring those up to date then."""
    names = set(file.namelist())
    tables = [table for table in rows.TABLES if f"tables/{table.name}.jsonl" in names]
    place = place_of(database_url(settings))

    def change(row: dict[str, Any]) -> None:
        if "uri" in row:
            row["uri"] = moved.address(row["uri"])

    migrate(settings, to=manifest.revision)
    try:
        with opened(settings) as connection:
            for table in tables:
                with file.open(f"tables/{table.name}.jsonl") as entry:
                    done = rows.load(connection, table, io.TextIOWrapper(entry, "utf-8"), change)
                say(f"{table.name}: {done} rows")
            rows.continue_ids(connection, manifest.next_ids)
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"the backup is damaged, and {place} stays empty: {error}") from error
    migrate(settings)


def _empty(settings: Settings, *, replace: bool) -> None:
    """Drop the tables, where they hold nothing or may be replaced."""
    migrate(settings)
    with opened(settings) as connection:
        held = [table.name for table in rows.TABLES if rows.count(connection, table)]
        if held and not replace:
            raise SetupError(
                f"{place_of(database_url(settings))} holds {', '.join(held)} already; `restore --replace` deletes that"
            )
        Base.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))


def _restore_state(settings: Settings, file: zipfile.ZipFile, moved: MovedMusic, say: Say) -> None:
    for name in file.namelist():
        folder, _, base = name.rpartition("/")
        service = owner(base)
        if folder == "state" and service:
            path = data_of(settings, service) / "state" / base
            try:
                replace_file(path, moved.in_json(file.read(name).decode()).encode())
            except OSError as error:
                raise SetupError(f"{path} cannot be written: {error.strerror}") from error
            say(f"state: {base}")
