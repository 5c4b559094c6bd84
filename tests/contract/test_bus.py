"""Every bus keeps the promises of `services.runtime.bus.Bus`."""

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from services.contracts import channels
from services.contracts.messages import (
    CustomMoods,
    MoodOverride,
    PlayerAction,
    PlayerCommand,
    Privacy,
    ServiceState,
    ServiceStatus,
    utc_now,
)
from services.contracts.moodring_pb2 import Face, FaceCrops, Image
from services.embedded.broker import EmbeddedBroker, embedded_broker
from services.embedded.outbox import MOST_BYTES
from services.runtime.bus import Bus, Capability, Delivery, Follower
from services.runtime.commands import CommandLog, DoneCommands
from services.runtime.health import Health
from services.runtime.memory import MemoryBroker, MemoryBus
from services.runtime.mqtt import MqttBus
from services.runtime.state import StateFile
from tests.servers import Mosquitto, free_port

PATIENCE_S = 30
CONNACK, SUBACK = 0x20, 0x90
"""First bytes of a broker's answers (MQTT 3.1.1, section 2.2)."""


@dataclass
class World:
    """One kind of bus, and what surrounds it."""

    open_bus: Callable[..., AbstractAsyncContextManager[Any]]
    inject: Callable[..., None]
    """Publish a payload that no `Bus` would."""
    capabilities: frozenset[Capability]
    stop: Callable[[], None] | None = None
    start: Callable[[], None] | None = None


@dataclass
class Inbox:
    """A handler that keeps what it gets."""

    queue: asyncio.Queue[Delivery[Any]] = field(default_factory=asyncio.Queue)

    async def __call__(self, delivery: Delivery[Any]) -> None:
        self.queue.put_nowait(delivery)

    async def get(self) -> Delivery[Any]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.queue.get()


def mqtt_world(url: str, *, embedded: bool, **wiring: Any) -> World:
    port = int(url.rpartition(":")[2])

    def open_bus(client_id: str, *, prefix: str = "moodring", **options: Any) -> MqttBus:
        return MqttBus(url, prefix=prefix, client_id=client_id, embedded=embedded, **wiring, **options)

    def inject(topic: str, payload: bytes, *, retain: bool = False) -> None:
        paho.mqtt.publish.single(topic, payload, qos=1, retain=retain, hostname="127.0.0.1", port=port)

    return World(open_bus, inject, frozenset() if embedded else frozenset(Capability))


