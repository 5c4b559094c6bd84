"""Backups: everything comes back, also on the other kind of database and under another music folder."""

import io
import json
import shlex
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from services.__main__ import main
from services.assembly import claim
from services.contracts.messages import uuid7
from services.recommender.migrate import migrate
from services.recommender.tables import Base
from services.runtime.camera_settings import PrivacyRules
from services.runtime.service import SetupError
from services.runtime.settings import Settings, keys, load
from services.upkeep import rows
from services.upkeep.backup import backup, opened
from services.upkeep.portable import differing, is_portable, portable
from services.upkeep.restore import restore

NOW = datetime(2026, 11, 27, 18, 30, 0, 123456, tzinfo=UTC)
DECISION = UUID("01934567-89ab-7cde-8f01-23456789abcd")


def silent(_line: str) -> None:
    """Say nothing."""


def fill(settings: Settings) -> None:
    """Put a row into every table, the awkward values among them."""
    music = (settings.music or settings.data / "songs").resolve()
    song = {
        "uri": (music / "Über uns" / "a b#c.mp3").as_uri(), "title": "Über uns ☂", "artist": "", "album": "x",
        "search": "über uns", "duration_s": None, "valence": -0.25, "arousal": 1.0, "placed_by": "tags", "mood": None,
        "source": "folder", "stamp": "1:2", "added_at": NOW, "missing": False,
    }  # fmt: skip
    values: dict[str, list[dict[str, Any]]] = {
        "songs": [{"id": 7, **song}],
        "playlists": [{"id": 3, "name": "Rainy", "mood": "sad", "created_at": NOW}],
        "playlist_entries": [{"playlist_id": 3, "position": 0, "song_id": 7}],
        "decisions": [
            {
                "id": uuid7(), "decision_id": DECISION, "room": "home", "decided_at": NOW, "mood": "sad",
                "mode": "lift",
                "target_valence": 0.1, "target_arousal": 0.2, "playlist": None, "how": "append", "reason": "so",
                "songs": [{"song_id": 7, "score": 0.5, "distance": 0.25}],
            }
        ],
        "plays": [
            {
                "play_id": uuid7(), "room": "home", "song_id": 7, "decision_id": None, "started_at": NOW,
                "ended_at": None, "heard_s": None, "skipped": None, "liked": True,
            }
        ],
        "feedback": [
            {"id": uuid7(), "room": "home", "song_id": 7, "liked": True, "given_at": NOW, "decision_id": DECISION}
        ],
        "mood_decisions": [
            {
                "decision_id": DECISION, "room": "home", "decided_at": NOW, "mood": "sad", "confidence": 1.0,
                "distribution": {"sad": 0.75, "neutral": 0.25}, "valence": 0.0, "arousal": 0.0, "people": 1,
                "samples": 3, "source": "camera",
            }
        ],
        "mood_minutes": [
            {
                "room": "home", "started_at": 1_795_000_000, "mood": "sad", "seconds": 60.0, "valence": 0.1,
                "arousal": 0.2, "confidence": 0.9, "people": 1, "samples": 4.5,
            }
        ],
    }  # fmt: skip
    assert set(values) == set(Base.metadata.tables)
    with opened(settings) as connection:
        for table in rows.TABLES:
            connection.execute(insert(table), values[table.name])
        # Playlist 9 was deleted: its id is not given out again.
        rows.continue_ids(connection, {"playlists": 9})


