"""One MQTT connection that comes back by itself, on paho-mqtt.

Paho reads and writes in the event loop. MQTT 5 is tried first and 3.1.1 where the broker does not know it.
"""

import asyncio
import contextlib
import logging
from collections import deque
from functools import partial

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from services.runtime.backoff import Backoff
from services.runtime.mqtt_client import Access, Packet, dial, new_client, send
from services.runtime.mqtt_driver import Driver, aside
from services.runtime.mqtt_listener import Listener
from services.runtime.mqtt_name import NO_REASON, STEADY_S, Name

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 15.0
"""A broker that is busy, as the embedded one is while everything starts, may take its time to accept us."""
UNSENT_QOS0 = 8
"""Messages of quality 0 that paho may hold, which never gives one up again."""
WAITING_QOS0 = 32
"""Those that wait for paho; beyond this the broker is too slow, and the oldest go."""
LOOK_AFTER_S = 1.0
BACKOFF_S = (0.2, 10.0)
MAX_HANG_UPS = 2
"""Connections in a row that a broker may end unanswered before it is asked in MQTT 3.1.1."""
FLUSH_S = 0.5


class Link:
    """A connection to a broker; its listener hears what happens.

    Attributes:
        up: Whether the broker is there now.
        connection: Number of the connection, or of the attempt.
    """

    def __init__(self, access: Access, listener: Listener) -> None:
        self._access, self._listener = access, listener
        self._protocol = MQTTProtocolVersion.MQTTv311 if access.older else MQTTProtocolVersion.MQTTv5
        self._hang_ups = 0
        self._settled = False  # it has spoken MQTT 5, so that hanging up says nothing of what it knows
        self._client: paho.Client  # with the first connection, as is what drives it
        self._driver: Driver
        self._unsent: set[int] = set()
        self._unanswered: dict[int, Packet] = {}  # those that paho holds, which is `QUEUE_QOS1` and a few
        self._again: list[Packet] = []
        self._waiting: deque[tuple[float, Packet]] = deque()
        self._unconfirmed: set[int] = set()
        self._last: paho.MQTTMessageInfo | None = None
        self._answer: asyncio.Future[str] | None = None
        self._lost: asyncio.Future[str]
        self._opening: asyncio.Future[None] | None = None
        self._name = Name()
        self._up_since = 0.0
        self.up = False
        self.connection = 0

    async def keep(self) -> None:
        """Connect, and connect again whenever the connection breaks, until cancelled."""
        self._loop = asyncio.get_running_loop()
        backoff = Backoff(*BACKOFF_S)
        while True:
            try:
                if problem := await self._connect():
                    self._contest_ended()
                else:
                    problem = await self._until_lost(backoff)
            except Exception as error:  # nobody else would connect again
                log.exception("the connection to the broker failed")
                problem = str(error) or type(error).__name__
            self.up = False
            if self.connection:
                self._driver.hang_up()  # nothing is heard of it any more, not even a late answer
            self._listener.link_down(problem)
            await asyncio.sleep(backoff.next_s())

    async def close(self) -> None:
        """Write what was sent, for at most half a second, and disconnect."""
        if self.up and self._last:
            with contextlib.suppress(RuntimeError, ValueError):
                await asyncio.to_thread(self._last.wait_for_publish, FLUSH_S)
        self.up = False
        if self._opening:
            await asyncio.wait({self._opening}, timeout=FLUSH_S)
            self._opening.add_done_callback(lambda _: self._driver.hang_up())

    def send(self, packet: Packet) -> None:
        """Send a packet as soon as the broker takes it.

        Of those of quality 0 only the newest wait for a broker that is slow, and none longer than it is of use.
        """
        if packet.qos:
            self._hand_over(packet)
            return
        self._waiting.append((self._loop.time(), packet))
        self._send_waiting()
        if len(self._waiting) > WAITING_QOS0:
            self._listener.gave_up(self._waiting.popleft()[1])

    def _send_waiting(self) -> None:
        while self._waiting and len(self._unsent) < UNSENT_QOS0:
            since, packet = self._waiting.popleft()
            if packet.expires_s and self._loop.time() - since > packet.expires_s:
                self._listener.gave_up(packet)
            else:
                self._hand_over(packet)

    def _hand_over(self, packet: Packet) -> None:
        """Hand a packet to paho."""
        info = send(self._client, packet)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            self._listener.gave_up(packet)
            return
        self._last = info
        if packet.qos == 0:
            self._unsent.add(info.mid)
        else:
            self._unanswered[info.mid] = packet

    def _sent(self, mid: int, code: ReasonCode) -> None:
        """Take it that a packet is out: written, or, of quality 1, answered by the broker."""
        if packet := self._unanswered.pop(mid, None):
            self._listener.answered(packet, str(code) if code.is_failure else "")
        self._unsent.discard(mid)
        self._send_waiting()

    def subscribe(self, filters: list[tuple[str, int]]) -> None:
        """Subscribe to pairs of topic filter and quality."""
        _, mid = self._client.subscribe(filters)
        if mid is not None:
            self._unconfirmed.add(mid)

    def acknowledge(self, message: paho.MQTTMessage, connection: int) -> None:
        """Tell the broker that a message has been handled, in the connection that it came by: ids are of that one."""
        if message.qos and self.up and connection == self.connection:
            self._client.ack(message.mid, message.qos)

    async def _connect(self) -> str:
        """Connect once; return what went wrong, or nothing when the broker accepted us."""
        older = self._hang_ups >= MAX_HANG_UPS and not self._settled
        protocol = MQTTProtocolVersion.MQTTv311 if older else self._protocol
        if not self.connection or self._client.protocol != protocol:
            self._client = self._new_client(protocol)
            self._driver = Driver(self._client, self._disconnected)
            self._again += self._unanswered.values()  # which the client before would have sent again
            self._unanswered.clear()
        self.connection += 1
        self._unsent.clear()
        self._waiting.clear()
        self._unconfirmed.clear()
        self._lost = self._loop.create_future()
        self._answer = self._loop.create_future()
        try:
            self._opening = aside(partial(dial, self._client, self._access))
            await asyncio.shield(self._opening)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await self._answer
        except TimeoutError:
            return "it does not answer"
        except (OSError, ValueError) as error:
            return str(error) or type(error).__name__

    async def _until_lost(self, backoff: Backoff) -> str:
        """Wait for the end of the connection, and return what ended it."""
        while not self._lost.done():
            await asyncio.wait({self._lost}, timeout=LOOK_AFTER_S)
            self._driver.look_after()
            if self._lasted_s() >= STEADY_S:
                backoff.reset()
                self._contest_ended()
        return self._lost.result()

    def _lasted_s(self) -> float:
        return self._loop.time() - self._up_since

    def _contest_ended(self) -> None:
        if self._name.problem:
            self._listener.link_contested("")
        self._name.free()

    def _new_client(self, protocol: MQTTProtocolVersion) -> paho.Client:
        client = new_client(self._access, protocol)
        client.on_connect = lambda _c, _u, _f, code, _p: self._connected(code)
        client.on_disconnect = lambda _c, _u, _f, code, _p: self._disconnected(code)
        client.on_subscribe = lambda _c, _u, mid, codes, _p: self._subscribed(mid, codes)
        client.on_publish = lambda _c, _u, mid, code, _p: self._sent(mid, code)
        client.on_message = lambda _c, _u, message: self._received(message)
        return client

    def _received(self, message: paho.MQTTMessage) -> None:
        try:
            self._listener.arrived(message)
        except Exception:  # it would end the connection
            log.exception("a message was not taken")  # its topic may be what is wrong with it

    def _connected(self, code: ReasonCode) -> None:
        if self._answer is None or self._answer.done():
            return
        self._answer.set_result(f"it says: {code}" if code.is_failure else "")
        if code.is_failure:
            if "protocol" in str(code).lower():
                self._protocol = MQTTProtocolVersion.MQTTv311
            return
        self._settled = self._settled or self._client.protocol == MQTTProtocolVersion.MQTTv5
        self._up_since = self._loop.time()
        self.up = True  # before the next packet is read, which may have to be acknowledged
        again, self._again = self._again, []
        for packet in again:
            self._hand_over(packet)
        self._listener.link_up()

    def _disconnected(self, code: ReasonCode | str) -> None:
        """Take it that the connection is over."""
        if self._answer and not self._answer.done():
            self._answer.set_result("it hung up on us")
            self._hang_ups += 1
        elif not self._lost.done():
            self._hang_ups = 0
        if not self._lost.done():
            if self.up:
                self._name.ended(code, self._lasted_s())
            if self._name.problem:
                self._listener.link_contested(self._name.problem)
            ended = "it ended the connection" if str(code) == NO_REASON else f"the connection broke: {code}"
            self._lost.set_result(ended)

    def _subscribed(self, mid: int, codes: list[ReasonCode]) -> None:
        self._unconfirmed.discard(mid)
        if refused := [str(code) for code in codes if code.is_failure]:
            self._listener.link_refused(refused[0])
        elif not self._unconfirmed:
            self._listener.link_ready()
