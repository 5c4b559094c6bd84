"""The bus is a border: a real Mosquitto with our files, every user on every topic."""

import contextlib
import getpass
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from services.contracts import channels
from services.contracts.channels import CHANNELS, MAX_PAYLOAD_BYTES, NOWHERE
from services.contracts.rights import RIGHTS, may_hear, may_say
from services.runtime.mqtt_client import Access, connect, new_client
from services.upkeep.broker_files import HEALTH, password_line
from services.upkeep.first_start import BROKER_FOLDER, prepare
from tests.servers import Server, free_port

WATCHER = "watcher"
"""A user of the test that may do everything, to see what got through."""
PATIENCE_S = 20.0


class Border(Server):
    """A Mosquitto with the files of a first start; users' passwords are their names."""

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        given = folder / "given"
        given.mkdir(parents=True)
        for user in (*RIGHTS, HEALTH):
            (given / f"mqtt-{user}").write_text(f"{user}\n")
        prepare(folder, given, prefix="moodring", names=("localhost", "127.0.0.1") if tls else ())
        self.folder = folder / "mosquitto"
        self.tls_port = free_port()
        port = free_port()
        file = self.folder / "mosquitto.conf"
        config = file.read_text().replace(BROKER_FOLDER, str(self.folder))
        config = config.replace("listener 1883", f"listener {port} 127.0.0.1")
        config = config.replace("listener 8883", f"listener {self.tls_port} 127.0.0.1")
        # Started by root it would become a user who may not read its files; in a container it is no root to begin with.
        file.write_text(f"user {getpass.getuser()}\n{config}")
        with (self.folder / "passwords").open("a") as passwords:
            passwords.write(f"{password_line(WATCHER, WATCHER)}\n")
        with (self.folder / "acl").open("a") as acl:
            acl.write(f"user {WATCHER}\ntopic readwrite #\n")
        super().__init__(["mosquitto", "-c", str(file)], port)


