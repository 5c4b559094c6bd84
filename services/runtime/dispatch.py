"""From payloads to handlers: what every bus does alike, whatever carries its bytes."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Generic, Self

from services.contracts.channels import NOWHERE, BadMessageError, Channel, M, allowed, misnamed
from services.contracts.messages import Command
from services.runtime.arrivals import Arrival, Arrivals
from services.runtime.bus import Delivery, Follower, Handler
from services.runtime.commands import CommandLog
from services.runtime.complaints import Complaints
from services.runtime.measures import AGE_SECONDS, DROPPED, HANDLING_SECONDS, RECEIVED, WAITING, age_s, ages, from_zero

log = logging.getLogger(__name__)

QUEUE_QOS0 = 32
"""Messages that may be lost wait here; at 5 frames a second about as long as they are worth something."""
QUEUE_QOS1 = 1000
"""Mosquitto's own bound for a client that does not keep up."""
UNCLAIMED = 50
"""Messages that may wait for a subscription yet to be made: fewer than a broker sends us unacknowledged."""
SHOWN = 100
"""Characters of a topic that are said."""
BAD_MESSAGE, BAD_NAME, OVERLOAD, FAILED = "bad message", "bad name", "overload", "handler failed"
REASONS = (BAD_MESSAGE, BAD_NAME, OVERLOAD, FAILED)
"""Why a message may reach no handler, or in vain."""
RETAINED, NOT_DONE = "retained command", "command refused"
COMMAND_REASONS = (*REASONS, RETAINED, NOT_DONE)

Drop = Callable[[Channel[Any], str, str, str], None]
"""Counts and says what is lost: its channel, its place, the reason, and details."""


class Subscription(Generic[M]):
    """One handler, its bounded queue, and the worker that feeds the one from the other.

    Attributes:
        channel: What is heard.
        where: The levels to hear; those left out mean all.
        share: Name of the group of workers that share the messages.
        queue: What waits.
        pending: How many wait or are being handled.
    """

    def __init__(self, channel: Channel[M], handler: Handler[M], where: dict[str, str], share: str, drop: Drop) -> None:
        self.channel = channel
        self.where = where
        self.share = share
        self._handler = handler
        self._drop = drop
        self.pending = 0
        self.queue = Arrivals(QUEUE_QOS1 if channel.qos else QUEUE_QOS0)
        self._waiting = WAITING.labels(channel.template)
        self._received = RECEIVED.labels(channel.template)
        self._handling = HANDLING_SECONDS.labels(channel.template)
        from_zero(AGE_SECONDS, [channel.template] if ages(channel.message) else [])
        from_zero(DROPPED, [channel.template], COMMAND_REASONS if channel.command else REASONS)

    def wants(self, where: dict[str, str]) -> bool:
        """Whether a topic with these levels is listened to."""
        return all(level in ("+", where[name]) for name, level in self.where.items())

    def offer(self, arrival: Arrival) -> None:
        """Queue an arrival; where there is no room, an old one goes (quality 0) or the new one stays unsettled."""
        if self.queue.full():
            if self.channel.qos:
                self._overload(f"{arrival.topic} is not taken; a broker that keeps sessions sends it again")
                return
            given_up = self.queue.give_up()
            given_up.settle()
            self._finished()
            self._overload(f"the oldest went where most waited, lastly {given_up.topic}")
        self.queue.put_nowait(arrival)
        self.pending += 1
        self._waiting.inc()

    def _overload(self, what: str) -> None:
        many = f"more comes than can be handled, {self.queue.maxsize} messages wait"
        self._drop(self.channel, self.channel.template, OVERLOAD, f"{many}; {what}")

    def finish(self) -> None:
        """Count one arrival as handled."""
        self.queue.task_done()
        self._finished()

    def _finished(self) -> None:
        self.pending -= 1
        self._waiting.dec()

    async def handle(self, message: M, where: dict[str, str], retained: bool) -> bool:
        """Await the handler and return whether it succeeded; what it raises ends here."""
        self._received.inc()
        if not retained and (age := age_s(message)) is not None:
            AGE_SECONDS.labels(self.channel.template).observe(age)
        try:
            with self._handling.time():
                await self._handler(Delivery(message, where, retained))
        except Exception:
            DROPPED.labels(self.channel.template, FAILED).inc()
            log.exception("%s: the handler failed", self.channel.template)
            return False
        return True

    async def withdraw(self, where: dict[str, str]) -> None:
        """Tell a handler that wants to know that a retained message was withdrawn."""
        if isinstance(self._handler, Follower):
            await self._handler.miss(where)


