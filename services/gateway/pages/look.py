"""One look at the house: what every card of the dashboard is drawn from."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.contracts.moodring_pb2 import Expressions
from services.gateway.state import House, Room, away


@dataclass(frozen=True)
class Look:
    """What is known at one moment.

    Attributes:
        house: Everything.
        name: The room that is shown.
        seen: The latest expressions of each of its cameras, with the time they came in (seconds since the epoch).
        bus_away: Whether the bus is silent because it is not there.
        second: The time in whole seconds: within one, looks at the same things are equal.
        now: The time.
    """

    house: House
    name: str
    seen: tuple[tuple[float, Expressions], ...]
    bus_away: bool
    second: int
    now: datetime = field(compare=False)

    @property
    def room(self) -> Room:
        """The room's states."""
        return self.house.rooms.get(self.name, Room())

    def is_away(self, service: str) -> bool:
        """Say whether a service is known and gone."""
        return service in away(self.house)


class Card(Protocol):
    """A part of the page."""

    def refresh(self, look: Look) -> None:
        """Draw it anew; called often, so what did not change must cost next to nothing."""
        ...
