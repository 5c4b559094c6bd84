"""Playlists: named orders of songs, and the moods they are pinned to.

`PlaylistStore` is the port; `SqlPlaylistStore` is its one adapter, over both databases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import AwareDatetime, ConfigDict
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.messages import Message
from services.contracts.moods import Point
from services.recommender.database import Database
from services.recommender.ranking import Candidate
from services.recommender.songs import BATCH, SongInfo
from services.recommender.tables import PlaylistEntryRow, PlaylistRow, SongRow

MAX_ENTRIES = 10_000
"""Songs in a playlist."""


class TakenError(Exception):
    """A name or a mood belongs to another playlist."""


class NoSuchSongsError(Exception):
    """Songs of a playlist do not exist; the text names the first few."""


class PlaylistInfo(Message):
    """A playlist without its songs."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    mood: str | None
    created_at: AwareDatetime
    songs: int
    duration_s: float


@dataclass(frozen=True)
class Pinned:
    """A playlist that is pinned to a mood, with its songs that can be played, in order."""

    id: int
    name: str
    mood: str
    songs: tuple[Candidate, ...]


class PlaylistStore(Protocol):
    """Keeps playlists. Every method raises `DatabaseAwayError` while it cannot be reached."""

    async def all(self) -> list[PlaylistInfo]:
        """Return every playlist by name."""
        ...

    async def get(self, playlist_id: int) -> PlaylistInfo | None:
        """Return one playlist."""
        ...

    async def songs(self, playlist_id: int) -> list[SongInfo]:
        """Return a playlist's songs in order, missing ones included."""
        ...

    async def create(self, name: str, mood: str | None, song_ids: Sequence[int], now: datetime) -> PlaylistInfo:
        """Make a playlist; raises `TakenError` and `NoSuchSongsError`."""
        ...

    async def change(self, playlist_id: int, *, name: str, mood: str | None) -> None:
        """Rename and pin a playlist; raises `TakenError`."""
        ...

    async def arrange(self, playlist_id: int, song_ids: Sequence[int]) -> None:
        """Replace a playlist's songs; raises `NoSuchSongsError`."""
        ...

    async def delete(self, playlist_id: int) -> None:
        """Delete a playlist; its songs stay in the library."""
        ...

    async def pinned(self) -> list[Pinned]:
        """Return every playlist that is pinned to a mood."""
        ...


class SqlPlaylistStore:
    """Playlists in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[PlaylistInfo]:
        """Return every playlist by name."""
        async with self._database.session() as session:
            return await _infos(session)

    async def get(self, playlist_id: int) -> PlaylistInfo | None:
        """Return one playlist."""
        async with self._database.session() as session:
            return next(iter(await _infos(session, playlist_id)), None)

    async def songs(self, playlist_id: int) -> list[SongInfo]:
        """Return a playlist's songs in order."""
        async with self._database.session() as session:
            return [SongInfo.model_validate(row) for row in await _songs(session, playlist_id)]

    async def create(self, name: str, mood: str | None, song_ids: Sequence[int], now: datetime) -> PlaylistInfo:
        """Make a playlist."""
        async with self._database.session() as session:
            await _check_songs(session, song_ids)
            row = PlaylistRow(name=name, mood=mood, created_at=now)
            session.add(row)
            await _flush(session, name, mood)
            session.add_all(_entries(row.id, song_ids))
            await session.flush()
            return (await _infos(session, row.id))[0]

    async def change(self, playlist_id: int, *, name: str, mood: str | None) -> None:
        """Rename and pin a playlist."""
        async with self._database.session() as session:
            row = await session.get(PlaylistRow, playlist_id)
            if row:
                row.name, row.mood = name, mood
                await _flush(session, name, mood)

    async def arrange(self, playlist_id: int, song_ids: Sequence[int]) -> None:
        """Replace a playlist's songs."""
        async with self._database.session() as session:
            await _check_songs(session, song_ids)
            await session.execute(delete(PlaylistEntryRow).where(PlaylistEntryRow.playlist_id == playlist_id))
            session.add_all(_entries(playlist_id, song_ids))

    async def delete(self, playlist_id: int) -> None:
        """Delete a playlist."""
        async with self._database.session() as session:
            await session.execute(delete(PlaylistRow).where(PlaylistRow.id == playlist_id))

    async def pinned(self) -> list[Pinned]:
        """Return every playlist that is pinned to a mood."""
        async with self._database.session() as session:
            rows = (await session.scalars(select(PlaylistRow).where(PlaylistRow.mood.is_not(None)))).all()
            return [
                Pinned(
                    row.id,
                    row.name,
                    row.mood or "",
                    tuple(map(_candidate, await _songs(session, row.id, playable=True))),
                )
                for row in rows
            ]


async def _infos(session: AsyncSession, playlist_id: int | None = None) -> list[PlaylistInfo]:
    query = (
        select(PlaylistRow, func.count(SongRow.id), func.coalesce(func.sum(SongRow.duration_s), 0.0))
        .outerjoin(PlaylistEntryRow, PlaylistEntryRow.playlist_id == PlaylistRow.id)
        .outerjoin(SongRow, SongRow.id == PlaylistEntryRow.song_id)
        .group_by(PlaylistRow.id)
        .order_by(PlaylistRow.name)
    )
    if playlist_id is not None:
        query = query.where(PlaylistRow.id == playlist_id)
    return [
        PlaylistInfo(id=row.id, name=row.name, mood=row.mood, created_at=row.created_at, songs=songs, duration_s=length)
        for row, songs, length in await session.execute(query)
    ]


async def _songs(session: AsyncSession, playlist_id: int, *, playable: bool = False) -> Sequence[SongRow]:
    query = (
        select(SongRow)
        .join(PlaylistEntryRow, PlaylistEntryRow.song_id == SongRow.id)
        .where(PlaylistEntryRow.playlist_id == playlist_id)
        .order_by(PlaylistEntryRow.position)
    )
    return (await session.scalars(query.where(~SongRow.missing) if playable else query)).all()


async def _check_songs(session: AsyncSession, song_ids: Sequence[int]) -> None:
    unknown = sorted(set(song_ids))
    for start in range(0, len(set(song_ids)), BATCH):
        part = unknown[start : start + BATCH]
        known = set(await session.scalars(select(SongRow.id).where(SongRow.id.in_(part))))
        missing = [str(song_id) for song_id in part if song_id not in known]
        if missing:
            raise NoSuchSongsError(f"there is no song with the id {', '.join(missing[:5])}; see /api/songs")


async def _flush(session: AsyncSession, name: str, mood: str | None) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        if _broken(error).endswith(("uq_playlists_mood", "playlists.mood")):
            raise TakenError(f"another playlist is pinned to the mood {mood}; unpin that one first") from error
        raise TakenError(f"there is a playlist “{name}” already; choose another name") from error


def _broken(error: IntegrityError) -> str:
    """Return what was broken: PostgreSQL names the constraint, SQLite the column; neither quotes a value here."""
    named = getattr(error.orig, "diag", None)
    return str(named.constraint_name) if named else str(error.orig)


def _entries(playlist_id: int, song_ids: Sequence[int]) -> list[PlaylistEntryRow]:
    return [PlaylistEntryRow(playlist_id=playlist_id, position=place, song_id=i) for place, i in enumerate(song_ids)]


def _candidate(row: SongRow) -> Candidate:
    return Candidate(row.id, row.uri, row.title, row.artist, row.duration_s, Point(row.valence, row.arousal))
