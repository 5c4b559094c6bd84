"""REST: the moods that a household teaches."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime

from services.contracts.messages import Axis, Message, Name, Unit
from services.contracts.moods import Point
from services.inference.classroom import Classroom, NotKeptError, NotNowError, Outcome
from services.inference.custom_moods import CustomMoodError, NoSuchMoodError, Reader
from services.inference.teaching import AMOUNTS, Step, Teaching

if TYPE_CHECKING:
    from services.inference.service import InferenceService

CONSENT: Final = (
    "For about two minutes, and up to six on a slow machine, the numbers that the model makes of the face nearest to "
    "each camera of the room are collected: first of how you usually look, then of the mood. Only these numbers are "
    "kept, on this machine, until the mood is forgotten; "
    "pictures never are, unless the camera was told to keep its crops for some hours to find a fault. You can stop at "
    "any time, and then nothing is kept."
)


class TaughtMoodInfo(Message):
    """A mood that was taught."""

    mood: Name
    valence: Axis
    arousal: Axis
    rooms: tuple[Name, ...]
    """Where it was taught, and where faces are read for it."""
    taught_at: AwareDatetime
    faces: int
    """Faces that showed it, and as they usually look."""
    usual_faces: int
    recognised: Unit
    """Share of faces kept aside in which it is found, of those that show it."""
    mistaken: Unit
    """The same of those that do not."""
    model: Name
    model_version: int
    problem: str = ""
    """Why it is not read at the moment."""


class TeachingProgress(Message):
    """A mood that is being taught, and how far that is."""

    mood: Name
    room: Name
    step: Step
    """`usual`: faces are taken as they usually look; `ready`: go on when you show the mood; `mood`: they are taken;
    `done`: it is being learnt."""
    faces: int
    """Taken in this step."""
    least: int
    """With so many one can go on."""
    most: int
    """With so many it goes on by itself."""
    seconds_left: float
    """Until it goes on by itself, or ends; where too few faces were read by then, it goes on for longer. 0 while it is
    learnt."""
    longer: bool
    """Whether it goes on for longer than it should, as too few faces were read."""


class CustomMoodsInfo(Message):
    """Every mood that was taught, the one that is being taught, and what became of the last lesson."""

    moods: tuple[TaughtMoodInfo, ...]
    teaching: TeachingProgress | None
    outcome: Outcome | None
    """What became of the last lesson; nothing before there was any, and while one goes on."""
    said: str
    """The same in words."""
    consent: str = CONSENT
    """What people are told before they agree."""


class NewLesson(Message):
    """Where a mood is taught, whether those before the camera agree, and where it shall lie on the plane."""

    room: Name
    consent: bool = False
    valence: Axis | None = None
    arousal: Axis | None = None


class EndOfStep(Message):
    """The step that is to end; where it has ended by itself meanwhile, the next one is left alone."""

    step: Step | None = None
    """Without it, whichever goes on is ended."""


class CustomMoodChange(Message):
    """Another name or place; what is left out stays."""

    mood: Name | None = None
    valence: Axis | None = None
    arousal: Axis | None = None


def routes(service: "InferenceService") -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/custom-moods", tags=["custom moods"])
    _add_moods(router, service)
    _add_lessons(router, service)
    return router


def _add_moods(router: APIRouter, service: "InferenceService") -> None:
    @router.get("")
    async def custom_moods() -> CustomMoodsInfo:
        """Return what was taught, and how far the lesson is that goes on."""
        classroom = _running(service)
        classroom.look()
        return _info(classroom)

    @router.patch("/{mood}")
    async def change(mood: Name, body: CustomMoodChange) -> CustomMoodsInfo:
        """Rename a mood or move it on the plane. Playlists, exceptions and history keep the word that they have."""
        with _translated():
            classroom = _running(service)
            await classroom.rename(mood, to=body.mood, place=_place(body.valence, body.arousal))
            return _info(classroom)

    @router.delete("/{mood}")
    async def forget(mood: Name) -> CustomMoodsInfo:
        """Forget a mood: what was kept of the faces is gone from the disk."""
        with _translated():
            classroom = _running(service)
            await classroom.forget(mood)
            return _info(classroom)


def _add_lessons(router: APIRouter, service: "InferenceService") -> None:
    @router.post("/{mood}/teaching", status_code=202)
    async def begin(mood: Name, body: NewLesson) -> CustomMoodsInfo:
        """Begin to teach a mood, or to teach it further. Faces are taken as they usually look, for half a minute.

        Those before the camera have to know and agree: `consent` must be true.
        """
        if not body.consent:
            raise HTTPException(422, f"Those before the camera have to agree: send consent: true. {CONSENT}")
        with _translated():
            classroom = _running(service)
            classroom.begin(mood, body.room, _place(body.valence, body.arousal))
            return _info(classroom)

    @router.post("/{mood}/teaching/next", status_code=202)
    async def go_on(mood: Name, body: EndOfStep | None = None) -> CustomMoodsInfo:
        """Go on: show the mood now; or, while it is being shown, have it learnt from what there is.

        Say which step is to end: steps end by themselves, too, and the next one should not end with them.
        """
        with _translated():
            classroom = _running(service)
            classroom.go_on(mood, body.step if body else None)
            return _info(classroom)

    @router.delete("/{mood}/teaching")
    async def stop(mood: Name) -> CustomMoodsInfo:
        """Stop teaching; nothing of the lesson is kept."""
        with _translated():
            classroom = _running(service)
            classroom.stop(mood)
            return _info(classroom)


def _running(service: "InferenceService") -> Classroom:
    if service.classroom is None:
        raise HTTPException(503, "The inference service is not running at the moment; try again shortly.")
    return service.classroom


def _place(valence: float | None, arousal: float | None) -> Point | None:
    if valence is None and arousal is None:
        return None
    if valence is None or arousal is None:
        raise CustomMoodError("a place on the plane takes both valence and arousal, from -1 to 1 each")
    return Point(valence, arousal)


def _info(classroom: Classroom) -> CustomMoodsInfo:
    lesson = classroom.lesson
    return CustomMoodsInfo(
        moods=tuple(_mood(classroom, one) for one in classroom.kept.readers),
        teaching=_progress(lesson, classroom.now()) if lesson else None,
        outcome=classroom.outcome,
        said=classroom.said,
    )


def _mood(classroom: Classroom, one: Reader) -> TaughtMoodInfo:
    kept = one.kept
    return TaughtMoodInfo(
        mood=kept.mood, valence=kept.valence, arousal=kept.arousal, rooms=kept.rooms, taught_at=kept.taught_at,
        faces=len(kept.faces), usual_faces=len(kept.usual_faces), recognised=round(one.check.recognised, 3),
        mistaken=round(one.check.mistaken, 3), model=kept.model, model_version=kept.model_version,
        problem=classroom.kept.problem(kept),
    )  # fmt: skip


def _progress(lesson: Teaching, now: float) -> TeachingProgress:
    amount = AMOUNTS.get(lesson.step)
    return TeachingProgress(
        mood=lesson.mood,
        room=lesson.room,
        step=lesson.step,
        faces=len(lesson.taken[lesson.step]) if amount else 0,
        least=lesson.least(lesson.step) if amount else 0,
        most=amount.most if amount else 0,
        seconds_left=round(lesson.seconds_left(now), 1),
        longer=lesson.longer(now),
    )


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except NoSuchMoodError as error:
        raise HTTPException(404, f"{error}.") from error
    except NotNowError as error:
        raise HTTPException(409, f"{error}.".replace("..", ".")) from error
    except NotKeptError as error:
        raise HTTPException(503, f"{error}.") from error
    except CustomMoodError as error:
        raise HTTPException(422, f"{error}.") from error