class Client:
    """A connected client that notes what it hears: topics with payloads.

    Args:
        port: The broker's.
        user: Who it is.
        password: Like the user's name without one.
        ca_file: With TLS, trusting this authority.
        client_id: As a service would have it.
        exactly: The client id that the broker gets, whatever ours would be.
        sessions: Whether the broker is to keep one.
    """

    def __init__(
        self,
        port: int,
        user: str,
        password: str = "",
        *,
        ca_file: Path | None = None,
        client_id: str = "",
        exactly: str | None = None,
        sessions: bool = True,
    ) -> None:
        self.heard: set[tuple[str, str]] = set()
        self.refusal = ""
        self.resumed = False
        self._done = threading.Event()
        scheme = "mqtts" if ca_file else "mqtt"
        url = f"{scheme}://{user}:{password or user}@localhost:{port}"
        access = Access(url, client_id or f"test-{user}", ca_file=ca_file, sessions=sessions)
        self.client = new_client(access, MQTTProtocolVersion.MQTTv5)
        if exactly:
            self.client._client_id = exactly.encode()
        self.client.on_message = self._hear
        self.client.on_connect = self._answered
        connect(self.client, access)
        assert self._done.wait(PATIENCE_S)

    def _answered(self, _c: Any, _u: Any, flags: Any, code: Any, _p: Any) -> None:
        self.resumed = flags.session_present
        self.refusal = str(code) if code.is_failure else ""
        self._done.set()

    def _hear(self, client: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        self.heard.add((message.topic, message.payload.decode()))
        client.ack(message.mid, message.qos)

    def listen(self, *topics: str, qos: int = 1) -> None:
        confirmed = threading.Event()
        self.client.on_subscribe = lambda *_: confirmed.set()
        self.client.subscribe([(topic, qos) for topic in topics])
        assert confirmed.wait(PATIENCE_S)

    def say(self, *topics: str) -> None:
        sent = [self.client.publish(topic, self.client._username or b"", qos=1) for topic in topics]
        for one in sent:
            with contextlib.suppress(RuntimeError):  # what is refused counts as published: the broker answered
                one.wait_for_publish(PATIENCE_S)

    def hears(self, topic: str, payload: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (topic, payload) not in self.heard:
            assert time.monotonic() < deadline, f"{topic} {payload} did not come"
            time.sleep(0.01)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def every_topic() -> dict[str, tuple[channels.Channel[Any], dict[str, str]]]:
    """Every channel's topic, of two rooms and of nobody's; of services, every name and whatever rooms' are called."""
    words = {word for channel in CHANNELS for word in channel.template.split("/") if "{" not in word}
    rooms, cameras = ("home", "attic", NOWHERE), ("front", NOWHERE)
    places = [{"room": room, "camera": camera} for room in rooms for camera in cameras]
    life_signs = [
        {"service": service, "instance": instance}
        for service in (*RIGHTS, "model_server", NOWHERE, *words)
        for instance in ("main", NOWHERE, *words)
    ]
    topics = {}
    for channel in CHANNELS:
        for place in life_signs if channel is channels.SERVICE else places:
            where = {name: place[name] for name in channel.names}
            topics[f"moodring/{channel.template.format(**where)}"] = (channel, where)
    return topics


TOPICS = every_topic()
FOREIGN = (
    *("cottage/home/mood", "cottage/home/player/set", "moodring", "moodring/home/other", "anything"),
    *("moodring/Doctor", "moodring/Doctor/other", "moodring/Doctor/Doctor/other"),
)


@pytest.fixture(scope="module")
def border(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Border]:
    with Border(tmp_path_factory.mktemp("border"), tls=True) as broker:
        yield broker


@pytest.mark.parametrize("user", RIGHTS)
def test_a_user_says_its_own_and_nothing_else(border: Border, user: str) -> None:
    watcher, client = Client(border.port, WATCHER), Client(border.port, user)
    watcher.listen("#")
    client.say(*TOPICS, *FOREIGN)
    watcher.say("end")
    watcher.hears("end", WATCHER)
    got_through = {topic for topic, payload in watcher.heard if payload == user}
    allowed = {topic for topic, (channel, where) in TOPICS.items() if may_say(user, channel, where)}
    assert got_through == allowed
    client.close()
    watcher.close()


@pytest.mark.parametrize("user", [*RIGHTS, HEALTH])
def test_a_user_hears_its_own_and_nothing_else(border: Border, user: str) -> None:
    watcher, client = Client(border.port, WATCHER), Client(border.port, user)
    client.listen("#", "$SYS/#", *TOPICS, *FOREIGN, qos=0)
    watcher.say(*TOPICS, *FOREIGN)
    # Whatever could come was on its way, quality 0 waits for nothing, before the broker answered this.
    client.say("end")
    hearable = {at for at, (channel, where) in TOPICS.items() if user in RIGHTS and may_hear(user, channel, where)}
    if user == HEALTH:
        while not client.heard:
            time.sleep(0.05)
        hearable = {"$SYS/broker/uptime"}
    assert {topic for topic, _ in client.heard} == hearable
    client.close()
    watcher.close()


@pytest.mark.parametrize(("user", "password"), [("camera", "inference"), ("nobody", "nobody"), ("admin", "")])
def test_whoever_is_not_known_stays_outside(border: Border, user: str, password: str) -> None:
    client = Client(border.port, user, password)
    assert "uthori" in client.refusal or "password" in client.refusal
    client.close()


def test_nobody_comes_in_without_a_name(border: Border) -> None:
    answered = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    refused: list[bool] = []

    def note(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        refused.append(code.is_failure)
        answered.set()

    client.on_connect = note
    client.connect("127.0.0.1", border.port)
    client.loop_start()
    assert answered.wait(PATIENCE_S)
    assert refused == [True]
    client.loop_stop()


def test_the_tls_listener_is_known_by_our_own_authority(border: Border) -> None:
    client = Client(border.tls_port, "player", ca_file=border.folder / "tls" / "ca.crt")
    assert client.refusal == ""
    client.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(border.tls_port, "player", ca_file=Path("/etc/ssl/certs/ca-certificates.crt"))


FACES = "moodring/home/front/faces"


def test_the_longest_payload_comes_through(border: Border) -> None:
    inference, camera = (Client(border.port, user, sessions=False) for user in ("inference", "camera"))
    inference.listen(FACES)
    camera.client.publish(FACES, b"x" * MAX_PAYLOAD_BYTES, qos=1)
    inference.hears(FACES, "x" * MAX_PAYLOAD_BYTES)
    for client in (inference, camera):
        client.close()


@pytest.mark.parametrize("qos", [0, 1])
def test_a_packet_beyond_the_limit_costs_the_connection_and_nobody_else(border: Border, qos: int) -> None:
    users = ("player", "inference", WATCHER, "camera")
    player, inference, watcher, greedy = (Client(border.port, user, sessions=False) for user in users)
    player.listen("moodring/home/play")
    inference.listen(FACES)
    gone = threading.Event()
    broken: list[Client] = []
    greedy.client.on_disconnect = lambda *_: gone.set()
    for other in (player, inference, watcher):
        other.client.on_disconnect = lambda *_, other=other: broken.append(other)
    greedy.client.publish(FACES, bytes(3_000_000), qos=qos)
    assert gone.wait(PATIENCE_S)
    # The others' connections are those from before, and nothing of the packet went anywhere.
    watcher.say("moodring/home/play", FACES)
    player.hears("moodring/home/play", WATCHER)
    inference.hears(FACES, WATCHER)
    assert inference.heard == {(FACES, WATCHER)}
    assert not broken
    # Whoever sent it may come again.
    greedy.close()
    again = Client(border.port, "camera", sessions=False)
    again.say(FACES)
    inference.hears(FACES, "camera")
    for client in (player, inference, watcher, again):
        client.close()


def test_a_command_outlives_the_broker(tmp_path: Path) -> None:
    broker = Border(tmp_path / "broker")
    broker.start()
    player = Client(broker.port, "player")
    player.listen("moodring/home/player/set")
    player.client.disconnect()
    player.client.loop_stop()
    hand = Client(broker.port, "home_automation")
    hand.say("moodring/home/player/set")
    hand.close()
    broker.stop()
    with broker:
        again = Client(broker.port, "player")
        again.hears("moodring/home/player/set", "home_automation")
        again.close()