def content(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    with opened(settings) as connection:
        return {table.name: [json.loads(line) for line in rows.lines(connection, table)] for table in rows.TABLES}


def next_playlist_id(settings: Settings) -> int:
    with opened(settings) as connection:
        new = {"name": "New", "mood": None, "created_at": NOW}
        return int(
            connection.execute(insert(Base.metadata.tables["playlists"]).returning(text("id")), new).scalar_one()
        )


@pytest.fixture
def one_process(tmp_path: Path) -> Settings:
    """An installation as `make run` has it: SQLite and one data folder."""
    settings = load(data=tmp_path / "one", music=tmp_path / "Music", aggregator={"window_s": 20}, room="kitchen")
    (tmp_path / "one" / "state").mkdir(parents=True)
    return settings


@pytest.fixture
def house(tmp_path: Path, postgres_url: str) -> Settings:
    """An installation as compose has it: PostgreSQL and a folder per service."""
    for service in ("camera", "aggregator", "inference", "recommender", "player", "gateway"):
        (tmp_path / "house" / service / "state").mkdir(parents=True)
    return load(data=tmp_path / "house", music=tmp_path / "music", recommender={"database": postgres_url})


def there_and_back(there: Settings, here: Settings, *, replace: bool = False) -> list[str]:
    file = io.BytesIO()
    backup(there, file, silent)
    file.seek(0)
    return restore(here, file, silent, replace=replace)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_everything_moves_between_the_ways_of_running(one_process: Settings, house: Settings, direction: str) -> None:
    there, here = (one_process, house) if direction == "up" else (house, one_process)
    migrate(there)
    fill(there)
    before = content(there)
    there_and_back(there, here)
    after = content(here)
    assert after["songs"][0].pop("uri") == (here.music or Path()).as_uri() + "/%C3%9Cber%20uns/a%20b%23c.mp3"
    before["songs"][0].pop("uri")
    assert after == before
    assert next_playlist_id(here) == 10


def test_state_files_go_where_their_service_looks(one_process: Settings, house: Settings) -> None:
    migrate(one_process)
    state = one_process.data / "state"
    song = f"{(one_process.music or Path()).as_uri()}/a.mp3"
    (state / "player.json").write_text(json.dumps({"uri": song, "title": f"about {song}"}))
    (state / "tokens.json").write_text("{}")
    (state / "inference.json").write_text('{"moods": []}')
    (state / "commands-player-main.json").write_text('{"ids": []}')
    (state / "player-main.lock").write_text("")
    (state / "unknown.json").write_text("{}")
    there_and_back(one_process, house)
    found = {str(path.relative_to(house.data)) for path in house.data.rglob("*.json")}
    assert found == {
        "player/state/player.json", "gateway/state/tokens.json", "player/state/commands-player-main.json",
        "inference/state/inference.json",
    }  # fmt: skip
    saved = json.loads((house.data / "player" / "state" / "player.json").read_text())
    assert saved["uri"] == f"{(house.music or Path()).as_uri()}/a.mp3"
    assert (house.data / "gateway" / "state" / "tokens.json").stat().st_mode & 0o077 == 0


def test_settings_that_differ_are_said(one_process: Settings, house: Settings) -> None:
    migrate(one_process)
    assert there_and_back(one_process, house) == ["MOODRING_AGGREGATOR_WINDOW_S=20.0", "MOODRING_ROOM=kitchen"]


def test_what_was_said_of_privacy_is_not_lost(one_process: Settings, house: Settings) -> None:
    rules = {"schedule": "22:00-07:00", "consent": {"kitchen": "always"}, "time_zone": "Europe/Berlin"}
    there = one_process.model_copy(update={"privacy": PrivacyRules(**rules, debug_crops_hours=2)})
    migrate(there)
    lines = there_and_back(there, house)
    assert {line.partition("=")[0] for line in lines if "PRIVACY" in line} == {
        "MOODRING_PRIVACY_SCHEDULE", "MOODRING_PRIVACY_CONSENT", "MOODRING_PRIVACY_TIME_ZONE",
    }  # fmt: skip
    told = dict(line.partition("=")[::2] for line in lines)
    environment = {name: shlex.split(value)[0] for name, value in told.items()}
    with pytest.MonkeyPatch.context() as shell:
        for name, value in environment.items():
            shell.setenv(name, value)
        assert load(data=house.data).privacy == PrivacyRules(**rules)


def test_hours_by_the_machines_clock_take_its_zone_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    clock = tmp_path / "localtime"
    clock.symlink_to("/usr/share/zoneinfo/Pacific/Auckland")
    closed = load(privacy={"schedule": "22:00-07:00"})
    assert portable(closed, clock)["privacy.time_zone"] == "Pacific/Auckland"
    assert portable(load(), clock)["privacy.time_zone"] == ""


def test_a_backup_from_before_settings_were_carried_says_nothing_of_them(one_process: Settings) -> None:
    closed = one_process.model_copy(update={"privacy": PrivacyRules(schedule="22:00-07:00")})
    assert list(differing({"room": "kitchen"}, portable(closed))) == []


def test_every_setting_is_carried_or_left_for_a_reason() -> None:
    """A new one has to be decided here, and said in docs/operations.md where people would miss it."""
    places = {"cameras", "container", "data", "instance", "music", "yunet", "camera.source", "camera.detector"}
    passing = {"camera.as_fast_as_possible", "camera.loop", "privacy.debug_crops_hours"}
    reached = ("gateway.", "http.", "inference.", "logs.", "mqtt.", "player.", "traces.")
    reached_by_name = {"recommender.database", "recommender.password_file"}
    left = {key for key in keys() if not is_portable(key)}
    assert left == places | passing | reached_by_name | {key for key in keys() if key.startswith(reached)}


def test_what_is_there_is_replaced_only_when_asked(one_process: Settings, house: Settings) -> None:
    migrate(one_process)
    migrate(house)
    fill(house)
    with pytest.raises(SetupError, match=r"holds .*songs.* already; `restore --replace`"):
        there_and_back(one_process, house)
    assert content(house)["songs"]
    there_and_back(one_process, house, replace=True)
    assert not any(content(house).values())


@pytest.mark.parametrize("way", ["one_process", "house"])
def test_the_tables_of_a_newer_version_are_rolled_back(way: str, request: pytest.FixtureRequest) -> None:
    settings: Settings = request.getfixturevalue(way)
    migrate(settings)
    fill(settings)
    before = content(settings)
    file = io.BytesIO()
    backup(settings, file, silent)
    newer = "CREATE TABLE ratings (song_id INTEGER NOT NULL REFERENCES songs (id), stars INTEGER)"
    with opened(settings) as connection:
        for statement in (
            newer,
            "INSERT INTO ratings VALUES (7, 5)",
            "UPDATE alembic_version SET version_num = '9999'",
        ):
            connection.execute(text(statement))
    file.seek(0)
    restore(settings, file, silent, replace=True)
    assert content(settings) == before
    with opened(settings) as connection:
        connection.execute(text(newer))  # as the next upgrade does


def test_a_table_that_is_not_ours_is_not_deleted_unasked(one_process: Settings, house: Settings) -> None:
    migrate(one_process)
    with opened(house) as connection:
        connection.execute(text("CREATE TABLE recipes AS SELECT 'soup' AS name"))
    with pytest.raises(SetupError, match="holds recipes already"):
        there_and_back(one_process, house)


def test_state_that_was_not_there_is_gone_after_a_replacement_only(one_process: Settings, house: Settings) -> None:
    migrate(one_process)
    (one_process.data / "state" / "camera.json").write_text("{}")
    later = house.data / "player" / "state" / "player.json"
    later.write_text("{}")
    there_and_back(one_process, house)
    assert later.exists()
    there_and_back(one_process, house, replace=True)
    assert not later.exists()
    assert (house.data / "camera" / "state" / "camera.json").exists()


def test_nothing_is_restored_under_a_moodring_that_runs(one_process: Settings, house: Settings) -> None:
    migrate(one_process)
    running = house.model_copy(update={"data": house.data / "player"})
    with claim(running, "player"), pytest.raises(SetupError, match="another Moodring runs its player"):
        there_and_back(one_process, house)


def test_a_backup_of_tables_of_another_version_is_refused(one_process: Settings) -> None:
    migrate(one_process, to="0001")
    with pytest.raises(SetupError, match=r"revision 0001.*run `moodring migrate` first"):
        backup(one_process, io.BytesIO(), silent)


def test_a_backup_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOODRING_DATA", str(tmp_path / "data"))
    migrate(load())
    file = tmp_path / "moodring.backup"
    assert main(["backup", str(file)]) == 0
    before = file.read_bytes()
    assert before.startswith(b"PK")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "state is in it"
    with opened(load()) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'other'"))
    assert main(["backup", str(file)]) == 1
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file.name]


