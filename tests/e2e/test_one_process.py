"""The main job as `make run` starts it: one process, embedded parts, the demo person and the demo songs."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.publish
import paho.mqtt.subscribe
import pytest

from tests.product import Product, playing


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("data")) as running:
        yield running


def broker_port(product: Product) -> int:
    line = next((line for line in product.lines if "message bus is at" in line), "mqtt://127.0.0.1:1883")
    return int(line.rpartition(":")[2])


def test_demo_person_gives_the_room_a_mood_and_the_mood_a_song(product: Product) -> None:
    mood = product.wait_for("/api/rooms/home/mood", lambda mood: mood["mood"] not in ("unknown", "nobody"))
    assert mood["source"] == "camera"
    state = product.wait_for("/api/players/home", playing)
    assert state["current"]["reason"]
    assert state["current"]["decision_id"]


def test_song_moves_on(product: Product) -> None:
    first = product.wait_for("/api/players/home", playing)
    later = product.wait_for("/api/players/home", lambda state: state["position_s"] > first["position_s"])
    assert later["current"]["play_id"] == first["current"]["play_id"]


def test_next_song_comes_at_once(product: Product) -> None:
    before = product.wait_for("/api/players/home", lambda state: playing(state) and state["queue"])
    product.get("/api/players/home/commands", "POST", {"action": "next"})
    after = product.wait_for(
        "/api/players/home", lambda state: playing(state) and state["current"] != before["current"]
    )
    assert after["current"]["play_id"] == before["queue"][0]["play_id"]


def test_override_over_mqtt_is_seen_over_rest_and_on_the_bus(product: Product) -> None:
    port = broker_port(product)
    paho.mqtt.publish.single("moodring/home/mood/set", "calm", qos=1, port=port)
    mood = product.wait_for("/api/rooms/home/mood", lambda mood: mood["mood"] == "calm")
    assert mood["source"] == "override"
    while b'"calm"' not in paho.mqtt.subscribe.simple("moodring/home/mood", port=port).payload:
        pass  # REST knows it a moment before the bus
    product.get("/api/rooms/home/mood/override", "DELETE")
    product.wait_for("/api/rooms/home/mood", lambda mood: mood["source"] == "camera")


def test_policy_changes_over_mqtt_and_rest(product: Product) -> None:
    paho.mqtt.publish.single("moodring/home/policy/set", "lift", qos=1, port=broker_port(product))
    product.wait_for("/api/rooms/home/policy", lambda policy: policy["mode"] == "lift")
    product.get("/api/rooms/home/policy", "PUT", {"mode": "mirror"})
    product.wait_for("/api/rooms/home/policy", lambda policy: policy["mode"] == "mirror")


def test_playlist_pinned_to_a_mood_is_heard_at_the_next_song(product: Product) -> None:
    songs = product.get("/api/songs?limit=100")["songs"]
    chosen = [song["id"] for song in songs[:2]]
    playlist = product.get("/api/playlists", "POST", {"name": "Chosen", "songs": chosen, "mood": "focused"})
    product.get("/api/rooms/home/mood/override", "PUT", {"mood": "focused", "minutes": 5})
    state = product.wait_for(
        "/api/players/home", lambda state: state["queue"] and state["queue"][0]["track"]["song_id"] in chosen
    )
    assert state["current"]
    product.get(f"/api/playlists/{playlist['id']}", "DELETE")
    product.get("/api/rooms/home/mood/override", "DELETE")


@pytest.mark.parametrize("topic", ["home/mood/set", "home/player/set", "home/play", "home/camera/faces", "home/mood"])
@pytest.mark.parametrize("garbage", [b"\xff\xfe\x00", b"{", b'{"a": 1}', b"x" * 5000])
def test_garbage_on_any_topic_stops_nothing(product: Product, topic: str, garbage: bytes) -> None:
    paho.mqtt.publish.single(f"moodring/{topic}", garbage, qos=1, port=broker_port(product))
    assert product.get("/healthz")["status"] == "ok"
    assert playing(product.wait_for("/api/players/home", playing))


def test_readiness_and_rooms_are_there(product: Product) -> None:
    assert product.get("/readyz")["ready"] is True
    assert product.get("/api/rooms")["rooms"]["home"]["cameras"]["camera"]["state"] == "ok"


def test_interrupt_ends_it_cleanly_and_the_next_start_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Product(tmp_path)
    first.start()
    before = first.wait_for("/api/players/home", playing)
    first.get("/api/rooms/home/policy", "PUT", {"mode": "lift"})
    assert first.stop(signal.SIGINT) == 0
    assert any("stopped" in line for line in first.lines)
    assert not [line for line in first.lines if "Traceback" in line]
    with Product(tmp_path) as second:
        after = second.wait_for("/api/players/home", playing)
        assert after["current"]["play_id"] == before["current"]["play_id"]
        assert second.get("/api/rooms/home/policy")["mode"] == "lift"


def test_terminate_ends_it_cleanly_too(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.start()
    assert product.stop(signal.SIGTERM) == 0


def test_away_from_loopback_nothing_answers_without_the_token(tmp_path: Path) -> None:
    with Product(tmp_path, HTTP_HOST="0.0.0.0") as product:
        token = next(line for line in product.lines if "admin token" in line).split()[-1]
        for path in ("/", "/api/rooms", "/api/events", "/api/players/home", "/api/cameras", "/docs", "/metrics"):
            with pytest.raises(urllib.error.HTTPError) as refusal:
                product.get(path)
            assert refusal.value.code == 401, path
        product.get("/api/rooms", token=token)
        stored = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
        assert not any(token in text for text in stored), "the token is kept hashed only"


def run(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOODRING_")}
    environment |= {f"MOODRING_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "services", "run"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = run(DATA=str(tmp_path), HTTP_PORT=port)
    assert answer.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_broken_settings_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "moodring.yml").write_text("camera:\n  souce: demo\n")
    answer = run(DATA=str(tmp_path), FILE=str(tmp_path / "moodring.yml"))
    assert (answer.returncode, answer.stderr.count("\n")) == (1, 1)
    assert "did you mean camera.source?" in answer.stderr


@pytest.mark.parametrize("source", ["/dev/video77", "missing.mkv", "broken.mkv"])
def test_camera_that_does_not_work_is_said_and_the_rest_goes_on(tmp_path: Path, source: str) -> None:
    (tmp_path / "broken.mkv").write_bytes(b"no film at all" * 100)
    place = source if source.startswith("/") else str(tmp_path / source)
    with Product(tmp_path / "data", CAMERA_SOURCE=place) as product:
        room = product.wait_for("/api/rooms", lambda rooms: "offline" in str(rooms))
        assert place.rpartition("/")[2] in str(room), "the status names the camera"
        mood = product.wait_for("/api/rooms/home/mood", lambda mood: mood)
        assert mood["mood"] == "unknown", "a room that cannot be seen is not empty"
        product.get("/api/rooms/home/mood/override", "PUT", {"mood": "happy", "minutes": 5})
        product.wait_for("/api/players/home", playing)


def test_second_start_is_quick_enough_to_measure(tmp_path: Path) -> None:
    """How quick it is, `make bench` says; here only that nothing is made twice."""
    with Product(tmp_path) as first:
        songs = {path: path.stat().st_mtime_ns for path in (first.data / "songs").iterdir()}
    started = time.time_ns()
    with Product(tmp_path) as second:
        assert {path: path.stat().st_mtime_ns for path in (second.data / "songs").iterdir()} == songs
        assert not any("making the demo songs" in line for line in second.lines)
    assert max(songs.values()) < started


def test_rest_is_described_as_it_answers_with_one_name_for_each_schema(tmp_path: Path) -> None:
    with Product(tmp_path) as product:
        told = product.get("/openapi.json")
    assert not [name for name in told["components"]["schemas"] if "__" in name]  # of two they get their modules' names
    photo = told["paths"]["/api/expressions"]["post"]["responses"]
    assert set(photo) == {"200", "400", "408", "411", "413", "422", "503"}
