"""A broker that stands still for a while: what is frequent and old goes, what is newest and what is commanded stays."""

import asyncio
import signal

from services.contracts import channels
from services.contracts.messages import MoodOverride
from services.contracts.moodring_pb2 import FaceCrops
from services.runtime.bus import Delivery
from services.runtime.measures import DROPPED
from services.runtime.mqtt import MqttBus
from tests.servers import Mosquitto

FRAMES = 400
PATIENCE_S = 30


def given_up() -> float:
    samples = [one for metric in DROPPED.collect() for one in metric.samples if one.name.endswith("_total")]
    slow = {"channel": channels.FACES.template, "reason": "broker too slow"}
    return sum(float(one.value) for one in samples if one.labels == slow)


async def test_a_slow_broker_gets_the_newest_frames_and_every_command(mosquitto: Mosquitto) -> None:
    frames: list[int] = []
    commands: list[str] = []
    last, commanded = asyncio.Event(), asyncio.Event()

    async def see(delivery: Delivery[FaceCrops]) -> None:
        frames.append(int(delivery.message.frame_id))
        if frames[-1] == FRAMES - 1:
            last.set()

    async def obey(delivery: Delivery[MoodOverride]) -> None:
        commands.append(delivery.message.mood)
        commanded.set()

    async with (
        MqttBus(mosquitto.url, prefix="moodring", client_id="speaker") as speaker,
        MqttBus(mosquitto.url, prefix="moodring", client_id="listener") as listener,
    ):
        listener.subscribe(channels.FACES, see)
        listener.subscribe(channels.MOOD_SET, obey)
        await speaker.wait_connected()
        await listener.wait_connected()
        before = given_up()
        mosquitto.signal(signal.SIGSTOP)
        try:
            for number in range(FRAMES):
                crop = FaceCrops(frame_id=str(number), camera="x" * 3000)
                speaker.publish(channels.FACES, crop, room="home", camera="door")
                await asyncio.sleep(0)
            speaker.publish(channels.MOOD_SET, MoodOverride(mood="calm"), room="home")
        finally:
            mosquitto.signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE_S):
            await last.wait()
            await commanded.wait()
    assert commands == ["calm"]
    assert frames == sorted(frames)
    assert given_up() - before > FRAMES / 2
    assert len(frames) < FRAMES / 2
