"""Whether our name at the broker is ours alone: a broker throws off whoever had the name before.

In MQTT 5 it says so, with reason code 0x8E (OASIS, "MQTT Version 5.0", section 3.1.4). In MQTT 3.1.1 it just hangs up,
as Mosquitto 2.0.11 does in MQTT 5 too, so that two who throw each other off are known by connections that were taken
and do not last.
"""

from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

STEADY_S: Final = 30.0
"""A connection that lasted so long, more than the longest wait of a rival, has the name for itself."""
MAX_SHORT: Final = 3
"""Connections in a row that a broker may end, unexplained and soon after it took them."""
SESSION_TAKEN_OVER: Final = 0x8E
NO_REASON: Final = "Unspecified error"
"""What paho says of a connection that ends without a word."""

WHAT_TO_DO: Final = "set MOODRING_INSTANCE to a word of its own for each"
TAKEN_OVER: Final = f"another process has this name at the broker; {WHAT_TO_DO}"
SUSPECTED: Final = (
    f"the broker takes our connections and ends each one soon; if another process has this name there, {WHAT_TO_DO}"
)


class Name:
    """How the connections under one name ended.

    Attributes:
        problem: Why the name seems to be another process's too, or nothing.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._short = 0

    def ended(self, reason: ReasonCode | str, lasted_s: float) -> None:
        """Take it that a connection that the broker had taken is over."""
        if isinstance(reason, ReasonCode) and reason.value == SESSION_TAKEN_OVER:
            self.problem = TAKEN_OVER
            return
        self._short = self._short + 1 if str(reason) == NO_REASON and lasted_s < STEADY_S else 0
        if self._short >= MAX_SHORT:
            self.problem = self.problem or SUSPECTED

    def free(self) -> None:
        """Take it that nobody else has the name: a connection lasts, or the broker itself is away."""
        self.problem = ""
        self._short = 0
