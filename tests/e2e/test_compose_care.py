"""The home server is looked after: doctor, figures, backups, and moving there (see test_compose.py)."""

import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.contracts.messages import PlayerState
from services.contracts.rights import RIGHTS
from tests.compose import LONG_RUNNING, NEEDS_ENGINE, ROOM, ROOT, Stack, clear
from tests.product import Product, playing

pytestmark = NEEDS_ENGINE

RESIDENT_BYTES = 1_000_000_000


@pytest.mark.parametrize("service", ["camera", "inference", "aggregator", "recommender", "player", "gateway"])
def test_the_doctor_finds_every_container_well(stack: Stack, service: str) -> None:
    report = json.loads(stack.inside(service, "moodring", "doctor", "--json", check=False))
    assert report["healthy"], report["findings"]
    found = {finding["part"]: finding["how"] for finding in report["findings"]}
    assert found["broker"] == "well"


def test_what_is_wrong_in_env_is_one_clear_line(stack: Stack) -> None:
    for variables, said in (
        ({"MOODRING_CAMRA_SOURCE": "demo"}, "did you mean MOODRING_CAMERA_SOURCE?"),
        ({"MOODRING_CAMERA_FPS": "many"}, "camera.fps (MOODRING_CAMERA_FPS) is wrong"),
        ({"MOODRING_ROOM": "Living Room"}, "the setting room (MOODRING_ROOM) is wrong"),
        ({"MOODRING_HOST_CAMERA_GROUP": "video"}, "MOODRING_HOST_CAMERA_GROUP in .env has to be a number"),
        ({"MOODRING_MQTT_URL": "mqtts://me@broker.lan"}, "names a user and no password"),
    ):
        wrong = [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]
        done = stack.run("run", "--rm", "--no-deps", "-T", *wrong, "first-start", check=False)
        told = [json.loads(line)["message"] for line in done.stderr.decode().splitlines() if line.startswith("{")]
        assert done.returncode == 1
        assert len(told) == 1, f"{variables}: {done.stderr.decode()}"
        assert said in told[0]


def asked(stack: Stack, query: str) -> list[dict[str, Any]]:
    """Return the rows that Prometheus answers a query with."""
    address = f"http://127.0.0.1:{stack.ports['PROMETHEUS_PORT']}/api/v1/query?query={urllib.parse.quote(query)}"
    with urllib.request.urlopen(address, timeout=20) as answer:
        rows: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return rows


