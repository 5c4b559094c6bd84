"""What a room's faces can say: the model's expressions, and the moods that the household taught for it. Pure.

The model's labels exclude each other; a taught mood is read by itself, against "none of those that were taught". What
none of them takes goes to the labels, in their own proportion: odds add up as in a multinomial model whose reference is
"none" (Agresti, "Categorical Data Analysis", 2013, section 8.1). So the labels keep their order and their ratios,
whatever is taught.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from services.aggregator.fusion import PLACES
from services.aggregator.window import Observation
from services.contracts.messages import CustomMoods
from services.contracts.moods import EXPRESSIONS, Point

SUREST = 0.99
"""What a reading counts as at most."""


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
        shares = {mood: min(observation.taught.get(mood, 0.0), SUREST) for mood in self.taught}
        odds = {mood: share / (1 - share) for mood, share in shares.items()}
        none = 1 / (1 + sum(odds.values()))
        probabilities = {label: none * share for label, share in observation.probabilities.items()}
        return replace(observation, probabilities=probabilities | {mood: none * one for mood, one in odds.items()})


def of_room(custom: CustomMoods, room: str) -> Vocabulary:
    """Return the words of a room, by what the household taught; in whatever order it is told, they have the same."""
    moods = sorted(custom.moods, key=lambda one: one.mood)
    known = {one.mood: Point(one.valence, one.arousal) for one in moods if one.mood not in EXPRESSIONS}
    here = {one.mood for one in custom.moods if room in one.rooms}
    return Vocabulary({mood: place for mood, place in known.items() if mood in here}, known)
