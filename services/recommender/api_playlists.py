"""Playlists over REST: `/api/playlists`. A change of a playlist that plays is heard at the next song."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

from fastapi import APIRouter, HTTPException, status
from fastapi import Path as PathParameter
from pydantic import AfterValidator, Field

from services.contracts.messages import Message, Name
from services.recommender.api_songs import MAX_ID, Id, check_mood
from services.recommender.imports.tags import clean
from services.recommender.playlists import MAX_ENTRIES, NoSuchSongsError, PlaylistInfo, TakenError
from services.recommender.songs import SongInfo

if TYPE_CHECKING:
    from services.recommender.service import RecommenderService


def _not_blank(name: str) -> str:
    if not name:
        raise ValueError("a playlist needs a name")
    return name


Title = Annotated[str, Field(max_length=200), AfterValidator(clean), AfterValidator(_not_blank)]
SongIds = Annotated[list[Annotated[int, Field(ge=1, lt=MAX_ID)]], Field(max_length=MAX_ENTRIES)]


class Playlist(PlaylistInfo):
    """A playlist with its songs in order."""

    entries: list[SongInfo]


class NewPlaylist(Message):
    """A playlist to make."""

    name: Title
    songs: SongIds = Field([])
    mood: Name | None = None


class PlaylistChange(Message):
    """A new name, or another mood to be pinned to (null: to none); what is left out stays."""

    name: Title | None = None
    mood: Name | None = None


class Songs(Message):
    """Songs by id, in order."""

    songs: SongIds


class MoreSongs(Songs):
    """Songs to put in: before the one at `position`, counted from 0; at the end without it."""

    position: Annotated[int, Field(ge=0)] | None = None


def add_playlists(router: APIRouter, service: "RecommenderService") -> None:
    """Add the routes."""
    playlists = service.library.playlists

    @router.get("/api/playlists")
    async def all_playlists() -> list[PlaylistInfo]:
        """Return all playlists by name, without their songs."""
        return await playlists.all()

    @router.post("/api/playlists", status_code=status.HTTP_201_CREATED)
    async def create(body: NewPlaylist) -> Playlist:
        """Make a playlist, with songs and pinned to a mood where these are given."""
        check_mood(body.mood, service.moods)
        now = datetime.fromtimestamp(service.clock(), UTC)
        try:
            made = await playlists.create(body.name, body.mood, body.songs, now)
        except (TakenError, NoSuchSongsError) as error:
            _refuse(error)
        await service.reload()
        return await _whole(service, made.id)

    @router.get("/api/playlists/{playlist_id}")
    async def playlist(playlist_id: Id) -> Playlist:
        """Return a playlist with its songs."""
        return await _whole(service, playlist_id)

    @router.patch("/api/playlists/{playlist_id}")
    async def change(playlist_id: Id, body: PlaylistChange) -> Playlist:
        """Rename it, or pin it to a mood: `{"mood": "happy"}`; `{"mood": null}` unpins it."""
        check_mood(body.mood, service.moods)
        async with service.library.editing:
            before = await _info(service, playlist_id)
            mood = body.mood if "mood" in body.model_fields_set else before.mood
            try:
                await playlists.change(playlist_id, name=body.name or before.name, mood=mood)
            except TakenError as error:
                _refuse(error)
        await service.reload()
        return await _whole(service, playlist_id)

    @router.delete("/api/playlists/{playlist_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete(playlist_id: Id) -> None:
        """Delete a playlist; its songs stay in the library."""
        async with service.library.editing:
            await _info(service, playlist_id)
            await playlists.delete(playlist_id)
        await service.reload()

    _add_entries(router, service)


def _add_entries(router: APIRouter, service: "RecommenderService") -> None:
    async def edit(playlist_id: int, change: Callable[[list[int]], list[int]]) -> Playlist:
        async with service.library.editing:
            await _info(service, playlist_id)
            songs = change([song.id for song in await service.library.playlists.songs(playlist_id)])
            if len(songs) > MAX_ENTRIES:
                raise HTTPException(
                    status.HTTP_422_UNPROCESSABLE_CONTENT, f"a playlist holds {MAX_ENTRIES} songs; make a second one"
                )
            try:
                await service.library.playlists.arrange(playlist_id, songs)
            except NoSuchSongsError as error:
                _refuse(error)
        await service.reload()
        return await _whole(service, playlist_id)

    @router.put("/api/playlists/{playlist_id}/songs")
    async def replace(playlist_id: Id, body: Songs) -> Playlist:
        """Replace the songs, or give them another order."""
        return await edit(playlist_id, lambda _songs: body.songs)

    @router.post("/api/playlists/{playlist_id}/songs")
    async def add(playlist_id: Id, body: MoreSongs) -> Playlist:
        """Put songs in, at the end or before a position."""

        def put_in(songs: list[int]) -> list[int]:
            place = len(songs) if body.position is None else body.position
            return [*songs[:place], *body.songs, *songs[place:]]

        return await edit(playlist_id, put_in)

    @router.delete("/api/playlists/{playlist_id}/songs/{index}")
    async def remove(playlist_id: Id, index: Annotated[int, PathParameter(ge=0)]) -> Playlist:
        """Take the song at a position out, counted from 0."""

        def take_out(songs: list[int]) -> list[int]:
            if index >= len(songs):
                raise HTTPException(
                    status.HTTP_404_NOT_FOUND, f"the playlist has {len(songs)} songs, and none at position {index}"
                )
            return [*songs[:index], *songs[index + 1 :]]

        return await edit(playlist_id, take_out)


async def _info(service: "RecommenderService", playlist_id: int) -> PlaylistInfo:
    info = await service.library.playlists.get(playlist_id)
    if info is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no playlist {playlist_id}; see /api/playlists")
    return info


async def _whole(service: "RecommenderService", playlist_id: int) -> Playlist:
    info = await _info(service, playlist_id)
    return Playlist(**info.model_dump(), entries=await service.library.playlists.songs(playlist_id))


def _refuse(error: TakenError | NoSuchSongsError) -> NoReturn:
    taken = isinstance(error, TakenError)
    code = status.HTTP_409_CONFLICT if taken else status.HTTP_422_UNPROCESSABLE_CONTENT
    raise HTTPException(code, str(error)) from error
