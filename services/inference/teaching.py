"""How a mood is taught: two minutes in front of a camera, in steps that people begin themselves. Pure.

First the room's people look as they usually do, then they show the mood. Only numbers are taken of each face: the
model's embedding and its answer. Times are seconds that never jump.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from services.contracts.moods import Point
from services.inference.heads import Embeddings
from services.inference.predictor import Origin

SPACING_S: Final = 0.35
"""Least time between two faces that are taken: those of neighbouring frames are the same face. (Of a camera that looks
five times a second that is every other frame, so that a step can have the most that it takes.)"""
WAIT_S: Final = 180.0
"""How long people may take until they begin to show the mood."""


class Step(StrEnum):
    """What goes on: faces are taken as they usually look, nothing, faces are taken that show the mood, nothing more."""

    USUAL = "usual"
    READY = "ready"
    MOOD = "mood"
    DONE = "done"


@dataclass(frozen=True)
class Amount:
    """How many faces a step takes: it may be ended at `least`, and ends at `most` or after `seconds`."""

    least: int
    most: int
    seconds: float


AMOUNTS: Final = {Step.USUAL: Amount(15, 60, 30.0), Step.MOOD: Amount(30, 200, 90.0)}


@dataclass
class Taken:
    """Faces that were taken in a step: an embedding each, and what the model said, summed up by label."""

    rows: list[Embeddings] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, embedding: Embeddings, answer: Mapping[str, float]) -> None:
        """Take one face."""
        self.rows.append(embedding)
        for label, share in answer.items():
            self.sums[label] = self.sums.get(label, 0.0) + share

    @property
    def embeddings(self) -> Embeddings:
        """All of them, (N, E)."""
        return np.stack(self.rows)


class Teaching:
    """A mood that is being taught.

    Args:
        mood: Its word.
        room: Where it is shown.
        place: Where it shall lie on the plane; `None` for where its name has it, or else for where the faces lie.
        known: Faces as they usually look that are known from before, which this step needs the less of.
        now: The time.

    Attributes:
        step: What goes on.
        problem: Why it came to nothing; empty where it did not.
        taken: Faces by step.
        origin: The model whose numbers these are; `None` before the first.
        kept: Whether it is kept, so that giving up comes too late.
    """

    def __init__(self, mood: str, room: str, place: Point | None, known: int, now: float) -> None:
        self.mood, self.room, self.place = mood, room, place
        self.step = Step.USUAL
        self.problem = ""
        self.taken = {Step.USUAL: Taken(), Step.MOOD: Taken()}
        self.origin: Origin | None = None
        self.kept = False
        self._known = known
        self._began_at = now
        self._last_at = float("-inf")

    @property
    def running(self) -> bool:
        """Whether anything is still awaited."""
        return self.step is not Step.DONE

    def least(self, step: Step) -> int:
        """Return how many faces a step needs."""
        return max(0, AMOUNTS[step].least - (self._known if step is Step.USUAL else 0))

    def seconds_left(self, now: float) -> float:
        """Return how long the present step may still take; 0 where nothing is awaited any more."""
        if not self.running:
            return 0.0
        lasts = AMOUNTS[self.step].seconds if self.step in AMOUNTS else WAIT_S
        return max(0.0, self._began_at + lasts - now)

    def takes(self, at: float) -> bool:
        """Whether a face that was seen at a moment is wanted: not one from before people began the step."""
        return self.step in AMOUNTS and at >= self._began_at and at - self._last_at >= SPACING_S

    def take(self, embedding: Embeddings, answer: Mapping[str, float], origin: Origin, at: float) -> None:
        """Take a face that is wanted.

        Args:
            embedding: Of the model, (E,).
            answer: The probability of each of its labels.
            origin: Which model it is.
            at: When it was seen.
        """
        if self.origin not in {None, origin}:
            self.give_up("another version of the model was put in place meanwhile; begin again")
            return
        self.origin, self._last_at = origin, at
        taken = self.taken[self.step]
        taken.add(embedding, answer)
        if len(taken.rows) >= AMOUNTS[self.step].most:
            self.go_on(at)

    def go_on(self, now: float) -> str:
        """Go on to the next step; return why that is too early, if it is."""
        if self.step in AMOUNTS and (missing := self.least(self.step) - len(self.taken[self.step].rows)) > 0:
            return f"{missing} more faces are needed before that"
        order = list(Step)
        self.step = order[min(order.index(self.step) + 1, len(order) - 1)]
        self._began_at = now
        return ""

    def look(self, now: float) -> None:
        """End a step whose time is over; one without enough faces ends it all."""
        if not self.running or self.seconds_left(now) > 0:
            return
        if self.step is Step.READY:
            self.give_up(f"nobody began to show the mood within {WAIT_S:g} s; begin again")
        elif self.go_on(now):
            self.give_up(
                f"only {len(self.taken[self.step].rows)} faces could be read in {AMOUNTS[self.step].seconds:g} s, "
                f"{self.least(self.step)} are needed: look at the camera in good light and begin again"
            )

    def give_up(self, why: str) -> None:
        """Keep nothing, and the reason; what is kept already, or came to nothing, stays as it is."""
        if self.problem or self.kept:
            return
        self.problem = why
        if self.running:  # else somebody is learning from them
            self.step, self.taken = Step.DONE, {Step.USUAL: Taken(), Step.MOOD: Taken()}

    def keep(self) -> bool:
        """Return whether it may be kept; it is from now on."""
        self.kept = not self.problem
        return self.kept
