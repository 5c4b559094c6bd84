"""Alembic in code: its configuration here, its environment in `env.py`, one file per revision in `versions/`."""

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def configuration() -> Config:
    """Return Alembic's configuration."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def current_revision(connection: Connection) -> str | None:
    """Return the revision of a database's tables, `None` for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def head_revision() -> str:
    """Return the revision that this program needs."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""
