"""What every service measures of its messages: how many, how old, how long they wait and how long they take.

The ages tell the whole way from a frame to its song: faces and expressions are as old as the frame they were seen in
(`captured_at`), commands, requests and events as old as what they say (`issued_at`, `at`).
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import product
from typing import Any, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from services.contracts.messages import Command, Event
from services.contracts.moodring_pb2 import Expressions, FaceCrops

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

RECEIVED = Counter("moodring_messages_received", "Messages that reached a handler", ["channel"])
DROPPED = Counter("moodring_messages_dropped", "Messages that reached none, by reason", ["channel", "reason"])
WAITING = Gauge("moodring_messages_waiting", "Messages that wait for their handler, or are being handled", ["channel"])
AGE_SECONDS = Histogram(
    "moodring_message_age_seconds", "Age of what a message says when its handler gets it", ["channel"], buckets=SECONDS
)
HANDLING_SECONDS = Histogram("moodring_handling_seconds", "Time in a message's handler", ["channel"], buckets=SECONDS)
CONNECTED = Gauge("moodring_broker_connected", "Whether the broker is there", ["client"])
PROBLEMS = Gauge("moodring_service_problems", "Parts of a service that are not well", ["service"])

Measure = TypeVar("Measure", Counter, Histogram)


def from_zero(measure: Measure, *labels: Iterable[str]) -> Measure:
    """Have a measure's series begin at zero, one for every combination of these values of its labels, and return it.

    A series is born with its first event otherwise, as 1, and Prometheus, for which nothing rose then, never sees it
    (https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics).
    """
    for values in product(*labels):
        measure.labels(*values)
    return measure


def ages(message: type[Any]) -> bool:
    """Whether messages of a class say when what they tell was: see `age_s`."""
    return issubclass(message, (FaceCrops, Expressions, Command, Event))


def age_s(message: Any, now: Callable[[], float] = time.time) -> float | None:
    """Return the age of what a message says in seconds; `None` where it does not say when that was."""
    match message:
        case FaceCrops() | Expressions():
            moment = message.captured_at.seconds + message.captured_at.nanos / 1e9
        case Command(issued_at=datetime() as at) | Event(at=datetime() as at):
            moment = at.timestamp()
        case _:
            return None
    return max(0.0, now() - moment)
