"""The whole product, watched for a while by somebody who looks for pictures in everything that it leaves behind."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from services.contracts import moodring_pb2 as pb
from services.demo.faces import Person
from services.vision.images import decode_crop, jpeg
from tests.image_search import pictures_in
from tests.product import Product
from tests.servers import Mosquitto


class Listener:
    """Hears everything on a broker from its beginning on, and what a newcomer is told."""

    def __init__(self, broker: Mosquitto) -> None:
        self.retained: dict[str, bytes] = {}
        self.faces: list[bytes] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", broker.port)
        self._client.subscribe("#", 1)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if message.retain:
            self.retained[message.topic] = bytes(message.payload)
        elif message.topic.endswith("/faces"):
            self.faces.append(bytes(message.payload))


@pytest.mark.parametrize("source", ["clip", "browser"])
@pytest.mark.timeout(600)
def test_no_picture_is_left_in_files_logs_or_retained_messages(
    source: str, tmp_path: Path, mosquitto: Mosquitto, shared_data: Callable[[str], Path]
) -> None:
    sandbox = {name: tmp_path / name.lower() for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    for folder in sandbox.values():
        folder.mkdir()
    live = Listener(mosquitto)
    where = str(shared_data("video/again.mkv")) if source == "clip" else "browser"
    product = Product(
        tmp_path / "data", CAMERA_SOURCE=where, MQTT_URL=mosquitto.url, LOGS_LEVEL="debug", LOGS_FORM="json"
    )
    product.environment |= {name: str(folder) for name, folder in sandbox.items()}
    with product:
        picture = jpeg(Person().frame(1.0))
        _live_a_while(product, picture, lend=source == "browser")
        newcomer = Listener(mosquitto)
        product.wait_for("/api/rooms", lambda _: "moodring/home/camera/status" in newcomer.retained)
    newcomer.close()
    live.close()
    assert _is_a_face(live.faces[-1]), "faces did travel: there was something to leak"
    left = {topic: payload for topic, payload in newcomer.retained.items() if payload}
    left |= {str(file): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    left["what it logged"] = "\n".join(product.lines).encode()
    assert {found for found in left if found.endswith(("camera.json", "status", "mood"))}, "it did leave something"
    assert any("camera" in line for line in product.lines)
    assert {where: found for where, content in left.items() if (found := pictures_in(content))} == {}


def _live_a_while(product: Product, picture: bytes, *, lend: bool) -> None:
    """Watch until there is a mood, send good and bad pictures, look at the preview, close the camera and open it."""
    frames = f"{product.url}/api/cameras/camera/frames"
    sent = count()

    def enough(status: Any) -> bool:
        number = next(sent)
        if lend or number == 0:
            httpx.post(frames, content=picture if number % 10 else picture[: len(picture) // 2], timeout=30)
        return bool(status["faces_used"] > 20)

    product.wait_for("/api/cameras/camera", enough)
    httpx.post(f"{product.url}/api/expressions", files={"photo": picture}, timeout=30).raise_for_status()
    assert httpx.get(f"{product.url}/api/cameras/camera/preview.jpg", timeout=30).is_success or lend
    product.wait_for("/api/rooms/home/mood", lambda mood: mood)
    for privacy in ("ON", "OFF"):
        product.get("/api/cameras/camera/privacy", "PUT", {"privacy": privacy})
    httpx.post(frames, content=b"\xff\xd8\xff" + picture, timeout=30)


def _is_a_face(payload: bytes) -> bool:
    return decode_crop(pb.FaceCrops.FromString(payload).faces[0].image).size > 0
