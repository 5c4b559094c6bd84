"""Databases of every released revision, and how they are loaded again."""

import sqlite3
import subprocess
from pathlib import Path

from tests.postgres import program

FOLDER = Path(__file__).parent


def revisions() -> list[str]:
    """Return the revisions of which there are dumps, oldest first."""
    return sorted(path.name.removesuffix(".sqlite.sql") for path in FOLDER.glob("*.sqlite.sql"))


def load_sqlite(revision: str, file: Path) -> None:
    """Make an SQLite file of a revision."""
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file)
    connection.executescript((FOLDER / f"{revision}.sqlite.sql").read_text())
    connection.close()


def load_postgres(revision: str, url: str) -> None:
    """Fill an empty database of PostgreSQL with a revision."""
    dump = FOLDER / f"{revision}.postgresql.sql"
    done = subprocess.run(
        [program("psql"), url, "-q", "-v", "ON_ERROR_STOP=1", "-f", str(dump)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
