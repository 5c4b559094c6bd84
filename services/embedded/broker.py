"""An MQTT broker inside the process, for the one-process way only: amqtt 0.12.1 behind a thin adapter.

It speaks MQTT 3.1.1, keeps nothing on disk and listens on loopback for who is outside; the services of this process
need no network (`local_link.py`). Three of its faults are mended here: a connecting client got the retained messages of
everyone's subscriptions, the last will was never sent when the keepalive ran out, and what a client did not read was
kept without bound (`outbox.py`).
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

from services.embedded.local_link import LocalLink, Message, asks
from services.embedded.outbox import Outbox, hang_up
from services.runtime.mqtt_client import Access
from services.runtime.mqtt_listener import Listener

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PORT = 1883
KEEPALIVE_GRACE_S = 8
"""MQTT allows a client one and a half times its keepalive (ours is 15 s); amqtt by itself allows not a moment more."""
SHUTDOWN_S = 1.0
"""amqtt's own shutdown can hang; the process ends anyway."""
FLUSH_S = 0.5
"""How long clients outside are given to take what was published last."""


class EmbeddedBroker(Broker):
    """The broker, as clients outside reach it over the network and those of this process by a call.

    Args:
        port: Where it is to listen.
    """

    def __init__(self, port: int) -> None:
        super().__init__(_config(port))
        self.url = f"mqtt://{HOST}:{port}"
        self._local: list[LocalLink] = []
        self._outboxes: dict[BrokerProtocolHandler, Outbox] = {}

    def link(self, _access: Access, listener: Listener) -> LocalLink:
        """Return a connection for somebody in this process."""
        return LocalLink(self, listener)

    def join(self, link: LocalLink) -> None:
        """Have a connection of this process offered every message."""
        self._local.append(link)

    def leave(self, link: LocalLink) -> None:
        """Forget a connection of this process, which may have left before."""
        if link in self._local:
            self._local.remove(link)

    def say(self, message: Message, *, retain: bool) -> None:
        """Pass on what was published in this process."""
        if retain and message.payload:
            self._retained_messages[message.topic] = RetainedApplicationMessage(
                None, message.topic, message.payload, message.qos
            )
        elif retain:
            self._retained_messages.pop(message.topic, None)
        self._pass_on(message)

    def retained(self, topic_filter: str) -> list[Message]:
        """Return the retained messages that a filter asks for."""
        kept = [one for topic, one in self._retained_messages.items() if asks(topic_filter, topic)]
        return [Message(one.topic, bytes(one.data), one.qos or 0) for one in kept]

    async def written(self) -> None:
        """Return when clients outside have taken what was published, but wait for none that is slow."""
        if outboxes := list(self._outboxes.values()):
            await asyncio.wait([asyncio.ensure_future(each.written()) for each in outboxes], timeout=FLUSH_S)

    def _pass_on(self, message: Message) -> None:
        for link in self._local:
            link.offer(message)
        for topic_filter, subscribers in self._subscriptions.items():
            if subscribers and asks(topic_filter, message.topic):
                for session, most_qos in subscribers:
                    self._write(session, message._replace(qos=min(message.qos, most_qos)))

    def _write(self, session: Session, message: Message) -> None:
        handler = self._get_handler(session)
        if handler is None or session.transitions.state != "connected":
            return
        if handler not in self._outboxes:
            self._outboxes[handler] = Outbox(handler)
        self._outboxes[handler].put(message)

    async def _broadcast_message(
        self, _session: Session | None, topic: str, data: bytes | bytearray, force_qos: int | None = None
    ) -> None:
        """Pass on what a client outside published, or its last will; amqtt does not say in which quality."""
        self._pass_on(Message(topic, bytes(data), 2 if force_qos is None else force_qos))

    async def _stop_handler(self, handler: BrokerProtocolHandler) -> None:
        if outbox := self._outboxes.pop(handler, None):
            outbox.close()
        await super()._stop_handler(handler)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = self._subscriptions.get(subscription[0], ())
        if any(subscriber is session for subscriber, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)


def _end_when_silent(handler: BrokerProtocolHandler) -> None:
    hang_up(handler)
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
        await broker.written()
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
