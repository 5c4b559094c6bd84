"""Who hears what happens on a connection to a broker."""

from typing import Protocol

import paho.mqtt.client as paho

from services.runtime.mqtt_client import Packet


class Listener(Protocol):
    """Who owns a link; all is called in the event loop's thread, and from within paho."""

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