class Dispatcher:
    """The subscriptions of one bus. Entering it starts their workers, leaving ends them."""

    def __init__(self, prefix: str, commands: CommandLog | None = None, complaints: Complaints | None = None) -> None:
        self.prefix = prefix
        self.subscriptions: list[Subscription[Any]] = []
        self._commands = commands or CommandLog()
        self._complaints = complaints or Complaints(log)
        self._workers: list[asyncio.Task[None]] = []
        self._unclaimed: deque[Arrival] = deque()
        self._running = False

    async def __aenter__(self) -> Self:
        """Start the workers."""
        self._running = True
        for subscription in self.subscriptions:
            self._start(subscription)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers and forget the subscriptions."""
        self._running = False
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._commands.kept()
        self._workers.clear()
        self._unclaimed.clear()
        self.subscriptions.clear()

    def add(self, channel: Channel[M], handler: Handler[M], where: dict[str, str], share: str = "") -> Subscription[M]:
        """Add a subscription.

        Raises:
            ValueError: A level of `where` is not of this channel.
        """
        channel.topic(self.prefix, **where)
        subscription = Subscription(channel, handler, where, share, self._drop)
        self.subscriptions.append(subscription)
        if self._running:
            self._start(subscription)
        waiting, self._unclaimed = self._unclaimed, deque()
        for arrival in waiting:
            self._route(arrival)
        return subscription

    def receive(
        self, topic: str, payload: bytes, *, retained: bool, settle: Callable[[], None], lasting: bool = False
    ) -> None:
        """Queue a payload for every subscription that wants it; `settle` is called once, after the last of them.

        What the broker kept for a service that restarts comes before that service has subscribed again: what is
        `lasting` waits until then.
        """
        self._route(Arrival(topic, payload, retained, settle, lasting))

    def _route(self, arrival: Arrival) -> None:
        heard = [
            (one, levels)
            for one in self.subscriptions
            if (levels := one.channel.levels(self.prefix, arrival.topic)) is not None and one.wants(levels)
        ]
        wanted = [one for one, levels in heard if all(allowed(*level) for level in levels.items())]
        if heard and not wanted:
            self._refuse(arrival, *heard[0])
            return
        left = len(wanted)

        def settle_one() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                arrival.settle()

        if not wanted:
            self._keep(arrival)
        for subscription in wanted:
            subscription.offer(replace(arrival, settle=settle_one))

    def _refuse(self, arrival: Arrival, subscription: Subscription[Any], levels: dict[str, str]) -> None:
        """Drop what comes on a topic that is ours but for a name that nothing can have."""
        withdrawn = subscription.channel.retain and not arrival.payload
        if not withdrawn and NOWHERE not in levels.values():
            wrong = next(misnamed(*level) for level in levels.items() if not allowed(*level))
            self._drop(subscription.channel, arrival.topic[:SHOWN], BAD_NAME, wrong)
        arrival.settle()

    def _keep(self, arrival: Arrival) -> None:
        """Let a lasting message wait for its subscription; the oldest go where too many do."""
        if not arrival.lasting:
            arrival.settle()
            return
        self._unclaimed.append(arrival)
        if len(self._unclaimed) > UNCLAIMED:
            self._unclaimed.popleft().settle()

    @property
    def busy(self) -> bool:
        """Whether anything waits or a handler works."""
        return any(one.pending for one in self.subscriptions)

    async def drain(self) -> None:
        """Return when everything queued so far has been handled."""
        await asyncio.gather(*(one.queue.join() for one in self.subscriptions))

    def _start(self, subscription: Subscription[Any]) -> None:
        self._workers.append(
            asyncio.create_task(self._work(subscription), name=f"handler {subscription.channel.template}")
        )

    async def _work(self, subscription: Subscription[Any]) -> None:
        while True:
            arrival = await subscription.queue.get()
            try:
                await self._deliver(subscription, arrival)
            except Exception:  # a worker that ended would leave its channel deaf
                log.exception("%s: a message was not handled", arrival.topic)
            finally:
                subscription.finish()
            arrival.settle()  # not where we end in the middle: the broker keeps the command for our next start

    async def _deliver(self, subscription: Subscription[Any], arrival: Arrival) -> None:
        channel = subscription.channel
        if channel.retain and not arrival.payload:
            await subscription.withdraw(channel.where(self.prefix, arrival.topic) or {})
            return
        try:
            message = channel.decode(arrival.payload)
        except BadMessageError as error:
            self._drop(channel, arrival.topic, BAD_MESSAGE, str(error))
            return
        if channel.command and arrival.retained:
            self._drop(channel, arrival.topic, RETAINED, "publish commands without the retain flag")
            return
        if isinstance(message, Command) and (refusal := self._commands.refusal(message)):
            self._drop(channel, arrival.topic, NOT_DONE, refusal)
            return
        where = channel.where(self.prefix, arrival.topic)
        assert where is not None
        succeeded = await subscription.handle(message, where, arrival.retained)
        if succeeded and isinstance(message, Command):
            await asyncio.shield(self._commands.done(message))  # what was done stays done, even when we end now

    def _drop(self, channel: Channel[Any], place: str, reason: str, detail: str) -> None:
        DROPPED.labels(channel.template, reason).inc()
        self._complaints.note(reason, place, f"{reason}, message dropped: {detail}", by=str(id(self)))
