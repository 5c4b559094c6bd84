"""Puts a backup in the place of an installation's database and state."""

import io
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml
from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy import Connection, MetaData

from services.assembly import SERVICES, claim
from services.contracts.wrong import first_wrong
from services.recommender.database import database_url, place_of
from services.recommender.migrate import upgrade
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.runtime.state import replace_file
from services.upkeep import rows
from services.upkeep.backup import MANIFEST, SETTINGS, Manifest, Say, opened
from services.upkeep.places import data_of, music_folder, owner, state_files
from services.upkeep.portable import differing, portable

PART_BYTES = 1 << 16
"""How much of an archive's file is read at a time."""


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
        replace: Delete what is there, every table and state file, also of a newer version; without it only an empty
            database is taken.

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
        _restore_tables(settings, file, manifest, _Tables(moved, say, replace=replace))
        restored = _restore_state(settings, file, moved, say)
        if replace:
            _delete_state(set(state_files(settings)) - restored, say)
        return list(differing(yaml.safe_load(file.read(SETTINGS)) or {}, portable(settings)))


def _open(source: IO[bytes]) -> tuple[zipfile.ZipFile, Manifest]:
    """Return the archive, of which everything can be read, and what it says of itself."""
    try:
        file = zipfile.ZipFile(source if source.seekable() else io.BytesIO(source.read()))
        for name in file.namelist():
            _read_through(file, name)
        manifest = Manifest.model_validate_json(file.read(MANIFEST))
        file.getinfo(SETTINGS)
    except ValidationError as error:
        raise SetupError(f"this version cannot read the backup: {first_wrong(error)}; update Moodring") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise SetupError("this is no backup of Moodring: it is no ZIP archive with a manifest and settings") from error
    return file, manifest


def _read_through(file: zipfile.ZipFile, name: str) -> None:
    """Read one of the archive's files for its check sum.

    Unlike `ZipFile.testzip`, which lets out what the decompressor says (zlib.error), or that something is encrypted or
    packed in another way (RuntimeError, of which NotImplementedError is one).
    """
    try:
        with file.open(name) as entry:
            while entry.read(PART_BYTES):
                pass
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise SetupError(f"the backup is damaged: {name} in it cannot be read ({error})") from error


@dataclass(frozen=True)
class _Tables:
    """How tables are restored."""

    moved: MovedMusic
    say: Say
    replace: bool

    def change(self, row: dict[str, Any]) -> None:
        """Let a song's address begin with the music folder of here."""
        if "uri" in row:
            row["uri"] = self.moved.address(row["uri"])


def _restore_tables(settings: Settings, file: zipfile.ZipFile, manifest: Manifest, how: _Tables) -> None:
    """Load the rows into tables of the revision that they were written from, and bring those up to date then.

    All in one transaction: whatever fails, the database is as it was.
    """
    names = set(file.namelist())
    url = database_url(settings)
    place = place_of(url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        with opened(settings) as connection:
            _empty(connection, place, replace=how.replace)
            upgrade(connection, place, manifest.revision)
            for table in rows.TABLES:
                if f"tables/{table.name}.jsonl" not in names:
                    continue
                with file.open(f"tables/{table.name}.jsonl") as entry:
                    done = rows.load(connection, table, io.TextIOWrapper(entry, "utf-8"), how.change)
                how.say(f"{table.name}: {done} rows")
            rows.continue_ids(connection, manifest.next_ids)
            upgrade(connection, place, "head")
    except CommandError as error:
        raise SetupError(f"backup or database is of a newer Moodring ({error}): update Moodring") from error
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise SetupError(f"the backup is damaged, and {place} is as it was: {error}") from error


def _empty(connection: Connection, place: str, *, replace: bool) -> None:
    """Drop every table there is, where they hold nothing or may be replaced: a newer version may have made more."""
    there = MetaData()
    there.reflect(connection)
    tables = [table for table in there.sorted_tables if table.schema is None]  # not what ours point at elsewhere
    held = [table.name for table in tables if table.name != "alembic_version" and rows.count(connection, table)]
    if held and not replace:
        raise SetupError(f"{place} holds {', '.join(held)} already; `restore --replace` deletes that")
    there.drop_all(connection, tables=tables)


def _restore_state(settings: Settings, file: zipfile.ZipFile, moved: MovedMusic, say: Say) -> set[Path]:
    """Write the state files and return them."""
    restored = set()
    for name in file.namelist():
        folder, _, base = name.rpartition("/")
        service = owner(base)
        if folder == "state" and service:
            path = data_of(settings, service) / "state" / base
            try:
                replace_file(path, moved.in_json(file.read(name).decode()).encode())
            except OSError as error:
                raise SetupError(f"{path} cannot be written: {error.strerror}") from error
            restored.add(path)
            say(f"state: {base}")
    return restored


def _delete_state(paths: Iterable[Path], say: Say) -> None:
    """Delete state that there was not when the backup was made."""
    for path in sorted(paths):
        try:
            path.unlink()
        except OSError as error:
            raise SetupError(f"{path} cannot be deleted: {error.strerror}") from error
        say(f"state: {path.name} was not in the backup and is deleted")
