"""What a broker does not let us publish: counted, said, told to the service's health, and tried again.

A broker answers a publication of quality 1 in MQTT 5 only, with a reason code in its acknowledgement (OASIS, "MQTT
Version 5.0", section 3.4.2.1). In MQTT 3.1.1 it can only take a message or hang up, and to quality 0 (faces and
expressions) it answers nothing: where only those are forbidden, the doctor alone finds out, who tries every topic with
quality 1.
"""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from services.runtime.complaints import Complaints
from services.runtime.health import Health
from services.runtime.mqtt_client import Packet
from services.runtime.settings import redact

log = logging.getLogger(__name__)

RETRY_S = 30.0
MAX_TOPICS = 100
"""Refused topics that are remembered; one is enough to be unwell."""
WHAT_TO_DO = "`moodring doctor` says what the broker's access list lacks"


class Refusals:
    """The topics that a broker does not let us publish on at present.

    Args:
        url: The broker, and who we are there.
        health: Hears of it as the part `publications`.
        complaints: For the log.
        send: Publishes a packet again: the newest state, or nothing where there is no connection.
    """

    def __init__(self, url: str, health: Health, complaints: Complaints, send: Callable[[Packet], None]) -> None:
        self._broker, self._user = redact(url), unquote(urlsplit(url).username or "") or "us, who name no user,"
        self._health, self._complaints, self._send = health, complaints, send
        self._refused: dict[str, Packet] = {}
        self._reason = ""
        self._retry: asyncio.TimerHandle | None = None

    def refused(self, packet: Packet, reason: str) -> None:
        """Take it that the broker refused a packet."""
        self._reason = reason
        if packet.topic in self._refused or len(self._refused) < MAX_TOPICS:
            self._refused[packet.topic] = packet
        problem = f"the MQTT broker at {self._broker} does not let {self._user} publish there ({reason}); {WHAT_TO_DO}"
        self._complaints.note("refused", packet.topic, problem)
        self._report()
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._try_again)

    def taken(self, packet: Packet) -> None:
        """Take it that the broker took a packet."""
        if self._refused.pop(packet.topic, None):
            log.info("%s: the MQTT broker lets %s publish there now", packet.topic, self._user)
            self._report()

    def forget(self) -> None:
        """Take it that the connection is over: in the next one the broker says again what it refuses."""
        self._refused.clear()
        if self._retry:
            self._retry.cancel()
            self._retry = None
        self._report()

    def _report(self) -> None:
        problem = ""
        if self._refused:
            topic, *others = self._refused
            more = f" and {len(others)} more" if others else ""
            problem = (
                f"the MQTT broker at {self._broker} does not let {self._user} publish on {topic}{more} "
                f"({self._reason}); {WHAT_TO_DO}"
            )
        self._health.report("publications", problem)

    def _try_again(self) -> None:
        """Publish the refused states again: a broker may be given another access list while we are connected.

        Commands and events are of their moment; whether the next one is refused shows then.
        """
        self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._try_again) if self._refused else None
        for packet in list(self._refused.values()):
            if packet.retain:
                self._send(packet)
