"""A connection to the embedded broker of who lives in its process: a call instead of a socket.

Every frame goes over the bus twice. Through sockets each time is written, parsed, copied and parsed again, all by the
one interpreter that has the faces to read.
"""

import asyncio
import logging
from collections import deque
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import paho.mqtt.client as paho

from services.runtime.mqtt_client import Packet
from services.runtime.mqtt_listener import Listener

log = logging.getLogger(__name__)

AT_ONCE: Final = 32
"""Messages that are handed over in one turn of the event loop, so that those who handle them get theirs."""
AGAIN_S: Final = 1.0

asks = lru_cache(4096)(paho.topic_matches_sub)
"""Whether a filter asks for a topic (MQTT 3.1.1, section 4.7); there are few topics, and many messages on each."""


class Message(NamedTuple):
    """A message on its way."""

    topic: str
    payload: bytes
    qos: int
    retained: bool = False


class LocalBroker(Protocol):
    """The broker, as its local connections know it."""

    def join(self, link: "LocalLink") -> None:
        """Have a connection offered every message."""
        ...

    def leave(self, link: "LocalLink") -> None:
        """Forget a connection, which may have left before."""
        ...

    def say(self, message: Message, *, retain: bool) -> None:
        """Pass a message on to all who listen."""
        ...

    def retained(self, topic_filter: str) -> list[Message]:
        """Return the retained messages that a filter asks for."""
        ...


class LocalLink:
    """A `Connection` that is up as long as it is kept, and needs neither a name nor a last will.

    What is published arrives a turn of the event loop later, in the order in which it was published: nobody is called
    from within a call of his own.

    Attributes:
        up: Whether the broker is there: from the first moment to the last.
        connection: Number of the connection; there is but one.
    """

    def __init__(self, broker: LocalBroker, listener: Listener) -> None:
        self._broker, self._listener = broker, listener
        self._filters: list[str] = []
        self._arrived: deque[Message] = deque()
        self._loop: asyncio.AbstractEventLoop
        self.up = False
        self.connection = 1

    async def keep(self) -> None:
        """Be there until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            self.up = True
            self._broker.join(self)
            try:
                self._listener.link_up()
                await self._loop.create_future()
            except Exception as error:  # nobody else would try again
                log.exception("the connection to the broker in this process failed")
                await self.close()
                self._listener.link_down(str(error) or type(error).__name__)
            await asyncio.sleep(AGAIN_S)

    async def close(self) -> None:
        """Hear no more; what was published is with the broker already."""
        self.up = False
        self._broker.leave(self)
        self._filters.clear()
        self._arrived.clear()

    def subscribe(self, filters: list[tuple[str, int]]) -> None:
        """Hear what these filters ask for, from now on and what is retained."""
        for topic_filter, _ in filters:
            self._filters.append(topic_filter)
            for message in self._broker.retained(topic_filter):
                self._arrive(message._replace(retained=True))
        self._loop.call_soon(self._listener.link_ready)

    def send(self, packet: Packet) -> None:
        """Publish a packet, and hear that it was taken."""
        self._broker.say(Message(packet.topic, packet.payload, packet.qos), retain=packet.retain)
        if packet.qos:
            self._loop.call_soon(self._listener.answered, packet, "")

    def acknowledge(self, message: paho.MQTTMessage, connection: int) -> None:
        """Do nothing: this broker sends nothing twice."""

    def offer(self, message: Message) -> None:
        """Take a message, if one of the filters asks for it."""
        if any(asks(each, message.topic) for each in self._filters):
            self._arrive(message)

    def _arrive(self, message: Message) -> None:
        self._arrived.append(message)
        if len(self._arrived) == 1:
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        for _ in range(min(AT_ONCE, len(self._arrived))):
            self._hand_over_one(self._arrived[0])
            if not self.up:
                return
            self._arrived.popleft()
        if self._arrived:
            self._loop.call_soon(self._hand_over)

    def _hand_over_one(self, message: Message) -> None:
        arrived = paho.MQTTMessage(topic=message.topic.encode())
        arrived.payload, arrived.qos, arrived.retain = message.payload, message.qos, message.retained
        try:
            self._listener.arrived(arrived)
        except Exception:  # it would cost the messages after it
            log.exception("a message was not taken")  # its topic may be what is wrong with it
