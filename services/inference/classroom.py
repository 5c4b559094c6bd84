"""Where a household's moods are taught: one lesson at a time, and nobody is watched whose camera is closed."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.messages import CameraState, CameraStatus
from services.contracts.moodring_pb2 import Face
from services.contracts.moods import Point
from services.inference.custom_moods import (
    CustomMoodError,
    Reader,
    check_name,
    check_room_for_one,
    check_told_apart,
    learnt,
    renamed,
)
from services.inference.kept_moods import KeptMoods
from services.inference.newest import Frame
from services.inference.predictor import Prediction
from services.inference.state import TaughtMood
from services.inference.teaching import Sight, Step, Teaching
from services.runtime.bus import Delivery
from services.runtime.state import UnreadableStateError

log = logging.getLogger(__name__)

MAX_CAMERAS: Final = 1000
"""Cameras whose state is known; further ones are no one's teacher."""
BLIND: Final = frozenset({CameraState.PRIVATE, CameraState.OFFLINE})


class NotNowError(Exception):
    """What was asked for makes no sense at the moment; the text says why and what to do."""


class NotKeptError(Exception):
    """The disk does not take what was asked for; the text says why."""


class Outcome(StrEnum):
    """What became of a lesson: the mood is kept; it is not, for a reason; somebody stopped it."""

    LEARNT = "learnt"
    FAILED = "failed"
    STOPPED = "stopped"


