"""How a mood is taught: some minutes in front of a camera, in steps that people begin themselves. Pure.

First the room's people look as they usually do, then they show the mood. Only numbers are taken of each face: the
model's embedding and its answer. Times are seconds that never jump.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

import numpy as np

from services.contracts.moods import Point
from services.inference.heads import Embeddings
from services.inference.predictor import Origin

SPACING_S: Final = 0.35
"""Least time between two faces that are taken: those of neighbouring frames are the same face. (Of a camera that looks
five times a second that is every other frame, so that a step can have the most that it takes.)"""
SETTLE_S: Final = 2.0
"""For how long a step takes no face at first: a camera's clock may be ahead by as much before that is complained of
(`newest.MAX_AHEAD_S`)."""
BEHIND: Final = 0.5
"""A face that is less than so much as high as the nearest ones of its camera are (median) is of somebody behind, and
one that is higher than they are by as much of somebody who passes."""
NOTED: Final = 1000
"""Heights that are remembered of a camera: some minutes' frames."""
LONGER: Final = 3
"""So many times as long a step may last where it has too few faces by then and they still come: a machine that is slow
or busy reads fewer."""
SILENCE_S: Final = 20.0
"""They come for as long as the last one that was taken is no older than that."""
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
    """How many faces a step takes: it may be ended at `least`, and ends at `most`, or with `least` after `seconds`."""

    least: int
    most: int
    seconds: float


AMOUNTS: Final = {Step.USUAL: Amount(15, 60, 30.0), Step.MOOD: Amount(30, 200, 90.0)}


@dataclass(frozen=True)
class Sight:
    """A face, as far as a lesson has to know it.

    Attributes:
        embedding: Of the model, (E,).
        answer: The probability of each of its labels.
        origin: Which model it is.
        camera: What saw it,
        height: how many pixels high there,
        at: and when.
    """

    embedding: Embeddings
    answer: Mapping[str, float]
    origin: Origin
    camera: str
    height: float
    at: float


def embeddings_of(sights: Sequence[Sight]) -> Embeddings:
    """Return the embeddings of faces, (N, E)."""
    return np.stack([sight.embedding for sight in sights])


def answer_to(sights: Sequence[Sight]) -> dict[str, float]:
    """Return what the model says of faces on average, by label."""
    labels = dict.fromkeys(label for sight in sights for label in sight.answer)
    return {label: sum(sight.answer.get(label, 0.0) for sight in sights) / len(sights) for label in labels}


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
        self.taken: dict[Step, list[Sight]] = {step: [] for step in AMOUNTS}
        self.origin: Origin | None = None
        self.kept = False
        self._known = known
        self._began_at = now
        self._last_at = float("-inf")
        self._heights: dict[str, deque[float]] = {}  # of the nearest faces, by camera

    @property
    def running(self) -> bool:
        """Whether anything is still awaited."""
        return self.step is not Step.DONE

    def least(self, step: Step) -> int:
        """Return how many faces a step needs."""
        return max(0, AMOUNTS[step].least - (self._known if step is Step.USUAL else 0))

    def seconds_left(self, now: float) -> float:
        """Return how long the present step may still take as things are; 0 where nothing is awaited any more."""
        if not self.running:
            return 0.0
        return max(0.0, self._began_at + self._lasts(now) - now)

    def longer(self, now: float) -> bool:
        """Whether a step goes on for longer than it should: faces still come, and there are too few."""
        if self.step not in AMOUNTS or now - self._began_at < AMOUNTS[self.step].seconds:
            return False
        return self._missing() > 0 and now - self._last_at < SILENCE_S

    def _lasts(self, now: float) -> float:
        if self.step not in AMOUNTS:
            return WAIT_S
        return AMOUNTS[self.step].seconds * (LONGER if self.longer(now) else 1)

    def _missing(self) -> int:
        return self.least(self.step) - len(self.taken[self.step])

    def takes(self, at: float) -> bool:
        """Whether a face that was seen at a moment is wanted: not one from before people began the step."""
        return self.step in AMOUNTS and at >= self._began_at + SETTLE_S and at - self._last_at >= SPACING_S

    def take(self, face: Sight) -> None:
        """Take a face that is wanted, unless it is of somebody further away or nearer than those of the lesson.

        The nearest face of a frame is theirs where that of the one who teaches is turned away, and not found.
        """
        if self.origin not in {None, face.origin}:
            self.give_up("another model, or version of it, was put in place meanwhile; begin again")
            return
        if not _is_theirs(face, self._usual_heights()):
            return
        self.origin, self._last_at = face.origin, face.at
        self.taken[self.step].append(face)
        if len(self.taken[self.step]) >= AMOUNTS[self.step].most:
            self.go_on(face.at)

    def note(self, camera: str, height: float) -> None:
        """Note how many pixels high the nearest face of a camera's frame is, wanted or not, readable or not."""
        self._heights.setdefault(camera, deque(maxlen=NOTED)).append(height)

    def _usual_heights(self) -> dict[str, float]:
        return {camera: median(noted) for camera, noted in self._heights.items()}

    def go_on(self, now: float) -> str:
        """Go on to the next step; return why that is too early, if it is."""
        heights = self._usual_heights()
        for step, taken in self.taken.items():  # the first were taken when little was known
            self.taken[step] = [face for face in taken if _is_theirs(face, heights)]
        if self.step in AMOUNTS and (missing := self._missing()) > 0:
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
            return
        too_few = self.go_on(now)
        if too_few and not self.seconds_left(now):  # some may have turned out to be of somebody behind
            self.give_up(
                f"only {len(self.taken[self.step])} faces could be read in {now - self._began_at:.0f} s, "
                f"{self.least(self.step)} are needed: be the nearest to the camera, look at it in good light and begin "
                "again; on a machine with too much to do, let it do less meanwhile"
            )

    def give_up(self, why: str) -> None:
        """Keep nothing, and the reason; what is kept already, or came to nothing, stays as it is."""
        if self.problem or self.kept:
            return
        self.problem = why
        if self.running:  # else somebody is learning from them
            self.step, self.taken = Step.DONE, {step: [] for step in AMOUNTS}

    def keep(self) -> bool:
        """Return whether it may be kept; it is from now on."""
        self.kept = not self.problem
        return self.kept


def _is_theirs(face: Sight, heights: Mapping[str, float]) -> bool:
    """Return whether a face is about as near as the nearest ones of its camera usually are, as far as is known."""
    usual = heights.get(face.camera, face.height)
    return BEHIND * usual <= face.height <= usual / BEHIND
