"""The connection to a broker: one that knows no MQTT 5 and says so by hanging up, and an end in the middle of it."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from services.contracts import channels
from services.contracts.messages import Privacy
from services.contracts.moodring_pb2 import FaceCrops
from services.runtime import mqtt_link
from services.runtime.bus import Delivery
from services.runtime.mqtt import MqttBus
from services.upkeep.authority import certify

PATIENCE_S = 20
CONNECT, CONNACK, PUBACK = 0x10, bytes((0x20, 2, 0, 0)), 0x40
CONNACK_5 = bytes((0x20, 3, 0, 0, 0))
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
    assert isinstance(link, mqtt_link.Link)
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


@pytest.mark.parametrize("tls", [True, False])
async def test_a_burst_arrives_whole_and_leaves_the_loop_its_turns(tmp_path: Path, tls: bool) -> None:
    """More than a record of TLS holds, and three times as much as may wait to be handled."""
    rooms = [f"room_{number}" for number in range(3000)]
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(delivery: Delivery[Privacy]) -> None:
        heard.put_nowait(delivery.room)

    async with served(Subscribed(b"".join(map(_privacy_on, rooms))), tmp_path, tls=tls) as (url, authority):
        bus = MqttBus(url, prefix="moodring", client_id="camera", ca_file=authority, embedded=True)
        bus.subscribe(channels.PRIVACY, hear)
        async with bus, asyncio.timeout(PATIENCE_S):
            assert [await heard.get() for _ in rooms] == rooms


async def test_an_answer_that_comes_too_late_is_not_heard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mqtt_link, "ANSWER_TIMEOUT_S", 0.1)
    monkeypatch.setattr(mqtt_link, "BACKOFF_S", (10 * PATIENCE_S, 10 * PATIENCE_S))  # nor does the next attempt end it
    ended = asyncio.Event()

    async def late(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    async with served(late, tmp_path) as (url, _), MqttBus(url, prefix="moodring", client_id="camera") as bus:
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
        assert not bus.connected


@pytest.mark.parametrize("knows", [V5, V311])
async def test_what_was_not_confirmed_is_sent_again_after_connections_that_were_hung_up(
    tmp_path: Path, knows: int
) -> None:
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    asked: list[int] = []
    hang_ups = iter([knows == V311] * 2 + [False] + [True] * 2)

    async def proxied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take commands and confirm none; be the proxy of a broker that starts in between."""
        asked.append((await reader.read(1000))[8])
        if not next(hang_ups, False):
            writer.write(CONNACK_5 if knows == V5 else CONNACK)
            taken.put_nowait(await reader.read(1000))

    async with served(proxied, tmp_path) as (url, _), MqttBus(url, prefix="moodring", client_id="camera") as bus:
        async with asyncio.timeout(PATIENCE_S):
            await bus.wait_connected()
            bus.publish(channels.PRIVACY_SET, Privacy.ON, room="home")
            assert b"moodring/home/privacy/set" in await taken.get()
            assert b"moodring/home/privacy/set" in await taken.get()
    assert asked[:6] == ([V5, V5, V311] * 2 if knows == V311 else [V5, V5, V5, V5])[: len(asked)]


async def test_leaving_does_not_wait_for_the_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(mqtt_link, "dial", lambda *_: answer.wait(PATIENCE_S))
    async with MqttBus("mqtt://broker.lan", prefix="moodring", client_id="camera") as bus:
        link = bus._link
        assert isinstance(link, mqtt_link.Link)
        while link._opening is None:  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0.001)
    assert not link._opening.done()
    answer.set()
    await asyncio.wait({link._opening}, timeout=PATIENCE_S)


async def test_what_comes_with_the_brokers_answer_is_acknowledged(tmp_path: Path) -> None:
    acknowledged: asyncio.Queue[bytes] = asyncio.Queue()

    async def eager(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(CONNACK + _privacy_on("Not a room", packet_id=7))
        while packet := await reader.read(1000):
            acknowledged.put_nowait(packet)

    async with served(eager, tmp_path) as (url, _):
        bus = MqttBus(url, prefix="moodring", client_id="camera", embedded=True)
        bus.subscribe(channels.PRIVACY, AsyncMock())
        async with bus, asyncio.timeout(PATIENCE_S):
            while bytes((PUBACK, 2, 0, 7)) not in await acknowledged.get():
                pass


async def test_a_topic_that_is_no_text_costs_that_message_alone(tmp_path: Path) -> None:
    await _heard_at_last(tmp_path, bytes((PUBLISH, 4, 0, 2, 0xFF, 0xFE)) + _privacy_on("home"))


async def test_what_fails_where_the_connection_begins_ends_it_and_the_next_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, failing = MqttBus.link_up, iter([True])

    def link_up(bus: MqttBus) -> None:
        if next(failing, False):
            raise LookupError("failed on purpose")
        begin(bus)

    monkeypatch.setattr(MqttBus, "link_up", link_up)
    await _heard_at_last(tmp_path, b"", _privacy_on("home"))


async def _heard_at_last(folder: Path, *said: bytes) -> None:
    heard = asyncio.Event()

    async def hear(_delivery: Delivery[Privacy]) -> None:
        heard.set()

    async with served(Subscribed(*said), folder) as (url, _):
        bus = MqttBus(url, prefix="moodring", client_id="camera", embedded=True)
        bus.subscribe(channels.PRIVACY, hear)
        async with bus, asyncio.timeout(PATIENCE_S):
            await heard.wait()


async def test_leaving_closes_the_connection_that_takes_nothing_more(tmp_path: Path) -> None:
    stuck, ended = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(CONNACK)
        await stuck.wait()
        while await reader.read(1 << 20):
            pass
        ended.set()

    async with served(slow, tmp_path) as (url, _), asyncio.timeout(PATIENCE_S):
        async with MqttBus(url, prefix="moodring", client_id="camera", embedded=True) as bus:
            await bus.wait_connected()
            crops = FaceCrops(frame_id="x" * 1_000_000)
            for _ in range(20):
                bus.publish(channels.FACES, crops, room="home", camera="main")
        stuck.set()
        await ended.wait()


class Subscribed:
    """Answers a connection and its subscription, in one write with what it has to say in that connection."""

    def __init__(self, *said: bytes) -> None:
        self._said = list(said)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = self._said.pop(0)  # in the order of connections
        while packet := await reader.read(1000):
            if packet[0] == CONNECT:
                writer.write(CONNACK)
            elif packet[0] == SUBSCRIBE:
                writer.write(bytes((SUBACK, 3)) + packet[2:4] + b"\1" + said)
        writer.close()


@asynccontextmanager
async def served(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], folder: Path, *, tls: bool = False
) -> AsyncIterator[tuple[str, Path | None]]:
    """Serve a broker's part, and yield its URL and the authority to trust."""
    context = None
    if tls:
        certify(folder, ("localhost",))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "server.pem")

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    yield (f"mqtts://localhost:{port}", folder / "ca.crt") if tls else (f"mqtt://127.0.0.1:{port}", None)
    server.close()
    await server.wait_closed()


def _privacy_on(room: str, packet_id: int = 0) -> bytes:
    """Return a publication, of quality 1 where it has an id."""
    topic = f"moodring/{room}/privacy".encode()
    rest = len(topic).to_bytes(2) + topic + (packet_id.to_bytes(2) if packet_id else b"") + b"ON"
    return bytes((PUBLISH | (2 if packet_id else 0), len(rest))) + rest
