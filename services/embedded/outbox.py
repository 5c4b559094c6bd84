"""What waits for one client outside: bounded, in order, and written by one task, however slowly the client reads."""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Final

from amqtt.errors import AMQTTError
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler

from services.embedded.local_link import Message

log = logging.getLogger(__name__)

MOST: Final = 200
"""Messages that wait; beyond this the oldest of quality 0 goes, and where there is none, the client."""
MOST_BYTES: Final = 4_000_000
"""And so many bytes of them."""


class Outbox:
    """The messages for one client.

    Args:
        handler: Writes to it.
    """

    def __init__(self, handler: BrokerProtocolHandler) -> None:
        self._handler = handler
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._slow = False

    def put(self, message: Message) -> None:
        """Have a message written after those that wait."""
        self._waiting.append(message)
        self._bytes += len(message.payload)
        while len(self._waiting) > MOST or self._bytes > MOST_BYTES:
            if not self._give_up():
                self.close()
                hang_up(self._handler)
                return
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="write to a client")

    async def written(self) -> None:
        """Return when nothing waits."""
        if self._writing is not None:
            await asyncio.wait({self._writing})

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._bytes = 0
        if self._writing is not None:
            self._writing.cancel()

    def _give_up(self) -> bool:
        """Take out the oldest message that may be lost, and say whether there was one."""
        place = next((place for place, one in enumerate(self._waiting) if one.qos == 0), None)
        if not self._slow:
            self._slow = True
            client = self._handler.session.client_id if self._handler.session else "a client"
            does = "the oldest are dropped" if place is not None else "its connection is ended"
            log.warning("%s does not read what it subscribed to, and %d messages wait: %s", client, MOST, does)
        if place is None:
            return False
        self._bytes -= len(self._waiting[place].payload)
        del self._waiting[place]
        return True

    async def _write(self) -> None:
        while self._waiting:
            message = self._waiting.popleft()
            self._bytes -= len(message.payload)
            with contextlib.suppress(AMQTTError, OSError, TimeoutError):  # gone, or no answer: the next one may get one
                await self._handler.mqtt_publish(message.topic, message.payload, message.qos, retain=False)
        self._slow = False


def hang_up(handler: BrokerProtocolHandler) -> None:
    """End a connection at once; amqtt by itself waits until what was written is read."""
    if handler.writer is not None:
        handler.writer._writer.transport.abort()  # noqa: SLF001 -- nothing public leads to it
