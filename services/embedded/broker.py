"""An MQTT broker inside the process, for the one-process way only: amqtt 0.12.1 behind a thin adapter.

It speaks MQTT 3.1.1, keeps nothing on disk and listens on loopback. Two of its faults are mended here: a
connecting client got the retained messages of everyone's subscriptions, and the last will was never sent when
the keepalive ran out.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from amqtt.broker import Broker
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PORT = 1883
KEEPALIVE_GRACE_S = 8
"""MQTT allows a client one and a half times its keepalive (ours is 15 s); amqtt by itself allows not a moment more."""
SHUTDOWN_S = 1.0
"""amqtt's own shutdown can hang; the process ends anyway."""


class _Broker(Broker):
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
async def embedded_broker(port: int = PORT) -> AsyncIterator[str]:
    """Run a broker and yield its URL; where the port is taken, on the next free one.

    Args:
        port: Port to begin with; 0 for any.
    """
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    port = _free_port(port)
    broker = _Broker(_config(port))
    await broker.start()
    try:
        yield f"mqtt://{HOST}:{port}"
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
