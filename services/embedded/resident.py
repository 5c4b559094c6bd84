"""A connection to the embedded broker of who lives in its process: a call instead of a socket.

Every frame goes over the bus twice. Through sockets each time is written, parsed, copied and parsed again, all by the
one interpreter that has the faces to read.
"""

import asyncio
import logging
from collections import deque
from typing import NamedTuple, Protocol

import paho.mqtt.client as paho

from services.runtime.mqtt_client import Packet
from services.runtime.mqtt_listener import Listener

log = logging.getLogger(__name__)


class Word(NamedTuple):
    """A message on its way."""

    topic: str
    payload: bytes
    qos: int
    retained: bool = False


class House(Protocol):
    """The broker, as its residents know it."""

    def admit(self, resident: "Resident") -> None:
        """Let a resident hear and speak."""
        ...

    def dismiss(self, resident: "Resident") -> None:
        """Forget a resident, who may have gone before."""
        ...

    def say(self, word: Word, *, retain: bool) -> bool:
        """Pass on what a resident says, and return whether all who listen get it."""
        ...

    def retained(self, topic_filter: str) -> list[Word]:
        """Return the retained messages that a filter asks for."""
        ...

    def hears(self, topic: str, topic_filter: str) -> bool:
        """Say whether a filter asks for a topic."""
        ...


class Resident:
    """A `Link` that is up as long as it is kept, and needs neither a name nor a last will.

    What is said is heard a turn of the event loop later, in the order in which it was said: nobody is called from
    within a call of his own.

    Attributes:
        up: Whether the broker is there: from the first moment to the last.
        connection: Number of the connection; there is but one.
    """

    connection = 1

    def __init__(self, house: House, listener: Listener) -> None:
        self._house, self._listener = house, listener
        self._filters: list[str] = []
        self._waiting: deque[Word] = deque()
        self._loop: asyncio.AbstractEventLoop
        self.up = False

    async def keep(self) -> None:
        """Be there until cancelled."""
        self._loop = asyncio.get_running_loop()
        self.up = True
        self._house.admit(self)
        self._listener.link_up()
        await self._loop.create_future()

    async def close(self) -> None:
        """Hear no more; what was said is with the broker already."""
        self.up = False
        self._house.dismiss(self)
        self._waiting.clear()

    def subscribe(self, filters: list[tuple[str, int]]) -> None:
        """Hear what these filters ask for, from now on and what is retained."""
        for topic_filter, _ in filters:
            self._filters.append(topic_filter)
            for word in self._house.retained(topic_filter):
                self._wait(word._replace(retained=True))
        self._loop.call_soon(self._listener.link_ready)

    def send(self, packet: Packet) -> None:
        """Say something, and hear that it was taken."""
        if not self._house.say(Word(packet.topic, packet.payload, packet.qos), retain=packet.retain):
            self._listener.gave_up(packet)
        if packet.qos:
            self._loop.call_soon(self._listener.answered, packet, "")

    def acknowledge(self, message: paho.MQTTMessage, connection: int) -> None:
        """Do nothing: the broker keeps no message for who goes."""

    def offer(self, word: Word) -> None:
        """Hear a word, if it is asked for."""
        if any(self._house.hears(word.topic, each) for each in self._filters):
            self._wait(word)

    def _wait(self, word: Word) -> None:
        self._waiting.append(word)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._hear)

    def _hear(self) -> None:
        words, self._waiting = self._waiting, deque()
        for word in words:
            if not self.up:
                return
            message = paho.MQTTMessage(topic=word.topic.encode())
            message.payload, message.qos, message.retain = word.payload, word.qos, word.retained
            try:
                self._listener.arrived(message)
            except Exception:  # it would cost the words after it
                log.exception("a message was not taken")  # its topic may be what is wrong with it
