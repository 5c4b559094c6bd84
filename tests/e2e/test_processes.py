"""The services as processes of their own on a real Mosquitto do the same job; killed, each comes back."""

import base64
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from services.contracts import channels
from services.demo.songs import synthesise
from services.gateway.upstream import OWNERS, owner
from services.runtime.settings import Settings
from services.vision.images import jpeg
from services.vision.opencv import cv2
from tests.product import Product, playing
from tests.servers import Mosquitto, free_port

FACES = Path(__file__).parents[2] / "services/demo/assets/faces"
NAMES = ("model-server", "player", "recommender", "aggregator", "inference", "camera", "gateway")


class House:
    """Seven processes, each with a data folder of its own where it needs one, on one broker."""

    def __init__(self, folder: Path, broker: Mosquitto, stack: ExitStack) -> None:
        from services.recommender.migrate import migrate

        self.broker = broker
        ports = {name: str(free_port()) for name in NAMES}
        grpc = str(free_port())
        common = {
            "MQTT_URL": broker.url,
            "INFERENCE_MODEL_SERVER": f"grpc://127.0.0.1:{grpc}",
            "INFERENCE_PORT": grpc,
            "MUSIC": str(folder / "songs"),
        }
        upstream = {
            f"GATEWAY_{name.upper()}": f"http://127.0.0.1:{ports[name]}"
            for name in NAMES
            if name not in ("gateway", "model-server")
        }
        synthesise(folder / "songs")
        migrate(Settings(data=folder / "recommender"))
        self.processes = {
            name: Product(folder / name, name, **common, **upstream, HTTP_PORT=ports[name]) for name in NAMES
        }
        for process in self.processes.values():
            stack.enter_context(process)
        self.door = self.processes["gateway"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("house")
        broker = stack.enter_context(Mosquitto(folder / "mosquitto", "persistence false\n"))
        yield House(folder, broker, stack)


def clear(mood: Any) -> bool:
    return mood["mood"] not in ("unknown", "nobody")


def test_separate_processes_do_the_job_of_one(house: House) -> None:
    house.door.wait_for("/api/rooms/home/mood", clear)
    assert house.door.wait_for("/api/players/home", playing)["current"]["reason"]


def test_the_gateway_describes_the_whole_tree(house: House) -> None:
    told = house.door.get("/openapi.json")
    assert {owner(path) for path in told["paths"]} >= {service for _, service in OWNERS}


@pytest.mark.parametrize("name", NAMES)
def test_killed_service_comes_back_and_the_others_carry_on(house: House, name: str) -> None:
    house.door.wait_for("/api/players/home", playing)
    others = [process for other, process in house.processes.items() if other != name]
    house.processes[name].stop(signal.SIGKILL)
    for other in others:
        assert other.get("/healthz")["status"] == "ok"
    if name != "player":
        house.processes["player"].music_moves_on()
    house.processes[name].start()
    house.door.wait_for("/api/rooms/home/mood", clear)
    house.door.wait_for("/api/players/home", playing)


def test_a_photo_reaches_the_reader_through_the_door_and_comes_back_framed(house: House) -> None:
    house.door.wait_for("/api/rooms/home/mood", clear)
    canvas = np.full((480, 640, 3), 120, np.uint8)
    sprite = cv2.imread(str(FACES / "happy.png"))
    assert sprite is not None
    canvas[100:340, 60:300] = cv2.resize(sprite, (240, 240))
    url, files = f"{house.door.url}/api/expressions", {"photo": jpeg(canvas)}
    answer = httpx.post(url, params={"picture": "true"}, files=files, timeout=60).json()
    [face] = answer["faces"]
    assert max(face["expressions"], key=face["expressions"].get) == "happy"
    assert base64.b64decode(answer["picture"]).startswith(b"\xff\xd8\xff")


def test_a_model_server_that_is_gone_is_told_by_who_needs_it(house: House) -> None:
    def told(_: Any) -> bool:
        return "circuit open" in httpx.get(f"{reader.url}/readyz").text

    house.door.wait_for("/api/rooms/home/mood", clear)
    reader, server = house.processes["inference"], house.processes["model-server"]
    server.stop(signal.SIGKILL)
    reader.wait_for("/healthz", told)
    server.start()
    reader.wait_for("/readyz", lambda state: state["ready"])


def test_command_given_while_the_player_restarts_is_done(house: House) -> None:
    house.door.wait_for("/api/players/home", playing)
    house.processes["player"].stop(signal.SIGKILL)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", house.broker.port)
    client.loop_start()
    topic = channels.PLAYER_SET.topic("moodring", room="home")
    client.publish(topic, '{"action": "volume", "value": 33}', qos=1).wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    house.processes["player"].start()
    house.door.wait_for("/api/players/home", lambda state: state["volume"] == 33)


def test_broker_that_restarts_costs_nothing_but_a_moment(house: House) -> None:
    house.broker.stop()
    for process in house.processes.values():
        process.wait_for("/healthz", lambda health: health["status"] == "ok")
    assert playing(house.processes["player"].get("/api/players/home")), "the music goes on without a broker"
    house.broker.start()
    house.door.wait_for("/readyz", lambda ready: ready["ready"])
    house.door.music_moves_on()
    house.door.wait_for("/api/rooms/home/mood", clear)


def test_new_version_of_an_embedded_model_that_is_half_copied_is_said_and_the_old_one_goes_on(tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(Settings().inference.models / "expression", models / "expression")
    with (
        Mosquitto(tmp_path / "mosquitto", "persistence false\n") as broker,
        Product(tmp_path / "data", "inference", MQTT_URL=broker.url, INFERENCE_MODELS=str(models)) as inference,
    ):
        (models / "expression" / "999").mkdir()
        state = inference.wait_for("/readyz", lambda state: "model_versions" in state["problems"].get("inference", {}))
        assert "999/model.json cannot be read" in state["problems"]["inference"]["model_versions"]
        assert state["ready"] is True
