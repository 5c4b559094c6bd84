"""Home automation as it comes from outside: it commands over the broker, and hears what it may."""

import json
import threading
import time
from typing import Any

import paho.mqtt.client
from paho.mqtt.enums import MQTTProtocolVersion

from services.contracts.channels import EVENTS
from services.contracts.messages import Event, EventType, uuid7
from services.runtime.mqtt_client import Access, connect, new_client
from tests.compose import ROOM, Stack


class Hand:
    """Home automation: commands that are acknowledged, and everything it hears."""

    def __init__(self, stack: Stack) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._acknowledged: set[int] = set()
        self._up = threading.Event()
        access = Access(stack.home_automation(), f"hand-{uuid7()}")
        self.client = new_client(access, MQTTProtocolVersion.MQTTv5)
        self.client._reconnect_on_failure = True
        self.client.reconnect_delay_set(1, 2)
        self.client.on_message = self._hear
        self.client.on_connect = self._connected
        self.client.on_publish = lambda _c, _u, mid, _code, _p: self._acknowledged.add(mid)
        connect(self.client, access)
        assert self._up.wait(20)

    def _connected(self, client: paho.mqtt.client.Client, *_: Any) -> None:
        client.subscribe("moodring/#", qos=1)
        self._up.set()

    def _hear(self, client: paho.mqtt.client.Client, _u: Any, message: paho.mqtt.client.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))
        client.ack(message.mid, message.qos)

    def command(self, topic: str, **fields: Any) -> None:
        """Give a command and return when the broker has acknowledged it."""
        payload = json.dumps({"id": str(uuid7()), **fields})
        sent = self.client.publish(topic, payload, qos=1).mid  # kept and sent again while the broker is away
        deadline = time.monotonic() + 90
        while sent not in self._acknowledged:
            assert time.monotonic() < deadline, f"{topic}: the broker never acknowledged it"
            time.sleep(0.01)

    def events(self, kind: EventType) -> list[Event]:
        """Return what happened, of a kind; an event that was delivered twice is one."""
        said = (EVENTS.decode(payload) for topic, payload in list(self.heard) if topic == f"moodring/{ROOM}/events")
        return list({event.id: event for event in said if event.type is kind}.values())

    def until(self, topic: str, wanted: Any, patience_s: float = 90) -> bytes:
        """Return the first payload of a topic, from now on or kept, that is as wanted."""
        deadline = time.monotonic() + patience_s
        seen = 0
        while time.monotonic() < deadline:
            news, seen = self.heard[seen:], len(self.heard)
            for at, payload in news:
                if at == topic and payload and wanted(payload):
                    return payload
            time.sleep(0.05)
        raise AssertionError(f"{topic} did not say it; heard {[topic for topic, _ in self.heard[-20:]]}")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
