"""A bus within one process: the double for tests, bound by the same promises as the real ones."""

from types import TracebackType
from typing import Self

from services.contracts.channels import Channel, M
from services.runtime.arrivals import Arrival
from services.runtime.bus import Capability, Handler
from services.runtime.commands import CommandLog
from services.runtime.dispatch import Dispatcher


class MemoryBroker:
    """What several `MemoryBus` share: who is there, and the retained messages."""

    def __init__(self) -> None:
        self.dispatchers: list[Dispatcher] = []
        self.retained: dict[str, bytes] = {}

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Deliver a payload, whatever it holds, to everyone who listens."""
        if retain:
            self.retained[topic] = payload
        for dispatcher in list(self.dispatchers):
            dispatcher.receive(topic, payload, retained=False, settle=lambda: None)


class MemoryBus:
    """A `Bus` without a network; it can neither share subscriptions nor keep commands for who is away."""

    def __init__(
        self, *, broker: MemoryBroker | None = None, prefix: str = "moodring", commands: CommandLog | None = None
    ) -> None:
        self.broker = broker or MemoryBroker()
        self.capabilities: frozenset[Capability] = frozenset()
        self._prefix = prefix
        self._dispatcher = Dispatcher(prefix, commands)

    async def __aenter__(self) -> Self:
        """Connect to the broker."""
        self.broker.dispatchers.append(self._dispatcher)
        await self._dispatcher.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker."""
        self.broker.dispatchers.remove(self._dispatcher)
        await self._dispatcher.__aexit__(kind, error, trace)

    @property
    def connected(self) -> bool:
        """Whether the bus is open."""
        return self._dispatcher in self.broker.dispatchers

    def subscribe(self, channel: Channel[M], handler: Handler[M], *, share: str = "", **where: str) -> None:
        """Have the channel's messages handled, beginning with the retained ones."""
        subscription = self._dispatcher.add(channel, handler, where, share)
        for topic, payload in self.broker.retained.items():
            if (levels := channel.where(self._prefix, topic)) is not None and subscription.wants(levels):
                subscription.offer(Arrival(topic, payload, retained=True, settle=lambda: None))

    def publish(self, channel: Channel[M], message: M, **where: str) -> None:
        """Deliver a message to everyone who listens."""
        topic = channel.topic(self._prefix, **channel.exact(where))
        self.broker.publish(topic, channel.encode(message), retain=channel.retain)

    def withdraw(self, channel: Channel[M], **where: str) -> None:
        """Forget a retained message, which an empty one says to who follows it."""
        topic = channel.topic(self._prefix, **channel.exact(where))
        self.broker.retained.pop(topic, None)
        self.broker.publish(topic, b"")

    async def wait_connected(self) -> None:
        """Return at once."""

    async def settle(self) -> None:
        """Return when everything delivered so far, and what followed from it, has been handled."""
        while busy := [dispatcher for dispatcher in self.broker.dispatchers if dispatcher.busy]:
            for dispatcher in busy:
                await dispatcher.drain()
