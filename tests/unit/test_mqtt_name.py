"""Two processes with one name at a broker: each is told so, in words that say what to do."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from services.runtime import mqtt_link
from services.runtime.backoff import Backoff
from services.runtime.health import Health
from services.runtime.mqtt import MqttBus
from services.runtime.mqtt_name import NO_REASON, STEADY_S, SUSPECTED, TAKEN_OVER, Name

PATIENCE_S = 20
CONNACK_5 = bytes((0x20, 3, 0, 0, 0))
DISCONNECT_TAKEN_OVER = bytes((0xE0, 2, 0x8E, 0))


def reason(name: str) -> ReasonCode:
    return ReasonCode(PacketTypes.DISCONNECT, name)


def ended(*connections: tuple[str, float]) -> str:
    name = Name()
    for why, lasted_s in connections:
        name.ended(reason(why), lasted_s)
    return name.problem


@pytest.mark.parametrize(
    ("connections", "problem"),
    [
        ([("Session taken over", STEADY_S * 9)], TAKEN_OVER),
        ([(NO_REASON, 1.0)] * 2, ""),
        ([(NO_REASON, 1.0)] * 3, SUSPECTED),
        ([(NO_REASON, STEADY_S)] * 9, ""),
        ([(NO_REASON, 1.0), (NO_REASON, 1.0), (NO_REASON, STEADY_S), (NO_REASON, 1.0)], ""),
        ([("Server shutting down", 1.0)] * 9, ""),
        ([("Session taken over", 1.0), *[(NO_REASON, 1.0)] * 3], TAKEN_OVER),
    ],
)
def test_a_name_that_another_has_is_told_by_how_connections_end(
    connections: list[tuple[str, float]], problem: str
) -> None:
    assert ended(*connections) == problem


def test_a_name_that_is_free_again_is_no_problem() -> None:
    name = Name()
    name.ended(reason("Session taken over"), 1)
    name.free()
    assert not name.problem


class Part:
    """A part of a health, waited for."""

    def __init__(self, name: str) -> None:
        self.health, self._name, self._changed = Health(), name, asyncio.Event()
        self.health.listen(self._changed.set)

    async def until(self, right: Callable[[str], bool]) -> None:
        """Wait until what is wrong with it, or nothing, is as it should be."""
        async with asyncio.timeout(PATIENCE_S):
            while not right(self.health.problems.get(self._name, "")):
                self._changed.clear()
                await self._changed.wait()


async def test_a_connection_that_is_taken_over_is_said_and_tried_again_with_more_patience(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connections = 0
    waits: list[float] = []

    async def taken_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(1000)
        writer.write(CONNACK_5 + (DISCONNECT_TAKEN_OVER if connections < 4 else b""))
        while await reader.read(1000):
            pass
        writer.close()

    class NoBackoff(Backoff):
        def next_s(self) -> float:
            waits.append(self._next_s)
            super().next_s()
            return 0

    monkeypatch.setattr(mqtt_link, "Backoff", NoBackoff)
    monkeypatch.setattr(mqtt_link, "LOOK_AFTER_S", 0.01)
    caplog.set_level(logging.INFO)
    server = await asyncio.start_server(taken_over, "127.0.0.1", 0)
    name = Part("name")
    url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with MqttBus(url, prefix="moodring", client_id="moodring-inference-main", health=name.health) as bus:
        await name.until(lambda problem: "set MOODRING_INSTANCE to a word of its own for each" in problem)
        async with asyncio.timeout(PATIENCE_S):
            while connections < 4:  # noqa: ASYNC110 -- nothing tells of it
                await asyncio.sleep(0.001)
            await bus.wait_connected()
        assert "another process has this name" in name.health.problems["name"], "not well as soon as it is back"
        monkeypatch.setattr(mqtt_link, "STEADY_S", 0.0)
        await name.until(lambda problem: not problem)
    server.close()
    assert waits == sorted(set(waits)), "each wait is longer than the one before"
    assert "moodring-inference-main" in caplog.text
    assert "another process has this name at the broker" in caplog.text
    assert "is back" not in caplog.text
