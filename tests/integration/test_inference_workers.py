"""Several inference workers on a real Mosquitto: one that leaves takes no frames with it."""

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.contracts import moodring_pb2 as pb
from services.contracts.channels import EXPRESSIONS, FACES, SERVICE
from services.contracts.messages import ServiceState, ServiceStatus
from services.runtime.bus import Delivery
from services.runtime.mqtt import MqttBus
from tests.product import Product
from tests.servers import Mosquitto
from tests.unit.inference_doubles import frame

PATIENCE_S = 60
FRAMES = 8
"""Twice as many as would show a worker that still gets every other one."""


class Camera:
    """Has frames classified, one after the other, and hears of workers that go."""

    def __init__(self, bus: MqttBus) -> None:
        self.bus = bus
        self.gone: asyncio.Queue[str] = asyncio.Queue()
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        bus.subscribe(EXPRESSIONS, self._answered)
        bus.subscribe(SERVICE, self._told, service="inference")

    async def frames(self, name: str) -> None:
        """Publish some frames, the next one when the one before was answered."""
        for number in range(FRAMES):
            sent = frame(number, camera=name)
            sent.captured_at.GetCurrentTime()
            self.bus.publish(FACES, sent, room="home", camera=name)
            async with asyncio.timeout(PATIENCE_S):
                assert await self._answers.get() == sent.frame_id

    async def _answered(self, delivery: Delivery[pb.Expressions]) -> None:
        self._answers.put_nowait(delivery.message.frame_id)

    async def _told(self, delivery: Delivery[ServiceStatus]) -> None:
        if delivery.message.state is ServiceState.OFFLINE:
            self.gone.put_nowait(delivery.where["instance"])


def classified(worker: Product) -> float:
    """Return how many faces a worker has classified."""
    with urlopen(f"{worker.url}/metrics") as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = [sample for family in families for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == "moodring_inference_faces_total")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_a_worker_that_ends_leaves_every_frame_to_the_others(
    mosquitto: Mosquitto, tmp_path: Path, ending: signal.Signals
) -> None:
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Product(tmp_path, "inference", MQTT_URL=mosquitto.url, INSTANCE=instance))
            for instance in ("first", "second")
        ]
        async with MqttBus(mosquitto.url, prefix="moodring", client_id="camera") as bus:
            camera = Camera(bus)
            async with asyncio.timeout(PATIENCE_S):
                await bus.wait_connected()
            for worker in workers:
                await asyncio.to_thread(worker.wait_for, "/readyz", lambda state: state["ready"])
            await camera.frames("both")
            assert [classified(worker) for worker in workers] == [FRAMES / 2, FRAMES / 2]
            await asyncio.to_thread(workers[1].stop, ending)
            async with asyncio.timeout(PATIENCE_S):
                assert await camera.gone.get() == "second"
            await camera.frames("one")
