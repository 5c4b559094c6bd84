"""The doctor's check of the database: is it there, of this version, and does its clock agree with ours."""

import os
import time
from pathlib import Path

from sqlalchemy import text

from services.recommender.database import database_url, place_of
from services.recommender.migrations import current_revision, head_revision
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.upkeep.backup import opened
from services.upkeep.findings import Finding, broken, by_way, correct, doubtful, way_out, well
from services.upkeep.ownership import forbidden, give_back, give_volume_back, nearest, shut
from services.upkeep.places import sqlite_files

CLOCKS_DIFFER_S = 5.0
REFUSED = "password authentication failed"
"""PostgreSQL's words for a wrong password."""


def database(settings: Settings) -> Finding:
    """Open the database without changing it."""
    try:
        url = database_url(settings)
    except SetupError as error:
        return broken("database", str(error), correct(settings, "MOODRING_RECOMMENDER_DATABASE"))
    place = place_of(url)
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and (found := _file(settings, Path(url.database or ""), place)):
        return found
    try:
        with opened(settings) as connection:
            revision = current_revision(connection)
            away_s = 0.0
            if not sqlite:
                theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
                away_s = abs(theirs - time.time())
    except SetupError as error:
        return broken("database", str(error), _remedy(settings, str(error), sqlite=sqlite))
    if revision != head_revision():
        what = f"{place} has tables of revision {revision or 'none'}, this version needs {head_revision()}"
        newer = revision is not None and revision > head_revision()
        older = by_way(settings, "`moodring migrate`", "`docker compose up migrate`")
        update = by_way(settings, "`git pull`, or restore an older backup", "see Upgrade in docs/operations.md")
        return broken("database", what, update if newer else older)
    if away_s > CLOCKS_DIFFER_S:
        what = f"the clock of {place} is {away_s:.0f} s away from ours"
        return doubtful("database", what, "`timedatectl set-ntp true` on both machines")
    return well("database", f"{place}, revision {revision}")


def _remedy(settings: Settings, refusal: str, *, sqlite: bool) -> str:
    """Return what to do where the database cannot be used."""
    if sqlite:
        anew = "or move the file away and restore a backup as Backup in docs/operations.md says"
        return f"{correct(settings, 'MOODRING_RECOMMENDER_DATABASE')}, {anew}"
    ours = "`docker compose up -d postgres`, and `docker compose logs postgres` says more"
    if REFUSED in refusal:
        ours = "have it changed as Secrets in docs/operations.md says"
    alone = "start it, or correct MOODRING_RECOMMENDER_DATABASE and its password"
    own = f"{ours}; where it is your own one, the right MOODRING_RECOMMENDER_DATABASE and {way_out()}"
    return by_way(settings, alone, own)


def _file(settings: Settings, file: Path, place: str) -> Finding | None:
    """Return what is to be said of an SQLite file before it is opened: that it is shut, or yet to be made."""
    there = nearest(file)
    files = sqlite_files(file) if there == file else []
    folder = file.parent if files else there
    closed = shut([(folder, os.W_OK | os.X_OK), *((one, os.R_OK | os.W_OK) for one in files)])
    if closed:
        ours = settings.data in file.parents
        do = correct(settings, "MOODRING_RECOMMENDER_DATABASE")
        if ours or closed.is_file():
            alone = give_back(closed, all_of=settings.data if ours else closed)
            own = give_volume_back(closed, volume=settings.container)
            do = f"{by_way(settings, alone, own)}; or {do}"
        return broken("database", forbidden(closed), do)
    return None if files else well("database", f"{place} will be made by the first start")