@pytest.fixture(params=["memory", "local", "embedded", "mosquitto"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        broker = MemoryBroker()

        def open_memory(_client_id: str, *, prefix: str = "moodring", **options: Any) -> MemoryBus:
            return MemoryBus(broker=broker, prefix=prefix, commands=options.get("commands"))

        yield World(open_memory, broker.publish, frozenset())
    elif request.param == "local":
        async with embedded_broker(0) as house:
            yield mqtt_world(house.url, embedded=True, open_link=house.link)
    elif request.param == "embedded":
        async with embedded_broker(0) as house:
            yield mqtt_world(house.url, embedded=True)
    else:
        mosquitto: Mosquitto = request.getfixturevalue("mosquitto")
        found = mqtt_world(mosquitto.url, embedded=False)
        found.stop, found.start = mosquitto.stop, mosquitto.start
        yield found


@pytest.fixture
async def pair(world: World) -> AsyncIterator[tuple[Bus, Bus]]:
    """Two services on one broker: a speaker and a listener."""
    async with world.open_bus("speaker") as speaker, world.open_bus("listener") as listener:
        async with asyncio.timeout(PATIENCE_S):
            await speaker.wait_connected()
            await listener.wait_connected()
        yield speaker, listener


async def listening(bus: Bus, channel: channels.Channel[Any], **where: str) -> Inbox:
    inbox = Inbox()
    bus.subscribe(channel, inbox, **where)
    async with asyncio.timeout(PATIENCE_S):
        await bus.wait_connected()
    return inbox


def override(mood: str) -> MoodOverride:
    return MoodOverride(mood=mood)


async def test_message_arrives_with_the_levels_of_its_topic(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    inbox = await listening(listener, channels.FACES)
    speaker.publish(channels.FACES, FaceCrops(frame_id="1"), room="home", camera="door")
    delivery = await inbox.get()
    assert (delivery.message.frame_id, delivery.room, delivery.camera) == ("1", "home", "door")
    assert not delivery.retained


async def test_later_subscriber_gets_the_retained_message_and_no_other(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    witness = await listening(speaker, channels.PRIVACY)
    commands = await listening(speaker, channels.PRIVACY_SET)
    speaker.publish(channels.PRIVACY_SET, Privacy.OFF, room="home")
    speaker.publish(channels.PRIVACY, Privacy.ON, room="home")
    await witness.get()
    await commands.get()
    late_commands = await listening(listener, channels.PRIVACY_SET)
    late = await listening(listener, channels.PRIVACY)
    delivery = await late.get()
    assert (delivery.message, delivery.retained) == (Privacy.ON, True)
    assert late_commands.queue.empty()


async def test_later_subscriber_does_not_get_what_was_withdrawn(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    witness = await listening(speaker, channels.PRIVACY)
    for room in ("gone", "home"):
        speaker.publish(channels.PRIVACY, Privacy.ON, room=room)
        await witness.get()
    speaker.withdraw(channels.PRIVACY, room="gone")
    speaker.publish(channels.PRIVACY, Privacy.OFF, room="home")
    assert (await witness.get()).message == Privacy.OFF
    late = await listening(listener, channels.PRIVACY)
    assert (await late.get()).room == "home"
    assert late.queue.empty()


async def test_who_follows_a_state_hears_that_it_was_withdrawn(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    heard = asyncio.Queue[tuple[str, Privacy | None]]()

    async def hear(delivery: Delivery[Privacy]) -> None:
        await heard.put((delivery.room, delivery.message))

    async def miss(where: dict[str, str]) -> None:
        await heard.put((where["room"], None))

    listener.subscribe(channels.PRIVACY, Follower(hear, miss))
    await listener.wait_connected()
    speaker.publish(channels.PRIVACY, Privacy.ON, room="home")
    assert await heard.get() == ("home", Privacy.ON)
    speaker.withdraw(channels.PRIVACY, room="home")
    assert await heard.get() == ("home", None)


async def test_a_topic_of_the_whole_house_is_heard_and_retained(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    inbox = await listening(listener, channels.CUSTOM_MOODS)
    speaker.publish(channels.CUSTOM_MOODS, CustomMoods())
    assert (await inbox.get()).message == CustomMoods()
    later = await listening(speaker, channels.CUSTOM_MOODS)
    assert (await later.get()).where == {}


async def test_connecting_client_gets_no_retained_messages_it_did_not_ask_for(world: World) -> None:
    async with world.open_bus("first") as first:
        witness = await listening(first, channels.PRIVACY)
        first.publish(channels.PRIVACY, Privacy.ON, room="home")
        await witness.get()
        async with world.open_bus("second") as second:
            inbox = await listening(second, channels.PRIVACY, room="attic")
            first.publish(channels.PRIVACY, Privacy.OFF, room="attic")
            assert (await inbox.get()).room == "attic"


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"{", b'{"mood": 1}', b"no word", b"{}" * 100])
async def test_garbage_never_reaches_a_handler_and_stops_nothing(
    world: World, pair: tuple[Bus, Bus], garbage: bytes
) -> None:
    speaker, listener = pair
    inbox = await listening(listener, channels.MOOD_SET)
    await asyncio.to_thread(world.inject, "moodring/home/mood/set", garbage)
    speaker.publish(channels.MOOD_SET, override("calm"), room="home")
    assert (await inbox.get()).message.mood == "calm"


async def test_bare_word_is_a_command(world: World, pair: tuple[Bus, Bus]) -> None:
    inbox = await listening(pair[1], channels.MOOD_SET)
    await asyncio.to_thread(world.inject, "moodring/home/mood/set", b"calm")
    assert (await inbox.get()).message.mood == "calm"


async def test_command_delivered_twice_is_done_once(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    inbox = await listening(listener, channels.MOOD_SET)
    twice = override("calm")
    for command in (twice, twice, override("happy")):
        speaker.publish(channels.MOOD_SET, command, room="home")
    assert [(await inbox.get()).message.mood for _ in range(2)] == ["calm", "happy"]


async def test_command_done_before_a_restart_is_not_done_after_it(world: World, tmp_path: Path) -> None:
    done = override("calm")
    for commands, arrives in (([done], "calm"), ([done, override("happy")], "happy")):
        log = CommandLog(StateFile(tmp_path / "commands.json", DoneCommands))
        async with world.open_bus("speaker") as speaker, world.open_bus("listener", commands=log) as listener:
            inbox = await listening(listener, channels.MOOD_SET)
            for command in commands:
                speaker.publish(channels.MOOD_SET, command, room="home")
            assert (await inbox.get()).message.mood == arrives


async def test_retained_command_is_not_done_at_every_start(world: World, pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    witness = await listening(speaker, channels.PRIVACY_SET)
    await asyncio.to_thread(world.inject, "moodring/home/privacy/set", b"OFF", retain=True)
    await witness.get()
    inbox = await listening(listener, channels.PRIVACY_SET)
    speaker.publish(channels.PRIVACY_SET, Privacy.ON, room="home")
    assert (await inbox.get()).message is Privacy.ON


async def test_late_relative_command_is_dropped_and_late_absolute_one_holds(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    inbox = await listening(listener, channels.PLAYER_SET)
    late = utc_now() - timedelta(seconds=31)
    speaker.publish(channels.PLAYER_SET, PlayerCommand(action=PlayerAction.NEXT, issued_at=late), room="home")
    speaker.publish(
        channels.PLAYER_SET, PlayerCommand(action=PlayerAction.VOLUME, value=3, issued_at=late), room="home"
    )
    assert (await inbox.get()).message.action is PlayerAction.VOLUME


async def test_failing_handler_does_not_stop_the_next_message(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    inbox = Inbox()

    async def fragile(delivery: Delivery[Any]) -> None:
        if delivery.message.mood == "sad":
            raise RuntimeError("as the test wants it")
        await inbox(delivery)

    listener.subscribe(channels.MOOD_SET, fragile)
    await listener.wait_connected()
    for mood in ("sad", "happy"):
        speaker.publish(channels.MOOD_SET, override(mood), room="home")
    assert (await inbox.get()).message.mood == "happy"


async def test_messages_keep_their_order(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    inbox = await listening(listener, channels.MOOD_SET)
    moods = [f"m{number}" for number in range(50)]
    for mood in moods:
        speaker.publish(channels.MOOD_SET, override(mood), room="home")
    assert [(await inbox.get()).message.mood for _ in moods] == moods


async def test_slow_handler_loses_the_oldest_frames_and_no_command(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    go_on, frames = asyncio.Event(), Inbox()

    async def slow(delivery: Delivery[Any]) -> None:
        await go_on.wait()
        await frames(delivery)

    listener.subscribe(channels.FACES, slow)
    commands = await listening(listener, channels.MOOD_SET)
    for burst in range(10):  # in bursts, so that no sender's own bound is met
        for number in range(20):
            frame = FaceCrops(frame_id=str(burst * 20 + number))
            speaker.publish(channels.FACES, frame, room="home", camera="door")
        speaker.publish(channels.MOOD_SET, override(f"m{burst}"), room="home")
        assert (await commands.get()).message.mood == f"m{burst}"
    go_on.set()
    seen = [await frames.get()]
    while seen[-1].message.frame_id != "199":
        seen.append(await frames.get())
    assert len(seen) < 100


async def test_only_the_room_listened_to_is_heard(pair: tuple[Bus, Bus]) -> None:
    speaker, listener = pair
    inbox = await listening(listener, channels.MOOD_SET, room="home")
    for room in ("attic", "home"):
        speaker.publish(channels.MOOD_SET, override("calm"), room=room)
    assert (await inbox.get()).room == "home"


async def test_two_homes_on_one_broker_do_not_hear_each_other(world: World) -> None:
    async with world.open_bus("one", prefix="one") as one, world.open_bus("two", prefix="two") as two:
        inbox = await listening(one, channels.MOOD_SET)
        await two.wait_connected()
        two.publish(channels.MOOD_SET, override("sad"), room="home")
        one.publish(channels.MOOD_SET, override("calm"), room="home")
        assert (await inbox.get()).message.mood == "calm"


@pytest.mark.parametrize("where", [{}, {"room": "+"}, {"room": "A b"}, {"room": "home", "camera": "x"}])
async def test_publishing_needs_every_level(pair: tuple[Bus, Bus], where: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        pair[0].publish(channels.MOOD_SET, override("calm"), **where)


async def test_workers_of_one_group_divide_the_messages_where_the_broker_can(world: World) -> None:
    async with AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(world.open_bus("speaker"))
        inbox = Inbox()
        for worker in range(2):
            bus = await stack.enter_async_context(world.open_bus(f"worker{worker}"))
            bus.subscribe(channels.MOOD_SET, inbox, share="workers")
            await bus.wait_connected()
        await speaker.wait_connected()
        for number in range(10):
            speaker.publish(channels.MOOD_SET, override(f"m{number}"), room="home")
        copies = 1 if Capability.SHARED in world.capabilities else 2
        moods = [(await inbox.get()).message.mood for _ in range(10 * copies)]
        assert sorted(moods) == sorted([f"m{number}" for number in range(10)] * copies)


async def test_command_for_an_absent_service_waits_where_the_broker_keeps_sessions(world: World) -> None:
    async with world.open_bus("listener") as listener:
        await listening(listener, channels.MOOD_SET)
    async with world.open_bus("speaker") as speaker:
        witness = await listening(speaker, channels.MOOD_SET)
        speaker.publish(channels.MOOD_SET, override("sad"), room="home")
        await witness.get()
        async with world.open_bus("listener") as listener:
            # A service that starts slowly: by the time this is confirmed, the broker has sent what it kept.
            await listening(listener, channels.POLICY_SET)
            inbox = await listening(listener, channels.MOOD_SET)
            speaker.publish(channels.MOOD_SET, override("calm"), room="home")
            first = (await inbox.get()).message.mood
    assert first == ("sad" if Capability.SESSIONS in world.capabilities else "calm")


async def test_command_that_a_restart_interrupts_comes_again_where_the_broker_keeps_sessions(world: World) -> None:
    begun = asyncio.Event()

    async def never_ready(_delivery: Delivery[Any]) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with world.open_bus("speaker") as speaker:
        async with asyncio.timeout(PATIENCE_S), world.open_bus("listener") as listener:
            listener.subscribe(channels.MOOD_SET, never_ready)
            await listener.wait_connected()
            await speaker.wait_connected()
            speaker.publish(channels.MOOD_SET, override("sad"), room="home")
            await begun.wait()
        async with world.open_bus("listener") as listener:
            inbox = await listening(listener, channels.MOOD_SET)
            speaker.publish(channels.MOOD_SET, override("calm"), room="home")
            first = (await inbox.get()).message.mood
    assert first == ("sad" if Capability.SESSIONS in world.capabilities else "calm")


@pytest.mark.parametrize("world", ["local", "embedded", "mosquitto"], indirect=True)
async def test_one_message_that_cannot_be_taken_does_not_make_the_bus_deaf(
    pair: tuple[Bus, Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker, listener = pair
    inbox = await listening(listener, channels.MOOD_SET)
    assert isinstance(listener, MqttBus)
    receive = listener._dispatcher.receive
    failures = iter([RuntimeError("as the test wants it")])

    def receive_next(*args: Any, **options: Any) -> None:
        if error := next(failures, None):
            raise error
        receive(*args, **options)

    monkeypatch.setattr(listener._dispatcher, "receive", receive_next)
    for mood in ("sad", "calm"):
        speaker.publish(channels.MOOD_SET, override(mood), room="home")
    assert (await inbox.get()).message.mood == "calm"


STATUS_AT = {"service": "camera", "instance": "main"}


def status(state: ServiceState) -> ServiceStatus:
    return ServiceStatus(state=state, version="1")


@pytest.mark.parametrize("world", ["embedded", "mosquitto"], indirect=True)
async def test_broker_says_offline_when_a_connection_breaks(world: World) -> None:
    will = (channels.SERVICE, status(ServiceState.OFFLINE), STATUS_AT)
    async with world.open_bus("watcher") as watcher, world.open_bus("camera", will=will) as camera:
        inbox = await listening(watcher, channels.SERVICE)
        await camera.wait_connected()
        camera.publish(channels.SERVICE, status(ServiceState.ONLINE), **STATUS_AT)
        assert (await inbox.get()).message.state is ServiceState.ONLINE
        camera._link._client._sock.close()
        states = [(await inbox.get()).message.state for _ in range(2)]
    assert states == [ServiceState.OFFLINE, ServiceState.ONLINE], "the last will, then the state published again"


@pytest.mark.parametrize("world", ["mosquitto"], indirect=True)
async def test_everything_comes_back_with_the_broker(world: World) -> None:
    assert world.stop
    assert world.start
    health = Health()
    async with world.open_bus("speaker", health=health) as speaker, world.open_bus("listener") as listener:
        commands = await listening(listener, channels.MOOD_SET)
        await speaker.wait_connected()
        speaker.publish(channels.PRIVACY, Privacy.ON, room="home")
        down = asyncio.Event()
        health.listen(down.set)
        await asyncio.to_thread(world.stop)
        async with asyncio.timeout(PATIENCE_S):
            await down.wait()
        assert "is away" in health.problems["broker"]
        speaker.publish(channels.MOOD_SET, override("calm"), room="home")
        await asyncio.to_thread(world.start)
        async with asyncio.timeout(PATIENCE_S):
            await listener.wait_connected()
        inbox = await listening(listener, channels.PRIVACY)
        assert (await inbox.get()).message is Privacy.ON, "the broker had forgotten it; the speaker says it again"
        speaker.publish(channels.MOOD_SET, override("happy"), room="home")
        heard = (await commands.get()).message.mood
        assert heard in {"calm", "happy"}
        assert not health.problems


@pytest.fixture
async def house() -> AsyncIterator[EmbeddedBroker]:
    async with embedded_broker(0) as broker:
        yield broker


@pytest.fixture
async def inside(house: EmbeddedBroker) -> AsyncIterator[Bus]:
    """A service in the process of the embedded broker."""
    async with mqtt_world(house.url, embedded=True, open_link=house.link).open_bus("inside") as bus:
        await bus.wait_connected()
        yield bus


async def test_services_in_the_brokers_process_and_clients_outside_hear_each_other(
    house: EmbeddedBroker, inside: Bus
) -> None:
    async with mqtt_world(house.url, embedded=True).open_bus("outside") as outside:
        inside.publish(channels.PRIVACY, Privacy.ON, room="home")
        states = await listening(outside, channels.PRIVACY)
        first = await states.get()
        assert (first.message, first.retained) == (Privacy.ON, True), "what was said before it listened"
        faces, commands = await listening(outside, channels.FACES), await listening(inside, channels.PRIVACY_SET)
        inside.publish(channels.FACES, FaceCrops(frame_id="1"), room="home", camera="door")
        assert (await faces.get()).message.frame_id == "1"
        outside.publish(channels.PRIVACY_SET, Privacy.OFF, room="home")
        assert (await commands.get()).message is Privacy.OFF
        inside.publish(channels.PRIVACY, Privacy.OFF, room="home")
        second = await states.get()
        assert (second.message, second.retained) == (Privacy.OFF, False)
        inside.withdraw(channels.PRIVACY, room="home")
        late = await listening(outside, channels.PRIVACY, room="home")
        inside.publish(channels.PRIVACY, Privacy.ON, room="home")
        assert not (await late.get()).retained, "the old one was withdrawn"


async def test_every_retained_message_reaches_a_service_in_the_brokers_process(inside: Bus) -> None:
    rooms = {f"room{number}" for number in range(1500)}
    for room in rooms:
        inside.publish(channels.PRIVACY, Privacy.ON, room=room)
    inbox = await listening(inside, channels.PRIVACY)
    assert {(await inbox.get()).room for _ in rooms} == rooms


async def test_what_was_published_last_leaves_before_the_embedded_broker_ends() -> None:
    async with AsyncExitStack() as stack:
        async with embedded_broker(0) as broker:
            outside = await stack.enter_async_context(mqtt_world(broker.url, embedded=True).open_bus("outside"))
            inbox = await listening(outside, channels.PRIVACY)
            async with mqtt_world(broker.url, embedded=True, open_link=broker.link).open_bus("inside") as inside:
                await inside.wait_connected()
                for room in ("attic", "home"):
                    inside.publish(channels.PRIVACY, Privacy.ON, room=room)
        assert [(await inbox.get()).room for _ in range(2)] == ["attic", "home"]


@pytest.mark.parametrize(("channel", "ends"), [(channels.FACES, False), (channels.PRIVACY_SET, True)])
async def test_a_client_that_does_not_read_costs_the_embedded_broker_little_and_nobody_else_anything(
    house: EmbeddedBroker, inside: Bus, channel: channels.Channel[Any], ends: bool
) -> None:
    host, port = "127.0.0.1", int(house.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection(host, port, limit=1024)
    writer.write(bytes.fromhex("100f00044d5154540402ffff0003646561"))  # CONNECT of MQTT 3.1.1, as "dea"
    assert (await reader.readexactly(4))[0] == CONNACK
    topic = channel.topic("moodring").encode()
    writer.write(bytes([0x82, 5 + len(topic), 0, 1, 0, len(topic)]) + topic + bytes([channel.qos]))
    assert (await reader.readexactly(5))[0] == SUBACK
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    inbox = await listening(inside, channel)
    crops = FaceCrops(frame_id="1", camera="door", faces=[Face(image=Image(data=bytes(20_000)))])
    said = crops if channel is channels.FACES else Privacy.ON
    where = {"room": "home", "camera": "door"} if channel is channels.FACES else {"room": "home"}
    tracemalloc.start()
    for _ in range(2_000):
        inside.publish(channel, said, **where)
        await inbox.get()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 3 * MOST_BYTES, "forty megabytes were published"
    if ends:
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(PATIENCE_S):
                while await reader.read(65536):
                    pass
    writer.transport.abort()


@pytest.mark.parametrize("world", ["mosquitto"], indirect=True)
async def test_two_with_one_name_throw_each_other_off_and_both_say_what_to_do(world: World) -> None:
    healths, known = [Health(), Health()], asyncio.Event()

    def look() -> None:
        if all("MOODRING_INSTANCE" in health.problems.get("name", "") for health in healths):
            known.set()

    async with AsyncExitStack() as stack:
        for health in healths:
            health.listen(look)
            await stack.enter_async_context(world.open_bus("moodring-inference-main", health=health))
        async with asyncio.timeout(PATIENCE_S):
            await known.wait()


async def test_bus_says_what_is_wrong_while_there_is_no_broker() -> None:
    health = Health()
    known = asyncio.Event()
    health.listen(lambda: known.set() if "away" in health.problems.get("broker", "") else None)
    url = f"mqtt://user:secret@127.0.0.1:{free_port()}"
    async with MqttBus(url, prefix="moodring", client_id="alone", health=health) as bus:
        async with asyncio.timeout(PATIENCE_S):
            await known.wait()
        bus.publish(channels.PRIVACY, Privacy.ON, room="home")
        assert not bus.connected
        assert "away" in health.problems["broker"]
        assert "secret" not in health.problems["broker"]
