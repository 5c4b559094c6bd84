"""A real Mosquitto whose access list forbids what a service has to say: it is said, counted, and mended without it."""

import asyncio
import logging
import signal
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.contracts import channels
from services.contracts.messages import Privacy
from services.contracts.moodring_pb2 import FaceCrops
from services.runtime import mqtt_refusals
from services.runtime.health import Health
from services.runtime.mqtt import REFUSED, MqttBus
from tests.integration.test_broker_border import Border, Client

PATIENCE_S = 20
TOPIC = "moodring/home/privacy"


class Strict(Border):
    """A border at which nobody may say anything, until it is opened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._acl = self.folder / "acl"
        self._right = self._acl.read_text()
        self._acl.write_text("user camera\ntopic read #\n")

    def open_up(self) -> None:
        self._acl.write_text(self._right)
        self.signal(signal.SIGHUP)


class Told(Health):
    """Health that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.news = asyncio.Event()
        self.listen(self.news.set)

    async def problem(self, part: str, *, there: bool) -> str:
        async with asyncio.timeout(PATIENCE_S):
            while (part in self.problems) is not there:
                self.news.clear()
                await self.news.wait()
        return self.problems.get(part, "")


def refused(channel: channels.Channel[Privacy]) -> float | None:
    labels = {"channel": channel.template, "reason": REFUSED}
    return REGISTRY.get_sample_value("moodring_messages_dropped_total", labels)


def camera(broker: Border, health: Health) -> MqttBus:
    return MqttBus(
        f"mqtt://camera:camera@127.0.0.1:{broker.port}", prefix="moodring", client_id="camera", health=health
    )


async def test_what_the_broker_forbids_is_said_counted_and_published_when_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mqtt_refusals, "RETRY_S", 0.1)
    caplog.set_level(logging.INFO)
    health = Told()
    with Strict(tmp_path) as broker:
        async with camera(broker, health) as bus:
            await bus.wait_connected()
            before = refused(channels.PRIVACY) or 0
            bus.publish(channels.PRIVACY, Privacy.ON, room="home")
            assert refused(channels.PRIVACY) == before
            problem = await health.problem("publications", there=True)
            assert (refused(channels.PRIVACY) or 0) > before
            for word in (TOPIC, "camera", "Not authorized", "`moodring doctor`"):
                assert word in problem
            broker.open_up()
            await health.problem("publications", there=False)
            home = Client(broker.port, "home_automation")
            home.listen(TOPIC)
            await asyncio.to_thread(home.hears, TOPIC, "ON")
            home.close()
    said = [line for line in caplog.messages if line.startswith(TOPIC)]
    assert "does not let camera publish there (Not authorized)" in said[0]
    assert len(said) == 2, "once that it is refused, however often, and once that it is not any more"


async def test_what_is_refused_in_one_connection_is_asked_again_in_the_next(tmp_path: Path) -> None:
    health = Told()
    broker = Strict(tmp_path)
    with broker:
        async with camera(broker, health) as bus:
            await bus.wait_connected()
            bus.publish(channels.PRIVACY_SET, Privacy.ON, room="home")
            await health.problem("publications", there=True)
            broker.stop()
            await health.problem("publications", there=False)
            assert "broker" in health.problems


async def test_of_quality_0_the_broker_says_nothing(tmp_path: Path) -> None:
    health = Told()
    with Strict(tmp_path) as broker:
        async with camera(broker, health) as bus:
            await bus.wait_connected()
            bus.publish(channels.FACES, FaceCrops(frame_id="1"), room="home", camera="door")
            bus.publish(channels.PRIVACY_SET, Privacy.ON, room="home")  # is answered after it
            problem = await health.problem("publications", there=True)
    assert "/faces" not in problem
    assert " more (" not in problem
