"""The bus over MQTT."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho

from services.contracts.channels import Channel, M
from services.runtime.bus import Capability, Handler
from services.runtime.commands import CommandLog
from services.runtime.complaints import Complaints
from services.runtime.dispatch import Dispatcher, Subscription
from services.runtime.health import Health
from services.runtime.measures import CONNECTED, DROPPED, from_zero
from services.runtime.mqtt_client import Access, Packet
from services.runtime.mqtt_link import Link
from services.runtime.mqtt_listener import Connection, Listener
from services.runtime.mqtt_refusals import Refusals
from services.runtime.settings import redact

log = logging.getLogger(__name__)

BACKLOG = 1000
"""Messages of quality 1 kept while the broker is away."""
AWAY, TOO_SLOW, REFUSED = "broker away", "broker too slow", "refused by the broker"
"""Why a message is not sent."""


class MqttBus:
    """A `Bus` on an MQTT broker. Entering it connects in the background, leaving it says goodbye.

    Args:
        url: `mqtt://[user:password@]host[:port]`, or `mqtts://…`.
        prefix: First level of every topic.
        client_id: Fixed, so that the broker knows the service again after a restart.
        health: Hears of the broker's absence as the part `broker`.
        will: Channel, message and levels of what the broker says of us when the connection breaks.
        commands: Which commands were done already.
        ca_file: Authority for `mqtts://`, besides the system's.
        embedded: The broker is our own: MQTT 3.1.1, no shared subscriptions, no sessions.
        sessions: The broker is to keep commands for us while we are away, if it can.
        complaints: For lines that repeat; the buses of one process share it, as they hear the same bad messages.
        open_link: Makes the connection; over the network, where nobody says otherwise.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        client_id: str,
        health: Health | None = None,
        will: tuple[Channel[Any], Any, dict[str, str]] | None = None,
        commands: CommandLog | None = None,
        ca_file: Path | None = None,
        embedded: bool = False,
        sessions: bool = True,
        complaints: Complaints | None = None,
        open_link: Callable[[Access, Listener], Connection] = Link,
    ) -> None:
        self._url, self._prefix = redact(url), prefix
        self._health = health or Health()
        self._complaints = complaints = complaints or Complaints(log)
        self._dispatcher = Dispatcher(prefix, commands, complaints)
        self._refusals = Refusals(url, self._health, complaints, self._publish_again)
        self._spoken: set[str] = set()
        self._retained: dict[str, Packet] = {}
        self._backlog: deque[Packet] = deque()
        self._ready = asyncio.Event()
        self._client_id = client_id
        self._was_away = self._contested = False
        self._connected = CONNECTED.labels(client_id)
        can = {Capability.SHARED: not embedded, Capability.SESSIONS: sessions and not embedded}
        self.capabilities = frozenset(each for each, there in can.items() if there)
        last_will = self._packet(will[0], will[1], will[2]) if will else None
        access = Access(
            url, client_id, last_will, ca_file, sessions=Capability.SESSIONS in self.capabilities, older=embedded
        )
        self._link = open_link(access, self)

    async def __aenter__(self) -> Self:
        """Start to connect."""
        self._health.report("broker", f"connecting to the MQTT broker at {self._url}")
        await self._dispatcher.__aenter__()
        self._keeper = asyncio.create_task(self._link.keep(), name="mqtt link")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the handlers, send what waits, and disconnect."""
        await self._dispatcher.__aexit__(kind, error, trace)
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        await self._link.close()
        self._connected.set(0)
        self._refusals.forget()

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._link.up

    async def wait_connected(self) -> None:
        """Return when the broker is there and has confirmed every subscription."""
        await self._ready.wait()

    def subscribe(self, channel: Channel[M], handler: Handler[M], *, share: str = "", **where: str) -> None:
        """Have the channel's messages handled, now and after every reconnect."""
        subscription = self._dispatcher.add(channel, handler, where, share)
        if self._link.up:
            self._ready.clear()
            self._link.subscribe([self._filter(subscription)])

    def publish(self, channel: Channel[M], message: M, **where: str) -> None:
        """Hand a message over; while the broker is away, what has quality 1 waits here."""
        packet = self._packet(channel, message, where)
        if packet.retain:
            self._retained[packet.topic] = packet
        if self._link.up:
            self._link.send(packet)
        elif packet.qos and not packet.retain:
            self._wait(packet)

    def withdraw(self, channel: Channel[M], **where: str) -> None:
        """Have the broker forget a retained message, which in MQTT an empty one does."""
        topic = channel.topic(self._prefix, **channel.exact(where))
        packet = Packet(channel.template, topic, b"", channel.qos, retain=True)
        self._retained.pop(topic, None)
        if self._link.up:
            self._link.send(packet)
        else:
            self._wait(packet)

    def link_up(self) -> None:
        """Subscribe, and publish what is retained and what waited."""
        if self._was_away:
            log.info("the MQTT broker at %s is back", self._url)
        self._was_away = False
        self._connected.set(1)
        self._health.report("broker")
        if filters := [self._filter(one) for one in self._dispatcher.subscriptions]:
            self._link.subscribe(filters)
        else:
            self._ready.set()
        for packet in [*self._retained.values(), *self._backlog]:
            self._link.send(packet)
        self._backlog.clear()

    def link_ready(self) -> None:
        """Let those go on who wait for the subscriptions."""
        self._health.report("subscriptions")
        self._ready.set()

    def link_down(self, problem: str) -> None:
        """Say what is wrong with the broker."""
        self._ready.clear()
        self._connected.set(0)
        self._refusals.forget()
        if not self._was_away and not self._contested:
            log.warning("the MQTT broker at %s is away: %s", self._url, problem)
            self._was_away = True
        self._health.report("broker", f"the MQTT broker at {self._url} is away ({problem}); trying again")

    def link_contested(self, problem: str) -> None:
        """Say that the broker is there, and that another process throws us off it."""
        self._contested = bool(problem)
        self._health.report("name", problem and f"{self._client_id} at {self._url}: {problem}")
        if problem:
            self._complaints.note("name", f"{self._client_id} at {self._url}", problem)
        else:
            log.info("%s is ours alone at the MQTT broker at %s now", self._client_id, self._url)

    def link_refused(self, problem: str) -> None:
        """Say that the broker does not let us listen."""
        self._health.report("subscriptions", f"the MQTT broker at {self._url} refuses a subscription: {problem}")

    def arrived(self, message: paho.MQTTMessage) -> None:
        """Pass a message on."""
        connection = self._link.connection
        self._dispatcher.receive(
            message.topic,
            bytes(message.payload),
            retained=message.retain,
            settle=lambda: self._link.acknowledge(message, connection),
            lasting=message.qos > 0,
        )

    def gave_up(self, packet: Packet) -> None:
        """Count a packet that the broker was too slow for."""
        self._lose(packet, TOO_SLOW)

    def answered(self, packet: Packet, refusal: str) -> None:
        """Hear whether the broker took a packet."""
        if not refusal:
            self._refusals.taken(packet)
        elif self._link.up:
            DROPPED.labels(packet.channel, REFUSED).inc()
            self._refusals.refused(packet, refusal)

    def _publish_again(self, packet: Packet) -> None:
        if self._link.up:
            self._link.send(self._retained.get(packet.topic, packet))

    def _packet(self, channel: Channel[Any], message: Any, where: dict[str, str]) -> Packet:
        topic = channel.topic(self._prefix, **channel.exact(where))
        if channel.template not in self._spoken:
            self._spoken.add(channel.template)
            from_zero(DROPPED, [channel.template], [AWAY, TOO_SLOW, REFUSED] if channel.qos else [TOO_SLOW])
        return Packet(channel.template, topic, channel.encode(message), channel.qos, channel.retain, channel.expires_s)

    def _filter(self, one: Subscription[Any]) -> tuple[str, int]:
        topic = one.channel.topic(self._prefix, **one.where)
        share = one.share if Capability.SHARED in self.capabilities else ""
        return f"$share/{share}/{topic}" if share else topic, one.channel.qos

    def _wait(self, packet: Packet) -> None:
        if len(self._backlog) < BACKLOG:
            self._backlog.append(packet)
        else:
            self._lose(packet, AWAY)

    def _lose(self, packet: Packet, reason: str) -> None:
        DROPPED.labels(packet.channel, reason).inc()
        if packet.qos:
            log.error("%s: the message was not sent: %s", packet.topic, reason)