class Classroom:
    """The lesson that goes on, and who may be watched for it.

    Args:
        kept: The moods that were taught.
        places: Where moods with a name lie, of those that nobody gave a place.
        clock: Seconds since 1970.
        timer: Seconds that never jump.

    Attributes:
        kept: As above.
        lesson: The one that goes on.
        outcome: What became of the last one; `None` before there was any, and while one goes on.
        said: The same in words.
    """

    def __init__(
        self, kept: KeptMoods, places: Mapping[str, Point], *, clock: Callable[[], float], timer: Callable[[], float]
    ) -> None:
        self.kept = kept
        self.lesson: Teaching | None = None
        self.outcome: Outcome | None = None
        self.said = ""
        self._last = ""  # the mood of the lesson, or of the last one
        self._places = places
        self._clock = clock
        self._timer = timer
        self._cameras: dict[tuple[str, str], CameraStatus] = {}
        self._over = asyncio.Event()
        self._last_word = threading.Lock()  # a lesson is learnt on another thread than it is stopped on

    def now(self) -> float:
        """Return the time, by which lessons go."""
        return self._timer()

    async def run(self) -> None:
        """Learn from each lesson when it is over, until cancelled."""
        while True:
            await self._over.wait()
            self._over.clear()
            if self.lesson and not self.lesson.running:
                await self._learn(self.lesson)

    async def hear(self, delivery: Delivery[CameraStatus]) -> None:
        """Take how a camera does; where one of its room goes private, a lesson ends at once and leaves nothing."""
        room, camera, status = delivery.room, delivery.camera, delivery.message
        before = self._cameras.get((room, camera))
        if before or len(self._cameras) < MAX_CAMERAS:
            self._cameras[room, camera] = status
        saw = before is not None and before.state is not CameraState.PRIVATE
        if self.lesson and self.lesson.room == room and saw and status.state is CameraState.PRIVATE:
            with self._last_word:
                self.lesson.give_up(
                    f"a camera of this room was closed ({status.detail or 'for privacy'}); nothing was kept"
                )
            self._over.set()

    def see(self, frame: Frame, faces: Sequence[Face], prediction: Prediction, rows: range) -> None:
        """Take the nearest face of a frame, where one is wanted; who stands behind is never taken in its place.

        Args:
            frame: As its camera sent it.
            faces: Those of its faces that were classified.
            prediction: What the model says of them, among others.
            rows: Where they stand in it.
        """
        lesson, sent = self.lesson, frame.delivery
        status = self._cameras.get((sent.room, sent.camera))
        if lesson is None or lesson.room != sent.room or status is None or status.state in BLIND:
            return
        if prediction.embeddings is None and lesson.running:
            lesson.give_up("the model that is served gives no embedding; serve one that does")
        nearest = max(sent.message.faces, key=lambda face: face.box.width * face.box.height)
        lesson.note(sent.camera, nearest.box.height)
        if prediction.embeddings is not None and lesson.takes(frame.captured):
            row = next((row for row, face in zip(rows, faces, strict=True) if face == nearest), None)
            if row is not None:
                answer: NDArray[np.float32] = prediction.probabilities[row]
                shares = dict(zip(prediction.labels, answer.tolist(), strict=True))
                embedding, height = prediction.embeddings[row], nearest.box.height
                lesson.take(Sight(embedding, shares, prediction.origin, sent.camera, height, frame.captured))
        self.look()

    def look(self) -> None:
        """Notice when a step's time is over."""
        if self.lesson:
            self.lesson.look(self.now())
            if not self.lesson.running:
                self._over.set()

    def begin(self, mood: str, room: str, place: Point | None) -> Teaching:
        """Begin a lesson.

        Raises:
            NotNowError: Another one goes on, or no camera of the room sees.
            CustomMoodError: A mood cannot be called so, or there are too many.
        """
        if self.lesson:
            raise NotNowError(f"{self.lesson.mood} is being taught in {self.lesson.room}; stop that, or let it end")
        kept = self.kept.moods
        before = next((one for one in kept if one.mood == mood), None)
        if before is None:
            check_name(mood, kept)
            check_room_for_one(kept)
        self._check_cameras(room)
        known = len(before.usual_faces) if before and self.kept.served == before.origin else 0
        self.outcome, self.said = None, ""
        self.lesson, self._last = Teaching(mood, room, place, known, self.now()), mood
        log.info("%s is being taught in %s", mood, room)
        return self.lesson

    def go_on(self, mood: str, ends: Step | None = None) -> None:
        """Go on to a lesson's next step.

        Args:
            mood: Of the lesson.
            ends: The step that is to end. Where that is over by now, and be it with the whole lesson, nothing is done:
                its time was over meanwhile, or the same was asked for twice. Without it, whichever goes on is ended.

        Raises:
            NotNowError: There is no such lesson, or it is too early.
        """
        if ends and self.lesson is None and mood == self._last:
            return
        lesson, steps = self._lesson_of(mood), list(Step)
        if ends and steps.index(ends) < steps.index(lesson.step):
            return
        if ends and ends is not lesson.step:
            raise NotNowError(f"the step {ends} has not begun; {lesson.step} goes on")
        lesson = self._going_on(mood)
        if problem := lesson.go_on(self.now()):
            raise NotNowError(problem)
        self.look()

    def stop(self, mood: str) -> None:
        """Stop a lesson, and be it while it is learnt; nothing of it is kept.

        Raises:
            NotNowError: There is no such lesson, or it is kept already.
        """
        lesson = self._lesson_of(mood)
        with self._last_word:
            lesson.give_up("stopped: nothing was kept")
        if lesson.kept:
            raise NotNowError(f"{mood} is learnt; forget it where it should not be kept")
        self._end(Outcome.STOPPED, "Stopped: nothing was kept.")

    async def rename(self, mood: str, *, to: str | None, place: Point | None) -> None:
        """Give a mood another name or place.

        Raises:
            NoSuchMoodError: No such mood was taught.
            CustomMoodError: The new name cannot be.
            NotNowError: One of that or the new name is being taught.
            NotKeptError: It cannot be written.
        """
        self._not_being_taught(mood)
        self._not_being_taught(to)
        with _disk_refusals_said():
            await self.kept.change(lambda moods: renamed(moods, mood, to=to, place=place))

    async def forget(self, mood: str) -> None:
        """Forget a mood: its embeddings are gone from the disk when this returns, from a damaged file too.

        Raises:
            NoSuchMoodError: No such mood was taught.
            NotNowError: It is being taught.
            NotKeptError: It cannot be written.
        """
        self._not_being_taught(mood)
        with _disk_refusals_said():
            await self.kept.forget(mood)
        log.info("the taught mood %s is forgotten", mood)

    async def _learn(self, lesson: Teaching) -> None:
        if problem := lesson.problem or await self._keep(lesson):
            outcome, said = Outcome.FAILED, f"{problem[:1].upper()}{problem[1:]}."
        else:
            check = _reader_of(lesson.mood, self.kept.readers).check
            outcome = Outcome.LEARNT
            said = (
                f"Learnt: found in {check.recognised:.0%} of the faces kept aside that show it, and in "
                f"{check.mistaken:.0%} of the usual ones."
            )
        log.info("teaching %s: %s", lesson.mood, said)
        if self.lesson is lesson:
            self._end(outcome, said)

    def _end(self, outcome: Outcome, said: str) -> None:
        self.lesson, self.outcome, self.said = None, outcome, said

    async def _keep(self, lesson: Teaching) -> str:
        """Learn from a lesson and keep the mood; return why that was not done."""

        def learn(moods: Sequence[TaughtMood]) -> tuple[TaughtMood, ...]:
            return learnt(moods, lesson, self._places, datetime.fromtimestamp(self._clock(), UTC))

        def accept(made: Sequence[Reader]) -> None:
            check_told_apart(_reader_of(lesson.mood, made))
            self._check_not_lost(lesson)
            with self._last_word:
                if not lesson.keep():
                    raise NotNowError(lesson.problem)

        try:
            with _disk_refusals_said():
                await self.kept.change(learn, accept)
        except (CustomMoodError, NotNowError, NotKeptError) as error:
            return str(error)
        except UnreadableStateError as error:
            log.warning("%s", error)  # where it lies is not for who asks
            return "it cannot be kept: the file of taught moods cannot be read; the log says why"
        return ""

    def _check_cameras(self, room: str) -> None:
        here = [status for (where, _), status in self._cameras.items() if where == room]
        if not here:
            rooms = ", ".join(sorted({where for where, _ in self._cameras}))
            raise NotNowError(f"no camera of a room {room} is known; there are cameras in {rooms or 'no room so far'}")
        if all(status.state in BLIND for status in here):
            detail = next((status.detail for status in here if status.detail), "the camera is off.")
            raise NotNowError(f"no face of {room} can be seen, so nothing can be taught there: {detail}")

    def _check_not_lost(self, lesson: Teaching) -> None:
        """Check that every camera that saw the faces of a lesson is there: one that hangs may have been closed."""
        for camera in sorted({face.camera for taken in lesson.taken.values() for face in taken}):
            status = self._cameras.get((lesson.room, camera))
            if status is None or status.state in BLIND:
                raise NotNowError(
                    f"the camera {camera} was lost in the end, and nobody knows whether it was closed; nothing was kept"
                )

    def _going_on(self, mood: str) -> Teaching:
        lesson = self._lesson_of(mood)
        if not lesson.running:
            raise NotNowError(f"{mood} was shown and is being learnt; a moment")
        return lesson

    def _lesson_of(self, mood: str) -> Teaching:
        if self.lesson is None or self.lesson.mood != mood:
            raise NotNowError(f"{mood} is not being taught at the moment; begin first")
        return self.lesson

    def _not_being_taught(self, mood: str | None) -> None:
        if self.lesson and self.lesson.mood == mood:
            raise NotNowError(f"{mood} is being taught at the moment; stop that, or let it end")


def _reader_of(mood: str, found: Sequence[Reader]) -> Reader:
    return next(one for one in found if one.kept.mood == mood)


@contextmanager
def _disk_refusals_said() -> Iterator[None]:
    """Say what the disk refuses.

    Raises:
        NotKeptError: It refused.
    """
    try:
        yield
    except OSError as error:
        raise NotKeptError(f"it cannot be kept: {error.strerror}; make room on the disk and try again") from error
