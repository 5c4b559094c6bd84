"""The bus as services see it: typed channels, handlers, and nothing of MQTT."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol

from services.contracts.channels import Channel, M


class Capability(StrEnum):
    """What only some brokers can do."""

    SHARED = "shared"
    """Spread one subscription over several workers (`share=`); without it every worker gets everything."""
    SESSIONS = "sessions"
    """Keep commands for a subscriber that is away for a moment."""


@dataclass(frozen=True)
class Delivery(Generic[M]):
    """A message that arrived.

    Attributes:
        message: The decoded message.
        where: The variable levels of its topic, such as room and camera.
        retained: Whether the broker had kept it (true only for what was there before the subscription).
    """

    message: M
    where: dict[str, str]
    retained: bool = False

    @property
    def room(self) -> str:
        """The room of the topic."""
        return self.where["room"]

    @property
    def camera(self) -> str:
        """The camera of the topic."""
        return self.where["camera"]


Handler = Callable[[Delivery[M]], Awaitable[None]]


@dataclass(frozen=True)
class Follower(Generic[M]):
    """A handler that hears, too, when a retained message is withdrawn: what it was about is not there any more.

    Attributes:
        hear: Awaited with each delivery.
        miss: Awaited with the levels of what was withdrawn.
    """

    hear: Handler[M]
    miss: Callable[[dict[str, str]], Awaitable[None]]

    async def __call__(self, delivery: Delivery[M]) -> None:
        """Hear a delivery."""
        await self.hear(delivery)


class Bus(Protocol):
    """Publish and subscribe. An implementer keeps these promises (`tests/contract/test_bus.py` checks them).

    - It connects in the background and comes back by itself; nothing here ever waits for the broker.
    - A handler is awaited for one message at a time, in the order of arrival. What it raises is logged
      and counted, never passed on.
    - Payloads that are no message of their channel never reach a handler.
    - A command id is done once; a relative command older than 30 s never is. A command is acknowledged to the
      broker after its handler returned or failed: one that a restart interrupts comes again where the broker keeps
      sessions, one that failed may be sent again by whoever gave it.
    - Messages of quality 0 may be lost: when a handler is slow, the oldest go first.
    - Retained messages are published again after every reconnect, until they are withdrawn.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this bus can do beyond the promises above."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        ...

    def subscribe(self, channel: Channel[M], handler: Handler[M], *, share: str = "", **where: str) -> None:
        """Have every message of the channel handled, now and after every reconnect.

        Args:
            channel: The channel.
            handler: Awaited with each delivery.
            share: Name of a group of workers that divide the messages among themselves.
            **where: Levels to listen to, such as `room="home"`; a level left out means all.
        """
        ...

    def publish(self, channel: Channel[M], message: M, **where: str) -> None:
        """Hand a message over; what has quality 1 is delivered when the broker is back, within bounds.

        Args:
            channel: The channel.
            message: The message.
            **where: Every variable level of the topic.

        Raises:
            ValueError: A level is missing or not `[a-z0-9_]+`.
        """
        ...

    def withdraw(self, channel: Channel[M], **where: str) -> None:
        """Have the broker forget a retained message, of a room that is gone; only a `Follower` hears of it.

        Args:
            channel: A channel whose messages are retained.
            **where: Every variable level of the topic.
        """
        ...

    async def wait_connected(self) -> None:
        """Return when the broker is there and everything is subscribed."""
        ...
