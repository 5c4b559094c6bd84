"""Writes the dumps of the newest revision."""

import re
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from services.recommender.migrate import migrate
from services.recommender.migrations import head_revision
from services.runtime.settings import load
from tests.integration.test_backup import fill
from tests.postgres import Postgres, program
from tests.schema import FOLDER


def main() -> None:
    """Make both databases with a row in every table, and dump them."""
    revision = head_revision()
    with tempfile.TemporaryDirectory() as folder, Postgres() as cluster:
        settings = load(data=Path(folder), music=Path("/music"))
        migrate(settings)
        fill(settings)
        with sqlite3.connect(Path(folder) / "moodring.sqlite3") as connection:
            (FOLDER / f"{revision}.sqlite.sql").write_text("\n".join(connection.iterdump()) + "\n")
        cluster.execute("CREATE DATABASE dumped")
        settings = load(data=Path(folder), music=Path("/music"), recommender={"database": cluster.url("dumped")})
        migrate(settings)
        fill(settings)
        command = [program("pg_dump"), "--inserts", "--no-owner", "--no-privileges", cluster.url("dumped")]
        dump = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        # What only newer or only older servers know.
        dump = re.sub(r"^(SET .*timeout.*|\\(un)?restrict .*|--.*|)\n", "", dump, flags=re.MULTILINE)
        (FOLDER / f"{revision}.postgresql.sql").write_text(dump)


if __name__ == "__main__":
    main()
