"""A connection to a broker as a bus sees it, and who hears what happens on it."""

from typing import Protocol

import paho.mqtt.client as paho

from services.runtime.mqtt_client import Packet


class Listener(Protocol):
    """Who owns a link; all is called in the event loop's thread."""

    def link_up(self) -> None:
        """The broker accepted us: subscribe, and send what waited."""
        ...

    def link_ready(self) -> None:
        """The broker confirmed every subscription."""
        ...

    def link_down(self, problem: str) -> None:
        """The broker is away, or does not let us in."""
        ...

    def link_contested(self, problem: str) -> None:
        """Another process seems to have our name at the broker, or, without a problem, none any more."""
        ...

    def link_refused(self, problem: str) -> None:
        """The broker does not let us subscribe."""
        ...

    def arrived(self, message: paho.MQTTMessage) -> None:
        """A message came."""
        ...

    def gave_up(self, packet: Packet) -> None:
        """The broker is too slow for this packet, which is not sent."""
        ...

    def answered(self, packet: Packet, refusal: str) -> None:
        """The broker took a packet of quality 1, or says why not."""
        ...


class Connection(Protocol):
    """A connection that comes back by itself; its listener hears what happens.

    Attributes:
        up: Whether the broker is there now.
        connection: Number of the connection, or of the attempt.
    """

    up: bool
    connection: int

    async def keep(self) -> None:
        """Connect, and connect again whenever the connection breaks, until cancelled."""
        ...

    async def close(self) -> None:
        """Have sent what was sent, within bounds, and disconnect."""
        ...

    def send(self, packet: Packet) -> None:
        """Send a packet as soon as the broker takes it."""
        ...

    def subscribe(self, filters: list[tuple[str, int]]) -> None:
        """Subscribe to pairs of topic filter and quality."""
        ...

    def acknowledge(self, message: paho.MQTTMessage, connection: int) -> None:
        """Tell the broker that a message has been handled, in the connection that it came by."""
        ...
