"""The aggregator's HTTP API."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException

from services.aggregator.calibration import Verdict
from services.aggregator.errors import NoSuchRoomError, NotNowError, NotRunningError, UnknownMoodError
from services.aggregator.lesson import Lesson
from services.aggregator.room import Room
from services.contracts.messages import Mood, MoodOverride, Name
from services.contracts.moods import AUTO

if TYPE_CHECKING:
    from services.aggregator.service import AggregatorService


def routes(service: "AggregatorService") -> APIRouter:
    """Return the router of a service."""
    router = APIRouter()
    router.include_router(_mood(service))
    router.include_router(_calibration(service))
    return router


def _mood(service: "AggregatorService") -> APIRouter:
    router = APIRouter(prefix="/api/rooms/{room}/mood", tags=["mood"])

    @router.get("")
    async def mood(room: Name) -> Mood:
        """Say a room's mood as it is now."""
        with _translated():
            return service.mood(room)

    @router.put("/override")
    async def override(room: Name, body: MoodOverride) -> Mood:
        """Say a room's mood by hand for some minutes; the room has a camera or a player, or stands in the settings."""
        with _translated():
            return await service.say(room, body)

    @router.delete("/override")
    async def end_override(room: Name) -> Mood:
        """Let the cameras say the mood again."""
        with _translated():
            return await service.say(room, MoodOverride(mood=AUTO))

    return router


def _calibration(service: "AggregatorService") -> APIRouter:
    router = APIRouter(prefix="/api/rooms/{room}/calibration", tags=["mood"])

    async def teach(room: str, what: str, change: Callable[[Room, float], None]) -> Lesson:
        with _translated():
            return await service.teach(room, what, change)

    @router.get("")
    async def calibration(room: Name) -> Lesson:
        """Say what a room was taught, and what that changes."""
        with _translated():
            return service.lesson(room)

    @router.delete("")
    async def forget(room: Name) -> Lesson:
        """Forget all that the room was taught."""

        def both(room: Room, _now: float) -> None:
            room.calibration.forget_baseline()
            room.calibration.forget_answers()

        return await teach(room, "everything taught is forgotten", both)

    @router.post("/neutral", status_code=202)
    async def measure_neutral(room: Name) -> Lesson:
        """Measure the neutral faces of those in the room, for a minute from now."""
        return await teach(room, "neutral faces are measured for a minute", Room.measure_neutral)

    @router.delete("/neutral")
    async def forget_neutral(room: Name) -> Lesson:
        """Forget the neutral faces; a measurement that runs is stopped."""
        return await teach(
            room, "the neutral faces are forgotten", lambda room, _now: room.calibration.forget_baseline()
        )

    @router.post("/feedback")
    async def feedback(room: Name, body: Verdict) -> Lesson:
        """Say whether the mood that the camera tells is right."""
        told = "right" if body.right else f"wrong, it is {body.mood or 'another one'}"
        return await teach(room, f"the mood is said to be {told}", lambda room, now: room.judge(body, now))

    @router.delete("/feedback")
    async def forget_feedback(room: Name) -> Lesson:
        """Forget all answers: every mood needs the confidence of the settings again."""
        return await teach(room, "the answers are forgotten", lambda room, _now: room.calibration.forget_answers())

    return router


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except NotRunningError as error:
        raise HTTPException(503, "The aggregator is not running at the moment; try again shortly.") from error
    except NoSuchRoomError as error:
        raise HTTPException(404, str(error)) from error
    except NotNowError as error:
        raise HTTPException(409, str(error)) from error
    except UnknownMoodError as error:
        raise HTTPException(422, str(error)) from error
