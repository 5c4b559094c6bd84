"""The library over REST: `/api/songs`."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

from fastapi import APIRouter, HTTPException, Query, status
from fastapi import Path as PathParameter
from pydantic import AfterValidator, Field, model_validator

from services.contracts.messages import Axis, Message, Name
from services.contracts.moods import Point
from services.recommender.imports.tags import clean
from services.recommender.library import ScanStatus
from services.recommender.songs import PlacedBy, SongInfo

if TYPE_CHECKING:
    from services.recommender.service import RecommenderService

Label = Annotated[str, Field(max_length=500), AfterValidator(clean)]


MAX_ID = 2**31
"""Ids are 32 bits wide in PostgreSQL."""

Id = Annotated[int, PathParameter(ge=1, lt=MAX_ID)]


class SongSearch(Message):
    """What to look for, and which page of it."""

    query: Annotated[str, Field(max_length=200)] = ""
    mood: Name | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    valence: Axis | None = None
    arousal: Axis | None = None

    @model_validator(mode="after")
    def _whole_point(self) -> Self:
        if (self.valence is None) != (self.arousal is None):
            raise ValueError("valence and arousal go together: give both")
        return self

    @property
    def near(self) -> Point | None:
        """The point whose neighbours are wanted."""
        return None if self.valence is None or self.arousal is None else Point(self.valence, self.arousal)


class SongPage(Message):
    """A page of songs, and how many there are in all."""

    total: int
    songs: list[SongInfo]


class SongChange(Message):
    """What to change of a song; what is left out stays. A mood that is known by name brings its point along."""

    title: Annotated[Label, Field(min_length=1)] | None = None
    artist: Label | None = None
    album: Label | None = None
    valence: Axis | None = None
    arousal: Axis | None = None
    mood: Name | None = None


def add_songs(router: APIRouter, service: "RecommenderService") -> None:
    """Add the routes."""

    @router.get("/api/songs")
    async def songs(wanted: Annotated[SongSearch, Query()]) -> SongPage:
        """Search the library: every word of `query` in title, artist or album; `mood` as folder or tag says it.

        They come by artist and title; with `valence` and `arousal`, each from -1 to 1, the nearest to that point first,
        of those whose file is there.
        """
        found, total = await service.library.songs.search(
            clean(wanted.query), wanted.mood, wanted.limit, wanted.offset, wanted.near
        )
        return SongPage(total=total, songs=found)

    @router.get("/api/songs/scan")
    async def scan_status() -> ScanStatus:
        """Return whether the music folder is being scanned, and what the last scan found."""
        return service.library.scan_status

    @router.post("/api/songs/scan", status_code=status.HTTP_202_ACCEPTED)
    async def scan() -> ScanStatus:
        """Look for new, changed and vanished files in the music folder."""
        service.library.scan()
        return service.library.scan_status

    @router.get("/api/songs/{song_id}")
    async def song(song_id: Id) -> SongInfo:
        """Return one song."""
        return _there(await service.library.songs.get(song_id), song_id)

    @router.patch("/api/songs/{song_id}")
    async def change(song_id: Id, body: SongChange) -> SongInfo:
        """Correct a song; a point or mood that is set by hand is kept when the folder is scanned again."""
        changed = _there(await service.library.songs.change(song_id, _columns(body, service.moods)), song_id)
        await service.library.replace(changed)
        await service.tick()
        return changed


def check_mood(mood: str | None, known: Collection[str]) -> None:
    """Refuse a word for a mood that no room can be in.

    Raises:
        HTTPException: 422.
    """
    if mood is not None and mood not in known:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            f"{mood} is no mood for music; choose from {', '.join(sorted(known))}",
        )


def _columns(body: SongChange, moods: Mapping[str, Point]) -> dict[str, Any]:
    check_mood(body.mood, moods)
    given = body.model_dump(exclude_unset=True)
    changes = {name: value for name, value in given.items() if name == "mood" or value is not None}
    point = moods.get(body.mood or "")
    if point:
        changes = {"valence": point.valence, "arousal": point.arousal} | changes
    if {"valence", "arousal", "mood"} & changes.keys():
        changes["placed_by"] = PlacedBy.HAND
    return changes


def _there(song: SongInfo | None, song_id: int) -> SongInfo:
    if song is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no song {song_id}; see /api/songs")
    return song
