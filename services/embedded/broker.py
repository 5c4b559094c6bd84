"""An MQTT broker inside the process, for the one-process way only: amqtt 0.12.1 behind a thin adapter.

It speaks MQTT 3.1.1, keeps nothing on disk and listens on loopback for who is outside; the services of this process
are its residents (`resident.py`) and need no network. Two of its faults are mended here: a connecting client got the
retained messages of everyone's subscriptions, and the last will was never sent when the keepalive ran out.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from amqtt.broker import Broker, RetainedApplicationMessage
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from services.embedded.resident import Resident, Word
from services.runtime.mqtt_client import Access
from services.runtime.mqtt_listener import Listener

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PORT = 1883
KEEPALIVE_GRACE_S = 8
"""MQTT allows a client one and a half times its keepalive (ours is 15 s); amqtt by itself allows not a moment more."""
SHUTDOWN_S = 1.0
"""amqtt's own shutdown can hang; the process ends anyway."""
WAITING = 1000
"""Messages that may wait for their way outside; beyond this those of quality 0 go."""


class EmbeddedBroker(Broker):
    """The broker, as outsiders reach it over the network and residents by a call.

    Args:
        port: Where it is to listen.
    """

    def __init__(self, port: int) -> None:
        super().__init__(_config(port))
        self.url = f"mqtt://{HOST}:{port}"
        self._residents: list[Resident] = []

    def link(self, _access: Access, listener: Listener) -> Resident:
        """Return a connection for somebody in this process."""
        return Resident(self, listener)

    def admit(self, resident: Resident) -> None:
        """Let a resident hear and speak."""
        self._residents.append(resident)

    def dismiss(self, resident: Resident) -> None:
        """Forget a resident, who may have gone before."""
        if resident in self._residents:
            self._residents.remove(resident)

    def say(self, word: Word, *, retain: bool) -> bool:
        """Pass on what a resident says, and return whether all who listen get it: outsiders may be too slow."""
        self._tell(word)
        if retain and word.payload:
            self._retained_messages[word.topic] = RetainedApplicationMessage(None, word.topic, word.payload, word.qos)
        elif retain:
            self._retained_messages.pop(word.topic, None)
        if not any(self._matches(word.topic, each) for each, heard in self._subscriptions.items() if heard):
            return True
        if word.qos == 0 and self._broadcast_queue.qsize() >= WAITING:
            return False
        self._broadcast_queue.put_nowait({"session": None, "topic": word.topic, "data": word.payload})
        return True

    def retained(self, topic_filter: str) -> list[Word]:
        """Return the retained messages that a filter asks for."""
        kept = [one for topic, one in self._retained_messages.items() if self._matches(topic, topic_filter)]
        return [Word(one.topic, bytes(one.data), one.qos or 0) for one in kept]

    def hears(self, topic: str, topic_filter: str) -> bool:
        """Say whether a filter asks for a topic (MQTT 3.1.1, section 4.7)."""
        return bool(self._matches(topic, topic_filter))

    def _tell(self, word: Word) -> None:
        for resident in self._residents:
            resident.offer(word)

    async def _broadcast_message(
        self, session: Session | None, topic: str, data: bytes | bytearray, force_qos: int | None = None
    ) -> None:
        """Take what an outsider says, or its last will."""
        self._tell(Word(topic, bytes(data), force_qos if force_qos is not None else 1))
        await super()._broadcast_message(session, topic, data, force_qos)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = self._subscriptions.get(subscription[0], ())
        if any(subscriber is session for subscriber, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)


def _end_when_silent(handler: BrokerProtocolHandler) -> None:
    handler.ending = asyncio.ensure_future(handler.handle_connection_closed())


BrokerProtocolHandler.handle_read_timeout = _end_when_silent


@asynccontextmanager
async def embedded_broker(port: int = PORT) -> AsyncIterator[EmbeddedBroker]:
    """Run a broker; where the port is taken, on the next free one.

    Args:
        port: Port to begin with; 0 for any.
    """
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    broker = EmbeddedBroker(_free_port(port))
    await broker.start()
    try:
        yield broker
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_S):
                await broker.shutdown()


def _config(port: int) -> dict[str, Any]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
        "timeout_disconnect_delay": KEEPALIVE_GRACE_S,
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }


def _free_port(first: int) -> int:
    for port in (*range(first, first + 20), 0) if first else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
    raise OSError(f"no free port on {HOST} for the embedded broker")
