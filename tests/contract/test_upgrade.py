"""Updates: a database of every released revision is brought up to date with all that is in it, or left as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from services.recommender.database import Database, database_url
from services.recommender.migrate import migrate
from services.recommender.migrations import configuration, current_revision, head_revision
from services.recommender.playlists import SqlPlaylistStore
from services.recommender.songs import SqlSongStore
from services.runtime.health import Health
from services.runtime.service import SetupError
from services.runtime.settings import Settings, load
from services.upkeep import rows
from services.upkeep.backup import opened
from tests import schema

Make = Callable[[str], Settings]


@pytest.fixture(params=["sqlite", "postgresql"])
def of_revision(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Return a function that makes an installation with a database of a revision."""

    def make(revision: str) -> Settings:
        if request.param == "sqlite":
            schema.load_sqlite(revision, tmp_path / "moodring.sqlite3")
            return load(data=tmp_path)
        url = request.getfixturevalue("postgres_url")
        schema.load_postgres(revision, url)
        return load(data=tmp_path, recommender={"database": url})

    return make


def content(settings: Settings) -> dict[str, list[str]]:
    with opened(settings) as connection:
        there = inspect(connection).get_table_names()
        return {table.name: list(rows.lines(connection, table)) for table in rows.TABLES if table.name in there}


def revision_of(settings: Settings) -> str | None:
    with opened(settings) as connection:
        return current_revision(connection)


def test_there_is_a_database_of_every_revision() -> None:
    known = {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
    assert set(schema.revisions()) == known, "a new migration needs its dumps: python -m tests.schema"


@pytest.mark.parametrize("revision", schema.revisions())
async def test_everything_is_still_there_and_of_use(of_revision: Make, revision: str) -> None:
    settings = of_revision(revision)
    before = content(settings)
    assert all(before.values())
    migrate(settings)
    assert revision_of(settings) == head_revision()
    after = content(settings)
    assert {name: after[name] for name in before} == before
    database = Database(database_url(settings), Health())
    await database.connect()
    (song,) = await SqlSongStore(database).candidates()
    assert (song.id, song.title) == (7, "Über uns ☂")
    (playlist,) = await SqlPlaylistStore(database).pinned()
    assert [one.id for one in playlist.songs] == [7]
    await database.close()


@pytest.mark.parametrize("revision", schema.revisions()[:-1])
def test_an_update_that_fails_leaves_everything_as_it_was(
    of_revision: Make, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = of_revision(revision)
    before = content(settings)
    module: Any = ScriptDirectory.from_config(configuration()).get_revision(head_revision()).module
    real = module.upgrade

    def fail() -> None:
        real()
        raise OSError("the disk is full")

    monkeypatch.setattr(module, "upgrade", fail)
    with opened(settings) as connection:
        tables = set(inspect(connection).get_table_names())
    with pytest.raises(SetupError, match="the disk is full"):
        _migrate_with(module, settings, monkeypatch)
    assert revision_of(settings) == revision
    assert content(settings) == before
    with opened(settings) as connection:
        assert set(inspect(connection).get_table_names()) == tables


def _migrate_with(module: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrate with a changed revision: Alembic loads its files anew each time."""
    script = ScriptDirectory.from_config(configuration())
    script.get_revision(head_revision()).module = module
    monkeypatch.setattr(ScriptDirectory, "from_config", classmethod(lambda _cls, _config: script))
    migrate(settings)
