"""Two homes on a broker that was there already, told apart by their prefixes, do not hear each other."""

import getpass
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.publish
import paho.mqtt.subscribe
import pytest

from services.upkeep.broker_files import password_line
from tests.product import Product, playing
from tests.servers import Mosquitto

if TYPE_CHECKING:  # where paho defines it
    from paho.mqtt.publish import AuthParameter


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that somebody has already: users with passwords, and each may everything below its own prefix."""
    passwords, rights = tmp_path / "passwords", tmp_path / "acl"
    passwords.write_text("".join(f"{password_line(home, f'{home}?/@')}\n" for home in ("cottage", "town")))
    rights.write_text("".join(f"user {home}\ntopic readwrite {home}/#\n" for home in ("cottage", "town")))
    for file in (passwords, rights):
        file.chmod(0o644)
    extra = f"user {getpass.getuser()}\nallow_anonymous false\npassword_file {passwords}\nacl_file {rights}\n"
    with Mosquitto(tmp_path / "mosquitto", extra) as running:
        yield running


def home(tmp_path: Path, broker: Mosquitto, name: str) -> Product:
    secret = tmp_path / f"{name}.secret"
    secret.write_text(f"{name}?/@\n")
    url = f"mqtt://{name}@127.0.0.1:{broker.port}"
    return Product(tmp_path / name, MQTT_URL=url, MQTT_PASSWORD_FILE=str(secret), MQTT_PREFIX=name)


def test_two_homes_on_one_broker_do_not_hear_each_other(tmp_path: Path, broker: Mosquitto) -> None:
    with home(tmp_path, broker, "cottage") as cottage, home(tmp_path, broker, "town") as town:
        for one in (cottage, town):
            one.wait_for("/api/players/home", playing)
            one.wait_for("/readyz", lambda ready: ready["ready"])
        before = town.get("/api/rooms/home/policy")
        login: AuthParameter = {"username": "cottage", "password": "cottage?/@"}
        for topic, payload in (
            ("home/mood/set", '{"mood": "calm", "minutes": 5}'),
            ("home/policy/set", "off"),
            ("home/player/set", '{"action": "volume", "value": 11}'),
        ):
            paho.mqtt.publish.single(f"cottage/{topic}", payload, qos=1, port=broker.port, auth=login)
        cottage.wait_for("/api/rooms/home/mood", lambda mood: mood["mood"] == "calm")
        cottage.wait_for("/api/players/home", lambda state: state["volume"] == 11)
        assert town.get("/api/rooms/home/mood")["source"] == "camera"
        assert town.get("/api/rooms/home/policy") == before
        assert town.get("/api/players/home")["volume"] != 11
        assert set(town.get("/api/rooms")["services"]) == set(cottage.get("/api/rooms")["services"])
        said = paho.mqtt.subscribe.simple("cottage/home/mood", port=broker.port, auth=login)
        assert json.loads(said.payload)["mood"] == "calm"
