"""The connection to a broker: one that knows no MQTT 5 and says so by hanging up, and an end in the middle of it."""

import asyncio
import ssl
from pathlib import Path

import pytest

from services.contracts import channels
from services.contracts.messages import Privacy
from services.runtime import mqtt_link
from services.runtime.bus import Delivery
from services.runtime.mqtt import MqttBus
from services.upkeep.authority import certify

PATIENCE_S = 20
CONNECT, CONNACK, PUBACK = 0x10, bytes((0x20, 2, 0, 0)), 0x40
PUBLISH_QOS1_RETAINED = 0x33
PUBLISH, SUBSCRIBE, SUBACK = 0x30, 0x82, 0x90
V5, V311 = 5, 4


class OldBroker:
    """Takes connections, hangs up on all that are not MQTT 3.1.1, and confirms what is published.

    Attributes:
        asked: The protocol levels of the connections, in order.
        heard: The publications, whole.
    """

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.connections: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        try:
            kind, packet = await self._packet(reader)
            assert kind == CONNECT
            self.asked.append(packet[6])  # after the length and the letters of "MQTT"
            if packet[6] != V311:
                return
            writer.write(CONNACK)
            while True:
                kind, packet = await self._packet(reader)
                if kind == PUBLISH_QOS1_RETAINED:
                    topic_bytes = int.from_bytes(packet[:2])
                    writer.write(bytes((PUBACK, 2)) + packet[2 + topic_bytes :][:2])
                    self.heard.put_nowait(packet)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind, length = await reader.readexactly(2)
        assert length < 0x80, "a longer packet than this broker reads"
        return kind, await reader.readexactly(length)


async def test_a_broker_that_hangs_up_on_mqtt_5_is_asked_in_3_1_1() -> None:
    broker = OldBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with MqttBus(f"mqtt://127.0.0.1:{port}", prefix="moodring", client_id="camera") as bus:
        async with asyncio.timeout(PATIENCE_S):
            await bus.wait_connected()
            bus.publish(channels.PRIVACY, Privacy.ON, room="home")
            assert b"moodring/home/privacy" in await broker.heard.get()
            assert broker.asked == [V5, V5, V311]
            broker.connections[-1].close()  # the connection breaks: it may have been updated meanwhile
            assert b"moodring/home/privacy" in await broker.heard.get()
    assert broker.asked == [V5, V5, V311] * 2
    server.close()
    await server.wait_closed()


async def test_an_end_at_the_moment_of_the_brokers_answer_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_link, "dial", lambda *_: None)
    link = MqttBus("mqtt://127.0.0.1:1", prefix="moodring", client_id="camera")._link
    keeping = asyncio.create_task(link.keep())
    async with asyncio.timeout(PATIENCE_S):
        while link._opening is None or not link._opening.done():  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)  # the answer is awaited now
        assert link._answer
        link._answer.set_result("")
        keeping.cancel()
        await asyncio.wait({keeping}, timeout=PATIENCE_S / 2)
    assert keeping.cancelled()
    await link.close()


async def test_messages_that_share_a_record_of_tls_all_arrive(tmp_path: Path) -> None:
    rooms = [f"room_{number}" for number in range(100)]

    async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while packet := await reader.read(1000):
            if packet[0] == CONNECT:
                writer.write(CONNACK)
            elif packet[0] == SUBSCRIBE:
                writer.write(bytes((SUBACK, 3)) + packet[2:4] + b"\1" + b"".join(map(_privacy_on, rooms)))
        writer.close()

    certify(tmp_path, ("localhost",))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    server = await asyncio.start_server(at_once, "127.0.0.1", 0, ssl=context)
    url = f"mqtts://localhost:{server.sockets[0].getsockname()[1]}"
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(delivery: Delivery[Privacy]) -> None:
        heard.put_nowait(delivery.room)

    bus = MqttBus(url, prefix="moodring", client_id="camera", ca_file=tmp_path / "ca.crt", embedded=True)
    bus.subscribe(channels.PRIVACY, hear)
    async with bus, asyncio.timeout(PATIENCE_S):
        assert [await heard.get() for _ in rooms] == rooms
    server.close()
    await server.wait_closed()


def _privacy_on(room: str) -> bytes:
    topic = f"moodring/{room}/privacy".encode()
    return bytes((PUBLISH, 2 + len(topic) + 2, 0, len(topic))) + topic + b"ON"