def test_a_backup_of_an_older_version_is_brought_up_to_date(one_process: Settings, house: Settings) -> None:
    migrate(one_process)
    fill(one_process)
    file = io.BytesIO()
    backup(one_process, file, silent)
    old = io.BytesIO()
    with zipfile.ZipFile(file) as new, zipfile.ZipFile(old, "w") as target:
        for name in new.namelist():
            if "mood_" not in name:
                target.writestr(name, new.read(name).replace(b'"revision": "0002"', b'"revision": "0001"'))
    old.seek(0)
    restore(house, old, silent)
    restored = content(house)
    assert restored["songs"]
    assert restored["mood_minutes"] == []


ZIP_HEADER_BYTES = 30
"""Of a file in an archive, without its name (APPNOTE.TXT, 4.3.7)."""


@pytest.mark.parametrize(
    "damage",
    ["no zip", "no manifest", "no settings", "newer", "newer tables", "rows", "cut", "bytes", "encrypted"],
)
def test_what_is_no_backup_is_one_clear_line_and_changes_nothing(
    damage: str, one_process: Settings, house: Settings
) -> None:
    migrate(one_process)
    fill(one_process)
    migrate(house)
    fill(house)
    before = content(house)
    file = io.BytesIO()
    backup(one_process, file, silent)
    bad = io.BytesIO()
    with zipfile.ZipFile(file) as good, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as target:
        for name in good.namelist():
            data = good.read(name)
            if damage == "newer":
                data = data.replace(b'"format": 1', b'"format": 2')
            if damage == "newer tables":
                data = data.replace(b'"revision": "0002"', b'"revision": "9999"')
            if damage == "rows" and name == "tables/plays.jsonl":
                data = b'{"play_id": "no id"}\n'
            if (damage, name) not in {("no manifest", "manifest.json"), ("no settings", "settings.yml")}:
                target.writestr(name, data)
        songs = target.getinfo("tables/songs.jsonl")
        if damage == "encrypted":
            songs.flag_bits |= 1
    if damage == "no zip":
        bad = io.BytesIO(b"not a backup")
    if damage == "cut":
        bad = io.BytesIO(bad.getvalue()[:-200])
    if damage == "bytes":
        bad.seek(songs.header_offset + ZIP_HEADER_BYTES + len("tables/songs.jsonl"))
        bad.write(b"\xff" * 12)
    bad.seek(0)
    with pytest.raises(SetupError, match="backup"):
        restore(house, bad, silent, replace=True)
    assert content(house) == before


def test_a_backup_of_a_newer_form_names_what_is_new(house: Settings) -> None:
    bad = io.BytesIO()
    with zipfile.ZipFile(bad, "w") as file:
        file.writestr("manifest.json", '{"format": 2}')
    with pytest.raises(SetupError, match=r"cannot read the backup: format: Input should be 1; update Moodring"):
        restore(house, bad, silent)
