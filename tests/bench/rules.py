"""Rules that make a mood of a stream of expressions: ours, and those that other projects use.

Each hears every face of every frame and is asked once a second.
"""

import statistics
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Protocol

from services.aggregator.room import Room
from services.aggregator.simulation import CAMERA, START
from services.aggregator.window import Observation
from services.contracts.channels import STATUS_EVERY_S
from services.contracts.messages import CameraState
from services.contracts.moods import EXPRESSIONS, UNKNOWN
from services.runtime.settings import Aggregator

MEDIAN_OF = 15
MEDIAN_ENOUGH = 0.5


class Rule(Protocol):
    """From observations to a mood."""

    def observe(self, observation: Observation) -> None:
        """Take one face of one frame."""
        ...

    def mood(self, now: float) -> str:
        """Return the mood at this time."""
        ...


class Ours:
    """The aggregator's own `Room`, by its own settings."""

    def __init__(self, settings: Aggregator) -> None:
        self._room = Room(settings, START)
        self._heard_at = float("-inf")

    def observe(self, observation: Observation) -> None:
        self._room.observe(observation, observation.at)

    def mood(self, now: float) -> str:
        if now - self._heard_at >= STATUS_EVERY_S:
            self._room.hear(CAMERA, CameraState.OK, now)
            self._heard_at = now
        self._room.look(now)
        return self._room.mood().mood


class CumulativeCounter:
    """Counts every frame's winner since the start and never resets: the commonest wins."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def observe(self, observation: Observation) -> None:
        self._counts[winner(observation)] += 1

    def mood(self, now: float) -> str:
        return max(self._counts, key=self._counts.__getitem__, default=UNKNOWN)


class ModeOf:
    """The commonest winner of the last frames; of one frame, the argmax of the last."""

    def __init__(self, frames: int) -> None:
        self._last: deque[str] = deque(maxlen=frames)

    def observe(self, observation: Observation) -> None:
        self._last.append(winner(observation))

    def mood(self, now: float) -> str:
        return max(Counter(self._last).items(), key=lambda item: item[1], default=(UNKNOWN, 0))[0]


class AverageOf:
    """The winner of the last frames' mean distribution, or of their median where it is above a threshold."""

    def __init__(
        self, frames: int, centre: Callable[[list[float]], float] = statistics.fmean, least: float = 0
    ) -> None:
        self._last: deque[Observation] = deque(maxlen=frames)
        self._centre = centre
        self._least = least

    def observe(self, observation: Observation) -> None:
        self._last.append(observation)

    def mood(self, now: float) -> str:
        if not self._last:
            return UNKNOWN
        values = {label: self._centre([one.probabilities[label] for one in self._last]) for label in EXPRESSIONS}
        best = max(values, key=values.__getitem__)
        return best if values[best] >= self._least else UNKNOWN


class Folded:
    """Another rule, whose moods are folded to those of the settings."""

    def __init__(self, rule: Rule, folding: Mapping[str, str]) -> None:
        self._rule = rule
        self._folding = folding

    def observe(self, observation: Observation) -> None:
        self._rule.observe(observation)

    def mood(self, now: float) -> str:
        mood = self._rule.mood(now)
        return self._folding.get(mood, mood)


def winner(observation: Observation) -> str:
    """Return the most probable label."""
    return max(observation.probabilities, key=observation.probabilities.__getitem__)


def ours(settings: Aggregator) -> dict[str, Rule]:
    """Return our rule."""
    return {"moodring": Ours(settings)}


def all_rules(settings: Aggregator) -> dict[str, Rule]:
    """Return every rule, ours first, all with the moods of the settings."""
    others: dict[str, Rule] = {
        "cumulative counter": CumulativeCounter(),
        "last frame": ModeOf(1),
        "mode of 30 frames": ModeOf(30),
        "average of three": AverageOf(3),
        "median with threshold": AverageOf(MEDIAN_OF, statistics.median, MEDIAN_ENOUGH),
    }
    return ours(settings) | {name: Folded(rule, settings.folding) for name, rule in others.items()}
