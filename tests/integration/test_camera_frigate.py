"""Frigate's snapshots as a source, from a real broker on which somebody speaks as Frigate does."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import paho.mqtt.client as paho
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from services.camera.frigate import Frigate
from services.camera.patience import Patience
from services.camera.preview import stream
from services.camera.service import build
from services.camera.sources import SourceError, open_source
from services.contracts.messages import CameraState, Privacy
from services.runtime.service import SetupError
from services.runtime.settings import Camera, load
from services.vision.images import decode_photo, jpeg
from tests.camera_doubles import ScriptedDetector, face, only_camera, only_room, picture, running
from tests.servers import Mosquitto


class FrigateDouble:
    """Says what Frigate says (https://docs.frigate.video/integrations/mqtt/), to whoever listens."""

    def __init__(self, broker: Mosquitto) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def say(self, topic: str, payload: str | bytes, *, retain: bool = True) -> None:
        self._client.publish(f"frigate/{topic}", payload, 1, retain).wait_for_publish(10)

    def shows(self, number: int, what: str = "person", *, retain: bool = True) -> None:
        """Publish a snapshot, which Frigate retains."""
        self.say(f"door/{what}/snapshot", jpeg(picture(number)), retain=retain)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def frigate(mosquitto: Mosquitto) -> Iterator[FrigateDouble]:
    double = FrigateDouble(mosquitto)
    double.say("available", "online")
    double.say("door/detect/state", "ON")
    yield double
    double.close()


def address(broker: Mosquitto, camera: str = "door", login: str = "") -> str:
    return f"frigate://{login}127.0.0.1:{broker.port}/{camera}"


def lost(source: Frigate) -> str:
    """Read until the source is lost, and return why."""
    with pytest.raises(SourceError) as caught:  # noqa: PT012 -- it reads until then
        for _ in range(30):
            source.read()
    source.close()
    return str(caught.value)


def connections(broker: Mosquitto) -> Sequence[object]:
    """Return this process's connections to the broker, without the double's own."""
    found = psutil.Process().net_connections()
    return [each for each in found if each.raddr and each.raddr.port == broker.port][1:]


async def test_persons_and_faces_that_frigate_shows_are_seen(
    mosquitto: Mosquitto, frigate: FrigateDouble, tmp_path: Path
) -> None:
    frigate.shows(0)  # before anybody listens: it is retained, and may be from yesterday
    settings = load(data=tmp_path, camera={"source": address(mosquitto), "messages_per_s": 240})
    service = build(settings, detector=lambda: ScriptedDetector(face()))
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)  # though nobody is there
        assert heard.all("faces") == []
        for number, what in enumerate(("person", "face"), 1):
            frigate.shows(number, what)
            await heard.until(lambda number=number: len(heard.all("faces")) == number)  # type: ignore[misc]
        frigate.say("available", "offline")
        await heard.state(CameraState.OFFLINE)
        assert "Frigate has stopped" in only_camera(service).status.detail
        frigate.say("available", "online")
        await heard.state(CameraState.OK)


async def test_privacy_leaves_the_broker(mosquitto: Mosquitto, frigate: FrigateDouble, tmp_path: Path) -> None:
    service = build(load(data=tmp_path, camera={"source": address(mosquitto)}), detector=ScriptedDetector)
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        assert len(connections(mosquitto)) == 1
        async with asyncio.timeout(2):
            await only_room(service).turn(Privacy.ON)
        assert connections(mosquitto) == []


def test_snapshots_that_are_no_pictures_are_passed_over(mosquitto: Mosquitto, frigate: FrigateDouble) -> None:
    source = Frigate(address(mosquitto))
    source.open()
    try:
        for payload in (b"no picture", b"", jpeg(picture(1))[:-30]):
            frigate.say("door/person/snapshot", payload, retain=False)
            assert source.read() is None
        frigate.shows(2, retain=False)
        frame = source.read()
    finally:
        source.close()
    assert frame is not None
    assert frame.shape == (480, 640, 3)


def test_the_broker_that_ends_is_a_lost_source(mosquitto: Mosquitto, frigate: FrigateDouble) -> None:
    source = Frigate(address(mosquitto))
    source.open()
    mosquitto.stop()
    assert "hung up" in lost(source)


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    [("available", "offline", "Frigate has stopped"), ("available", "", "nothing is at frigate/available")],
)
def test_a_frigate_that_is_away_is_said(
    mosquitto: Mosquitto, frigate: FrigateDouble, topic: str, payload: str, said: str
) -> None:
    frigate.say(topic, payload)
    with pytest.raises(SourceError, match=said):
        Frigate(address(mosquitto)).open()


def test_a_camera_that_frigate_does_not_look_at_is_said(mosquitto: Mosquitto, frigate: FrigateDouble) -> None:
    source = Frigate(address(mosquitto))
    source.open()
    frigate.say("door/detect/state", "OFF")
    assert "does not look at door" in lost(source)


def test_a_broker_that_is_away_or_lets_nobody_in_is_said_without_the_password(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, "allow_anonymous false\n") as broker:
        locked = Frigate(address(broker, login="me:s3cret@"))
        with pytest.raises(SourceError, match="says: ") as refused:
            locked.open()
    with pytest.raises(SourceError, match="does not answer") as away:
        locked.open()
    assert "s3cret" not in str(refused.value) + str(away.value)


@pytest.mark.parametrize("url", ["frigate://broker", "frigate:///door", "frigate://broker/%23", "frigate://me:s3cret@"])
def test_an_address_without_broker_or_camera_is_one_clear_line(url: str) -> None:
    with pytest.raises(SetupError, match="has to be frigate://") as caught:
        open_source(Camera(source=url))
    assert "s3cret" not in str(caught.value)


async def test_a_snapshot_is_shown_for_a_moment_only(
    tmp_path: Path, mosquitto: Mosquitto, frigate: FrigateDouble
) -> None:
    service = build(
        load(data=tmp_path, camera={"source": address(mosquitto)}), detector=lambda: ScriptedDetector(face()),
        patience=Patience(shown_s=0.2),
    )  # fmt: skip
    async with running(service) as (_, heard), asyncio.timeout(20):
        await heard.state(CameraState.OK)
        frigate.shows(1)
        shown = stream(only_camera(service).last, only_camera(service).drawn, lambda: True)
        assert decode_photo(await anext(shown)).std() > 20
        assert decode_photo(await anext(shown)).max() == 0
        assert only_camera(service).last() is None
        assert only_camera(service).status.state is CameraState.OK
        await shown.aclose()  # type: ignore[attr-defined]
