"""What a room's faces can say: the model's expressions, and the moods that the household taught for it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from services.aggregator.fusion import PLACES
from services.aggregator.window import Observation
from services.contracts.agreement import understood
from services.contracts.messages import CustomMoods
from services.contracts.moods import EXPRESSIONS, Point


@dataclass(frozen=True)
class Vocabulary:
    """The words of one room.

    Attributes:
        taught: Moods that are read in its faces, and their places.
        known: The taught moods of all rooms: they can be said by hand.
    """

    taught: Mapping[str, Point] = field(default_factory=dict)
    known: Mapping[str, Point] = field(default_factory=dict)

    @cached_property
    def places(self) -> Mapping[str, Point]:
        """The place of each word that faces can say, the model's labels first."""
        return {**PLACES, **self.taught}

    def understood(self, observation: Observation) -> Observation:
        """Return an observation whose probabilities are over all the words."""
        if not self.taught:
            return observation
        shares = {mood: observation.taught.get(mood, 0.0) for mood in self.taught}
        return replace(observation, probabilities=understood(observation.probabilities, shares))


def of_room(custom: CustomMoods, room: str) -> Vocabulary:
    """Return the words of a room, by what the household taught; in whatever order it is told, they have the same."""
    moods = sorted(custom.moods, key=lambda one: one.mood)
    known = {one.mood: Point(one.valence, one.arousal) for one in moods if one.mood not in EXPRESSIONS}
    here = {one.mood for one in custom.moods if room in one.rooms}
    return Vocabulary({mood: place for mood, place in known.items() if mood in here}, known)
