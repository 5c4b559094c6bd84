"""The home server: `docker compose up` for real, and what it promises (needs a Docker engine; minutes)."""

import json
import re
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client
import paho.mqtt.subscribe
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from services.contracts.channels import EVENTS, MOOD, PLAYER, PLAYER_SET
from services.contracts.messages import Event, EventType, Mood, PlayerState, uuid7
from services.contracts.rights import RIGHTS
from services.runtime.mqtt_client import Access, connect, new_client
from tests.compose import ROOT, Stack, engine_there
from tests.product import playing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not engine_there(), reason="needs a Docker engine with Compose 2.24 or newer"),
]

LONG_RUNNING = (
    *("mosquitto", "postgres", "model-server", "camera", "inference", "aggregator", "recommender", "player", "mpd"),
    *("gateway", "caddy"),
)
ROOM = "home"
RESIDENT_BYTES = 1_000_000_000


class Hand:
    """Home automation: commands that are acknowledged, and everything it hears."""

    def __init__(self, stack: Stack) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._acknowledged: set[int] = set()
        self._up = threading.Event()
        access = Access(stack.home_automation(), f"hand-{uuid7()}")
        self.client = new_client(access, MQTTProtocolVersion.MQTTv5)
        self.client._reconnect_on_failure = True
        self.client.reconnect_delay_set(1, 2)
        self.client.on_message = self._hear
        self.client.on_connect = self._connected
        self.client.on_publish = lambda _c, _u, mid, _code, _p: self._acknowledged.add(mid)
        connect(self.client, access)
        assert self._up.wait(20)

    def _connected(self, client: paho.mqtt.client.Client, *_: Any) -> None:
        client.subscribe("moodring/#", qos=1)
        self._up.set()

    def _hear(self, client: paho.mqtt.client.Client, _u: Any, message: paho.mqtt.client.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))
        client.ack(message.mid, message.qos)

    def command(self, topic: str, **fields: Any) -> None:
        """Give a command and return when the broker has acknowledged it."""
        payload = json.dumps({"id": str(uuid7()), **fields})
        sent = self.client.publish(topic, payload, qos=1).mid  # kept and sent again while the broker is away
        deadline = time.monotonic() + 90
        while sent not in self._acknowledged:
            assert time.monotonic() < deadline, f"{topic}: the broker never acknowledged it"
            time.sleep(0.01)

    def events(self, kind: EventType) -> list[Event]:
        """Return what happened, of a kind."""
        said = (EVENTS.decode(payload) for topic, payload in list(self.heard) if topic == f"moodring/{ROOM}/events")
        return [event for event in said if event.type is kind]

    def until(self, topic: str, wanted: Any, patience_s: float = 90) -> bytes:
        """Return the first payload of a topic, from now on or kept, that is as wanted."""
        deadline = time.monotonic() + patience_s
        seen = 0
        while time.monotonic() < deadline:
            news, seen = self.heard[seen:], len(self.heard)
            for at, payload in news:
                if at == topic and payload and wanted(payload):
                    return payload
            time.sleep(0.05)
        raise AssertionError(f"{topic} did not say it; heard {[topic for topic, _ in self.heard[-20:]]}")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    name = f"moodring-test-{uuid7().hex[-6:]}"
    with Stack(name, tmp_path_factory.mktemp("compose"), HOST_MODEL_SERVER="light") as running:
        yield running


@pytest.fixture
def hand(stack: Stack) -> Iterator[Hand]:
    opened = Hand(stack)
    yield opened
    opened.close()


def clear(mood: Any) -> bool:
    return mood["mood"] not in ("unknown", "nobody")


def test_everything_is_healthy_and_nothing_runs_as_root(stack: Stack) -> None:
    containers = stack.containers()
    assert set(LONG_RUNNING) < set(containers)
    for name in LONG_RUNNING:
        assert containers[name]["State"]["Health"]["Status"] == "healthy", name
        assert containers[name]["RestartCount"] == 0, name
        assert containers[name]["HostConfig"]["ReadonlyRootfs"] is True
        assert stack.inside(name, "cat", "/proc/1/status").split("Uid:")[1].split()[0] == "10001", name
    for name in ("first-start", "demo-songs", "migrate"):
        assert containers[name]["State"]["ExitCode"] == 0


