"""Lets those faces through that can be used; what is wrong with others is counted and said by kind."""

from prometheus_client import Counter

from services.aggregator.intake import doubt, observations
from services.aggregator.window import Observation
from services.contracts.moodring_pb2 import Expressions
from services.runtime.bus import Delivery
from services.runtime.complaints import Complaints

OBSERVATIONS = Counter(
    "moodring_aggregator_observations_total", "Faces classified, by what became of them", ["outcome"]
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
