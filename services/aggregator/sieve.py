"""Lets those faces through that can be used; what is wrong with others is counted and said by kind."""

from prometheus_client import Counter

from services.aggregator.intake import Fault, doubt, observations
from services.aggregator.window import Observation, Refusal
from services.contracts.moodring_pb2 import Expressions
from services.runtime.bus import Delivery
from services.runtime.complaints import Complaints
from services.runtime.measures import from_zero

USED = "used"
OBSERVATIONS = from_zero(
    Counter("moodring_aggregator_observations_total", "Faces classified, by what became of them", ["outcome"]),
    [USED, *Refusal, *Fault],
)


def place(delivery: Delivery[Expressions]) -> str:
    """Return where expressions come from, for people."""
    return f"expressions of {delivery.room}/{delivery.camera}"


def sifted(delivery: Delivery[Expressions], complaints: Complaints) -> list[Observation]:
    """Return the faces of a frame that can be used."""
    good, bad = observations(delivery.message, delivery.camera)
    for error in bad:
        OBSERVATIONS.labels(error.fault).inc(error.faces)
        complaints.note(error.fault, place(delivery), str(error), times=error.faces)
    if good and (odd := doubt(delivery.message)):
        complaints.note("model", place(delivery), odd)
    return good
