"""The recommender over REST: policy and feedback of rooms; history, songs and playlists have files of their own."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response, status
from fastapi.routing import APIRoute
from pydantic import Field

from services.contracts.messages import Message, Name, Policy, SetPolicy, uuid7
from services.recommender.api_history import add_history
from services.recommender.api_playlists import add_playlists
from services.recommender.api_songs import MAX_ID, add_songs
from services.recommender.database import DatabaseAwayError
from services.recommender.records import Judgement

if TYPE_CHECKING:
    from services.recommender.service import RecommenderService


class Feedback(Message):
    """A judgement to give."""

    song_id: Annotated[int, Field(ge=1, lt=MAX_ID)]
    liked: bool


class StoreRoute(APIRoute):
    """A route that answers 503 while the database is away."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handler = super().get_route_handler()

        async def translated(request: Request) -> Response:
            try:
                return await handler(request)
            except DatabaseAwayError as error:
                raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, f"{error}; try again in a moment") from error

        return translated


def routes(service: "RecommenderService") -> APIRouter:
    """Return the recommender's router."""
    router = APIRouter(tags=["recommender"], route_class=StoreRoute)
    add_songs(router, service)
    add_playlists(router, service)
    _add_rooms(router, service)
    add_history(router, service)
    return router


def _add_rooms(router: APIRouter, service: "RecommenderService") -> None:
    def check_room(room: str) -> None:
        if unknown := service.rooms.unknown(room):
            raise HTTPException(status.HTTP_404_NOT_FOUND, str(unknown))

    @router.get("/api/rooms/{room}/policy")
    async def policy(room: Name) -> Policy:
        """Return what music does to the room's moods; a room that never set one has the default."""
        check_room(room)
        return service.rooms.policy(room)

    @router.put("/api/rooms/{room}/policy")
    async def set_policy(room: Name, body: SetPolicy) -> Policy:
        """Change the policy: `{"mode": "lift", "exceptions": {"sad": "mirror"}}`; exceptions left out stay.

        It is heard at the next song. `off` queues nothing more; what waits plays out.
        """
        if not service.running:
            raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "the recommender is starting; try again")
        check_room(room)
        try:
            return await service.set_policy(room, body)
        except ValueError as error:
            raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from error

    @router.get("/api/rooms/{room}/feedback")
    async def feedback(room: Name) -> list[Judgement]:
        """Return what the room thinks of songs: the judgement that counts of each, newest first."""
        return await service.history.judgements(room)

    @router.post("/api/rooms/{room}/feedback", status_code=status.HTTP_201_CREATED)
    async def give_feedback(room: Name, body: Feedback) -> Judgement:
        """Judge a song: it comes a little sooner, or later, when it fits the mood."""
        check_room(room)
        if await service.library.songs.get(body.song_id) is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no song {body.song_id}; see /api/songs")
        now = datetime.fromtimestamp(service.clock(), UTC)
        judgement = Judgement(id=uuid7(), room=room, song_id=body.song_id, liked=body.liked, given_at=now)
        await service.diary.record(judgement)
        return judgement
