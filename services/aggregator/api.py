"""The aggregator's HTTP API."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException

from services.aggregator.errors import NoSuchRoomError, NotRunningError, UnknownMoodError
from services.contracts.messages import Mood, MoodOverride, Name
from services.contracts.moods import AUTO

if TYPE_CHECKING:
    from services.aggregator.service import AggregatorService


def routes(service: "AggregatorService") -> APIRouter:
    """Return the router of a service."""
    router = APIRouter(prefix="/api/rooms/{room}/mood", tags=["mood"])

    @router.get("")
    async def mood(room: Name) -> Mood:
        """Say a room's mood as it is now."""
        with _translated():
            return service.mood(room)

    @router.put("/override")
    async def override(room: Name, body: MoodOverride) -> Mood:
        """Say a room's mood by hand for some minutes."""
        with _translated():
            return await service.say(room, body)

    @router.delete("/override")
    async def end_override(room: Name) -> Mood:
        """Let the cameras say the mood again."""
        with _translated():
            service.mood(room)
            return await service.say(room, MoodOverride(mood=AUTO))

    return router


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except NotRunningError as error:
        raise HTTPException(503, "The aggregator is not running at the moment; try again shortly.") from error
    except NoSuchRoomError as error:
        raise HTTPException(404, str(error)) from error
    except UnknownMoodError as error:
        raise HTTPException(422, str(error)) from error