def test_an_outside_subscriber_sees_the_mood(hand: Hand) -> None:
    mood = MOOD.decode(hand.until(f"moodring/{ROOM}/mood", lambda payload: clear(json.loads(payload))))
    assert isinstance(mood, Mood)
    assert mood.source == "camera"
    assert mood.people == 1


def test_home_automation_never_hears_a_face(hand: Hand) -> None:
    hand.until(f"moodring/{ROOM}/mood", lambda _: True)
    assert not [topic for topic, _ in hand.heard if topic.endswith(("/faces", "/expressions"))]


def test_home_automation_may_come_over_tls(stack: Stack, tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text(stack.inside("mosquitto", "cat", "/mosquitto/data/tls/ca.crt"))
    password = stack.inside("mosquitto", "cat", "/mosquitto/data/home_automation")
    found = paho.mqtt.subscribe.simple(
        f"moodring/{ROOM}/mood",
        hostname="localhost",
        port=stack.ports["MQTTS_PORT"],
        auth={"username": "home_automation", "password": password},
        tls={"ca_certs": str(authority)},
    )
    assert json.loads(found.payload)["mood"]


def test_the_song_plays_on_mpd_and_moves_on(stack: Stack) -> None:
    state = stack.wait_for(f"/api/players/{ROOM}", playing)
    assert state["backend"] == "mpd"
    first = stack.mpd()
    assert first["state"] == "play"
    assert first["file"].endswith(".wav")
    deadline = time.monotonic() + 20
    while (now := stack.mpd())["file"] == first["file"] and float(now["elapsed"]) <= float(first["elapsed"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)


PATHS = (
    *("/", "/docs", "/api/rooms", "/api/events", "/api/tokens", "/api/cameras", "/api/cameras/camera/preview.jpg"),
    *("/api/rooms/home/mood", "/api/rooms/home/calibration", "/api/songs", "/api/playlists", "/api/rooms/home/policy"),
    *("/api/rooms/home/history", "/api/players/home", "/media/1"),
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic YTpi"])
def test_nothing_answers_without_a_token(stack: Stack, path: str, header: str) -> None:
    request = urllib.request.Request(stack.url + path, headers={"Authorization": header} if header else {})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=20)
    assert refusal.value.code == 401


def test_commands_are_refused_without_a_token_too(stack: Stack) -> None:
    for method, path in (("PUT", "/api/rooms/home/policy"), ("POST", "/api/players/home/commands"),
                         ("DELETE", "/api/playlists/1"), ("PUT", "/api/cameras/camera/privacy")):  # fmt: skip
        request = urllib.request.Request(stack.url + path, b"{}", {"Content-Type": "application/json"}, method=method)
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request, timeout=20)
        assert refusal.value.code == 401, path


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_services_tell_their_machine_stays_inside(stack: Stack, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        stack.get(path)
    assert refusal.value.code == 404


def test_every_path_reaches_its_owner(stack: Stack) -> None:
    assert stack.get("/api/cameras")[0]["status"]["state"] == "ok"
    assert stack.get(f"/api/rooms/{ROOM}/mood")["mood"]
    assert stack.get("/api/songs?limit=100")["songs"]
    assert stack.get(f"/api/players/{ROOM}")["backend"] == "mpd"
    assert stack.get("/api/rooms")["rooms"][ROOM]
    assert stack.get(f"/api/rooms/{ROOM}/history?resolution=hour") is not None
    with urllib.request.urlopen(f"{stack.url}/auth/sign-in", timeout=20) as page:
        assert "Access token" in page.read().decode()


def test_a_song_is_heard_with_ranges_through_the_door(stack: Stack) -> None:
    state = stack.wait_for(f"/api/players/{ROOM}", playing)
    path = f"{stack.url}/media/{state['current']['track']['song_id']}"
    headers = {"Authorization": f"Bearer {stack.token}", "Range": "bytes=0-43"}
    with urllib.request.urlopen(urllib.request.Request(path, headers=headers), timeout=20) as answer:
        assert (answer.status, answer.read()[:4]) == (206, b"RIFF")


def test_https_is_known_by_the_households_own_authority(stack: Stack, tmp_path: Path) -> None:
    authority = tmp_path / "root.crt"
    authority.write_text(stack.inside("caddy", "cat", "/data/caddy/pki/authorities/local/root.crt"))
    context = ssl.create_default_context(cafile=str(authority))
    for host in ("localhost", "127.0.0.1"):
        url = f"https://{host}:{stack.ports['HTTPS_PORT']}/auth/sign-in"
        with urllib.request.urlopen(url, timeout=20, context=context) as page:
            assert page.status == 200


def test_a_browser_signs_in_and_sees_the_dashboard(stack: Stack) -> None:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = urllib.parse.urlencode({"token": stack.token, "then": "/"}).encode()
    with opener.open(f"{stack.url}/auth/sign-in", form, timeout=20) as page:
        assert page.status == 200
        assert "Moodring" in page.read().decode()


def test_playlists_and_policy_change_over_rest(stack: Stack) -> None:
    songs = [song["id"] for song in stack.get("/api/songs?limit=100")["songs"][:2]]
    made = stack.get("/api/playlists", "POST", {"name": "Rainy", "songs": songs, "mood": "focused"})
    stack.get(f"/api/playlists/{made['id']}", "PATCH", {"name": "Rainy days"})
    stack.get(f"/api/playlists/{made['id']}/songs", "PUT", {"songs": songs[::-1]})
    stack.get(f"/api/rooms/{ROOM}/mood/override", "PUT", {"mood": "focused", "minutes": 5})
    stack.wait_for(
        f"/api/players/{ROOM}", lambda state: state["queue"] and state["queue"][0]["track"]["song_id"] in songs
    )
    stack.get(f"/api/rooms/{ROOM}/mood/override", "DELETE")
    stack.get(f"/api/rooms/{ROOM}/policy", "PUT", {"mode": "lift"})
    stack.wait_for(f"/api/rooms/{ROOM}/policy", lambda policy: policy["mode"] == "lift")


def test_a_command_that_arrives_twice_is_done_once(stack: Stack, hand: Hand) -> None:
    stack.wait_for(f"/api/players/{ROOM}", lambda state: playing(state) and state["queue"])
    before = len(hand.events(EventType.TRACK_SKIPPED))
    identity = str(uuid7())
    for _ in range(2):
        hand.command(PLAYER_SET.topic("moodring", room=ROOM), id=identity, action="next")
    hand.command(PLAYER_SET.topic("moodring", room=ROOM), action="volume", value=41)
    stack.wait_for(f"/api/players/{ROOM}", lambda state: state["volume"] == 41)
    assert len(hand.events(EventType.TRACK_SKIPPED)) == before + 1


@pytest.mark.parametrize(("number", "service"), list(enumerate(LONG_RUNNING, start=10)))
def test_a_restart_loses_no_acknowledged_command(stack: Stack, hand: Hand, number: int, service: str) -> None:
    stack.wait_for(f"/api/players/{ROOM}", playing)
    policies = ("mirror", "lift")
    restart = threading.Thread(target=stack.run, args=("restart", "--timeout", "10", service))
    restart.start()
    mode = policies[number % 2]
    hand.command(f"moodring/{ROOM}/policy/set", mode=mode)
    hand.command(PLAYER_SET.topic("moodring", room=ROOM), action="volume", value=number)
    restart.join()
    hand.command(PLAYER_SET.topic("moodring", room=ROOM), action="volume", value=number + 50)
    stack.up()
    stack.wait_for(f"/api/players/{ROOM}", lambda state: state["volume"] == number + 50)
    stack.wait_for(f"/api/rooms/{ROOM}/policy", lambda policy: policy["mode"] == mode)
    stack.wait_for(f"/api/rooms/{ROOM}/mood", clear)
    stack.music_moves_on()
    volumes = [PLAYER.decode(payload).volume for topic, payload in hand.heard if topic == f"moodring/{ROOM}/player"]
    assert volumes.count(number) == 0 or volumes.index(number) < len(volumes) - 1, "an old volume came after a new one"


def test_a_service_reaches_the_broker_and_nobody_else(stack: Stack) -> None:
    probe = (
        "import socket, sys\n"
        "for name, port in [('player', 8080), ('recommender', 8080), ('postgres', 5432), ('192.0.2.1', 80)]:\n"
        "    try:\n"
        "        socket.create_connection((name, port), 2)\n"
        "    except OSError:\n"
        "        continue\n"
        "    print('reached', name)\n"
        "socket.create_connection(('mosquitto', 1883), 2)\n"
        "print('done')\n"
    )
    for service in ("camera", "inference", "aggregator"):
        assert stack.inside(service, "python3", "-c", probe) == "done", service


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
    ):
        wrong = [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]
        done = stack.run("run", "--rm", "--no-deps", "-T", *wrong, "first-start", check=False)
        told = [line for line in done.stderr.decode().splitlines() if line.startswith("moodring:")]
        assert done.returncode == 1
        assert len(told) == 1, told
        assert said in told[0]


def test_no_secret_is_in_a_log(stack: Stack) -> None:
    logs = stack.run("--profile", "*", "logs", "--no-color").stdout.decode()
    users = [user for user in RIGHTS if user != "home_automation"]
    secrets = [stack.inside(user, "cat", "/data/secrets/mqtt") for user in users]
    secrets += [stack.inside("mosquitto", "cat", "/mosquitto/data/home_automation"), stack.token]
    secrets += [stack.inside("postgres", "cat", "/var/lib/postgresql/data/password")]
    assert all(len(secret) >= 32 for secret in secrets)
    assert not [secret for secret in secrets if secret in logs]


def test_every_panel_of_the_dashboard_shows_something(stack: Stack) -> None:
    dashboard = json.loads((ROOT / "infra" / "grafana" / "dashboards" / "moodring.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 20
    address = f"http://127.0.0.1:{stack.ports['PROMETHEUS_PORT']}/api/v1/query?query="
    left = set(queries)
    deadline = time.monotonic() + 240
    while left and time.monotonic() < deadline:
        for query in list(left):
            with urllib.request.urlopen(address + urllib.parse.quote(query), timeout=20) as answer:
                result = json.load(answer)["data"]["result"]
            if result and not all(row["value"][1] == "NaN" for row in result):
                left.discard(query)
        time.sleep(2)
    assert not left


def test_every_service_is_scraped(stack: Stack) -> None:
    address = f"http://127.0.0.1:{stack.ports['PROMETHEUS_PORT']}/api/v1/query?query=up"
    with urllib.request.urlopen(address, timeout=20) as answer:
        rows = json.load(answer)["data"]["result"]
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


def kept(stack: Stack) -> dict[str, Any]:
    """Return what has to be the same after any restart."""
    songs = stack.get("/api/songs?limit=100")["songs"]
    return {
        "songs": sorted((song["id"], song["title"], song["valence"]) for song in songs),
        "playlists": stack.get("/api/playlists"),
        "policy": stack.get(f"/api/rooms/{ROOM}/policy"),
        "privacy": stack.get("/api/cameras")[0]["privacy"],
        "volume": stack.get(f"/api/players/{ROOM}")["volume"],
    }


def quiet(stack: Stack) -> PlayerState:
    """Close the camera and pause the song, so that position and queue hold still."""
    stack.get("/api/cameras/camera/privacy", "PUT", {"privacy": "ON"})
    stack.get(f"/api/rooms/{ROOM}/policy", "PUT", {"mode": "off"})
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
    state = kept(stack)
    backup = stack.run("run", "--rm", "-T", "upkeep", "backup", "-").stdout
    assert backup.startswith(b"PK")
    secrets = [stack.inside(user, "cat", "/data/secrets/mqtt") for user in RIGHTS if user != "home_automation"]
    assert not [secret for secret in secrets if secret.encode() in backup]

    stack.down()
    stack.up()
    assert kept(stack) == state, "over the old volumes"
    same_place(stack, place)

    stack.down(volumes=True)
    stack.run("up", "-d", "--wait", "postgres", "demo-songs", check=False)
    done = stack.run("run", "--rm", "-T", "upkeep", "restore", "-", stdin=backup)
    assert b"songs: " in done.stderr
    stack.up()
    assert kept(stack) == state, "from the backup over new volumes, with the same access token"
    same_place(stack, place)
    stack.get("/api/cameras/camera/privacy", "PUT", {"privacy": "OFF"})
    stack.get(f"/api/rooms/{ROOM}/policy", "PUT", {"mode": "mirror"})
    stack.get(f"/api/players/{ROOM}/commands", "POST", {"action": "play"})
    stack.wait_for(f"/api/rooms/{ROOM}/mood", clear)
    stack.music_moves_on()