def test_every_panel_of_the_dashboard_shows_something(stack: Stack) -> None:
    dashboard = json.loads((ROOT / "infra" / "grafana" / "dashboards" / "moodring.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 20
    left = set(queries)
    deadline = time.monotonic() + 240
    while left and time.monotonic() < deadline:
        for query in list(left):
            result = asked(stack, query)
            if result and not all(row["value"][1] == "NaN" for row in result):
                left.discard(query)
        time.sleep(2)
    assert not left


def test_the_first_event_of_its_kind_is_seen(stack: Stack) -> None:
    """A series that began with it, at 1, would rise by nothing."""
    counted = 'moodring_aggregator_decisions_total{mood="romantic",source="override"}'
    assert [row["value"][1] for row in asked(stack, counted)] == ["0"]
    stack.get(f"/api/rooms/{ROOM}/mood/override", "PUT", {"mood": "romantic", "minutes": 5})
    deadline = time.monotonic() + 120
    while not [row for row in asked(stack, f"increase({counted}[5m])") if float(row["value"][1]) > 0]:
        assert time.monotonic() < deadline
        time.sleep(1)
    stack.get(f"/api/rooms/{ROOM}/mood/override", "DELETE")


def test_every_service_is_scraped(stack: Stack) -> None:
    # A model server has one of two ports, by which it is.
    rows = asked(stack, "max by (service) (up)")
    up = {row["metric"]["service"]: row["value"][1] for row in rows}
    services = ("camera", "inference", "aggregator", "recommender", "player", "gateway", "model-server")
    assert up == dict.fromkeys(services, "1")


def test_the_whole_stack_fits_into_a_gigabyte(stack: Stack) -> None:
    resident = {}
    for name in LONG_RUNNING:
        pages = stack.inside(name, "sh", "-c", "cat /proc/[0-9]*/status")
        parts = re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+)", pages, re.MULTILINE)
        resident[name] = sum(1024 * int(size) for size in parts)
    told = {name: f"{size / 1e6:.0f} MB" for name, size in resident.items()}
    assert sum(resident.values()) < RESIDENT_BYTES, told


def kept(stack: Stack, until: datetime) -> dict[str, Any]:
    """Return what has to be the same after any restart; of the history, what was before `until`."""
    songs = stack.get("/api/songs?limit=100")["songs"]
    mood = stack.get(f"/api/rooms/{ROOM}/mood")
    player = stack.get(f"/api/players/{ROOM}")
    history = stack.get(f"/api/rooms/{ROOM}/history?resolution=raw&to={urllib.parse.quote(until.isoformat())}")
    return {
        "songs": sorted((song["id"], song["title"], song["valence"]) for song in songs),
        "playlists": stack.get("/api/playlists"),
        "policy": stack.get(f"/api/rooms/{ROOM}/policy"),
        "privacy": stack.get("/api/cameras")[0]["privacy"],
        "volume": player["volume"],
        "queue": player["queue"],
        "override": (mood["source"], mood["mood"], mood["since"]),
        "calibration": stack.get(f"/api/rooms/{ROOM}/calibration"),
        "history": {what: history[what] for what in ("mood_decisions", "plays", "decisions")},
    }


def quiet(stack: Stack) -> PlayerState:
    """Close the camera and pause the song, so that position and queue hold still, and leave something to be kept."""
    stack.wait_for(f"/api/rooms/{ROOM}/mood", lambda mood: clear(mood) and mood["source"] == "camera")
    stack.get(f"/api/rooms/{ROOM}/calibration/feedback", "POST", {"right": True})
    song = stack.get("/api/songs?limit=1")["songs"][0]["id"]
    stack.get("/api/playlists", "POST", {"name": "Kept", "songs": [song], "mood": "sleepy"})
    stack.wait_for(f"/api/players/{ROOM}", lambda state: playing(state) and state["queue"])
    stack.get(f"/api/rooms/{ROOM}/policy", "PUT", {"mode": "off"})
    stack.get(f"/api/rooms/{ROOM}/mood/override", "PUT", {"mood": "calm", "minutes": 600})
    stack.get("/api/cameras/camera/privacy", "PUT", {"privacy": "ON"})
    stack.get(f"/api/players/{ROOM}/commands", "POST", {"action": "pause"})
    return PlayerState.model_validate(
        stack.wait_for(f"/api/players/{ROOM}", lambda state: state["playback"] == "paused")
    )


def same_place(stack: Stack, before: PlayerState) -> None:
    assert before.current
    after = PlayerState.model_validate(stack.wait_for(f"/api/players/{ROOM}", lambda state: state["current"]))
    assert after.current
    assert after.current.play_id == before.current.play_id
    assert after.position_s == pytest.approx(before.position_s, abs=6)


def test_everything_is_still_there_after_down_and_up_and_from_a_backup(stack: Stack, tmp_path: Path) -> None:
    place = quiet(stack)
    until = datetime.now(UTC)
    state = kept(stack, until)
    assert all(state.values()), state
    assert all(state["history"].values())
    backup = stack.run("run", "--rm", "-T", "upkeep", "backup", "-").stdout
    assert backup.startswith(b"PK")
    secrets = [stack.inside(user, "cat", "/data/secrets/mqtt") for user in RIGHTS if user != "home_automation"]
    assert not [secret for secret in secrets if secret.encode() in backup]

    stack.down()
    stack.up()
    assert kept(stack, until) == state, "over the old volumes"
    same_place(stack, place)

    stack.down(volumes=True)
    done = stack.run("run", "--rm", "-T", "upkeep", "restore", "-", stdin=backup)
    assert b"songs: " in done.stderr
    stack.up()
    assert kept(stack, until) == state, "from the backup over new volumes, with the same access token"
    same_place(stack, place)
    stack.get("/api/cameras/camera/privacy", "PUT", {"privacy": "OFF"})
    stack.get(f"/api/rooms/{ROOM}/policy", "PUT", {"mode": "mirror"})
    stack.get(f"/api/rooms/{ROOM}/mood/override", "DELETE")
    stack.get(f"/api/rooms/{ROOM}/calibration", "DELETE")
    stack.get(f"/api/players/{ROOM}/commands", "POST", {"action": "play"})
    stack.wait_for(f"/api/rooms/{ROOM}/mood", clear)
    stack.music_moves_on()


def update(stack: Stack) -> None:
    """Make the recommender's image another one, as an update does, and type what the documents have one type."""
    image = f"{stack.name}-recommender"
    newer = f"FROM {image}\nLABEL version=newer\n".encode()
    subprocess.run(["docker", "build", "--quiet", "--tag", image, "-"], input=newer, capture_output=True, check=True)
    stack.up()


def test_a_rollback_begins_with_a_backup_of_the_version_before(stack: Stack) -> None:
    """As docs/operations.md has it; that the version that ran was newer shows in its image and tables."""
    playlists = stack.get("/api/playlists")
    backup = stack.run("run", "--rm", "-T", "upkeep", "backup", "-").stdout
    update(stack)
    newer = "CREATE TABLE of_the_newer_version (id integer); UPDATE alembic_version SET version_num = 'newer'"
    stack.inside("postgres", "psql", "-q", "-h", "/run/postgresql", "-U", "moodring", "-d", "moodring", "-c", newer)
    stack.run("stop", "camera", "inference", "aggregator", "recommender", "player", "gateway")
    assert stack.run("run", "--rm", "-T", "migrate", check=False).returncode == 1
    stack.run("build")
    stack.run("run", "--rm", "-T", "upkeep", "restore", "--replace", "-", stdin=backup)
    assert stack.containers()["camera"]["State"]["Status"] == "exited", "nobody is started under a restore"
    stack.up()
    assert stack.get("/api/playlists") == playlists


def test_an_update_starts_those_again_whose_files_it_brings(stack: Stack) -> None:
    def started() -> dict[str, str]:
        return {name: one["State"]["StartedAt"] for name, one in stack.containers().items()}

    before = started()
    update(stack)
    again = {name for name, at in started().items() if at != before[name]}
    assert {"first-start", "migrate", "recommender", "mosquitto"} <= again


def test_an_update_of_the_doors_file_alone_starts_the_door_again(stack: Stack, tmp_path: Path) -> None:
    changed = tmp_path / "Caddyfile"
    changed.write_text((ROOT / "infra" / "caddy" / "Caddyfile").read_text() + "\n# of the newer version\n")
    before = stack.containers()
    # What `docker compose build` does where the file has changed.
    image = f"{stack.name}-caddy"
    newer = f"FROM {image}\nCOPY Caddyfile /etc/caddy/Caddyfile\n".encode()
    command = ["docker", "build", "--quiet", "--tag", image, "--file", "-", str(tmp_path)]
    subprocess.run(command, input=newer, capture_output=True, check=True)
    stack.up()
    assert "of the newer version" in stack.inside("caddy", "cat", "/etc/caddy/Caddyfile")
    after = stack.containers()
    assert {name for name in before if after[name]["Id"] != before[name]["Id"]} == {"caddy"}


def test_a_sound_card_that_cannot_be_opened_makes_mpd_unwell(stack: Stack) -> None:
    script = (
        "start-mpd 2>/dev/null & until mpd-health >/dev/null 2>&1; do sleep 0.1; done\n"
        "exec 4<>/dev/tcp/127.0.0.1/6600; echo update >&4\n"
        "while mpd-health >/dev/null; do printf 'add /\\nplay\\n' >&4; sleep 0.2; done; mpd-health"
    )
    card = ("-e", "MOODRING_HOST_SOUND=/dev/snd", "-e", "MOODRING_HOST_SOUND_DEVICE=plughw:7,0")
    command = ("run", "--rm", "-T", "--no-deps", *card, "mpd", "timeout", "60", "bash", "-c", script)
    done = stack.run(*command, check=False)
    assert done.returncode == 1
    assert 'Failed to open ALSA device "plughw:7,0"' in done.stdout.decode()


def test_one_process_moves_up_without_losing_anything(stack: Stack, tmp_path: Path) -> None:
    with Product(tmp_path) as product:
        product.wait_for(f"/api/players/{ROOM}", playing)
        songs = {song["title"]: song["id"] for song in product.get("/api/songs?limit=100")["songs"]}
        chosen = [songs["Clear Desk"], songs["Harbour at Dawn"]]
        product.get("/api/playlists", "POST", {"name": "From before", "songs": chosen, "mood": "focused"})
        product.get(f"/api/rooms/{ROOM}/policy", "PUT", {"mode": "guide"})
        product.get(f"/api/rooms/{ROOM}/mood/override", "PUT", {"mood": "focused", "minutes": 600})
        product.wait_for(f"/api/players/{ROOM}", lambda state: state["queue"])
        file = tmp_path / "moodring.backup"
        command = [sys.executable, "-m", "services", "backup", str(file)]
        subprocess.run(command, check=True, capture_output=True, env=product.environment)
    stack.run("stop", "camera", "inference", "aggregator", "recommender", "player", "gateway")
    stack.run("run", "--rm", "-T", "upkeep", "restore", "--replace", "-", stdin=file.read_bytes())
    stack.up()
    stack.token = stack.inside("gateway", "moodring", "token", "moved")
    (playlist,) = stack.get("/api/playlists")
    assert (playlist["name"], playlist["mood"]) == ("From before", "focused")
    assert stack.get(f"/api/rooms/{ROOM}/policy")["mode"] == "guide"
    assert stack.get(f"/api/rooms/{ROOM}/mood")["source"] == "override"
    stack.wait_for(f"/api/players/{ROOM}", playing)
    stack.get(f"/api/players/{ROOM}/commands", "POST", {"action": "next"})
    stack.wait_for(
        f"/api/players/{ROOM}", lambda state: playing(state) and state["current"]["track"]["song_id"] in chosen
    )
    assert stack.mpd()["state"] == "play"
