"""The library: songs and their points on the plane.

`SongStore` is the port; `SqlSongStore` is its one adapter. Over an SQLite file it is also the in-process double:
the contract tests run it on SQLite and on PostgreSQL.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pydantic import AwareDatetime, ConfigDict
from sqlalchemy import ColumnElement, func, select, update

from services.contracts.messages import Axis, Message
from services.contracts.moods import Point
from services.recommender.database import Database
from services.recommender.ranking import Candidate
from services.recommender.tables import SongRow

MAX_CANDIDATES = 50_000
"""Songs held in memory for ranking, some 20 MB; a larger library is sampled anew at every load."""
BATCH = 500
"""Rows a statement handles: below the number of parameters that any database takes."""


class PlacedBy(StrEnum):
    """Where a song's point comes from, the surest first; `nothing` is the origin of the plane."""

    HAND = "hand"
    TAGS = "tags"
    FOLDER = "folder"
    GENRE = "genre"
    NOTHING = "nothing"


class SongInfo(Message):
    """A song as REST shows it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    uri: str
    title: str
    artist: str
    album: str
    duration_s: float | None
    valence: Axis
    arousal: Axis
    placed_by: PlacedBy
    mood: str | None
    source: str
    added_at: AwareDatetime
    missing: bool


def candidate(song: SongInfo) -> Candidate:
    """Return a song as ranking sees it."""
    point, placed = Point(song.valence, song.arousal), song.placed_by is not PlacedBy.NOTHING
    return Candidate(song.id, song.uri, song.title, song.artist, song.duration_s, point, placed)


@dataclass(frozen=True)
class FoundSong:
    """What an importer knows of a song; `stamp` changes when the file does."""

    uri: str
    stamp: str
    title: str
    artist: str = ""
    album: str = ""
    duration_s: float | None = None
    valence: float = 0.0
    arousal: float = 0.0
    placed_by: PlacedBy = PlacedBy.NOTHING
    mood: str | None = None


class SongStore(Protocol):
    """Keeps the library. Every method raises `DatabaseAwayError` while it cannot be reached."""

    async def candidates(self) -> list[Candidate]:
        """Return the songs that can be played, `MAX_CANDIDATES` at most."""
        ...

    async def search(
        self, query: str, mood: str | None, limit: int, offset: int, near: Point | None = None
    ) -> tuple[list[SongInfo], int]:
        """Return a page of songs by artist and title, or the nearest to a point first, and how many there are in all.

        Every word of `query` stands in title, artist or album, whatever its case.
        """
        ...

    async def get(self, song_id: int) -> SongInfo | None:
        """Return one song."""
        ...

    async def change(self, song_id: int, changes: dict[str, Any]) -> SongInfo | None:
        """Set columns of one song and return it; `None` where there is no such song."""
        ...

    async def put(self, source: str, found: Sequence[FoundSong], now: datetime) -> None:
        """Add new songs and update known ones by uri; a point set by hand is kept."""
        ...

    async def stamps(self, source: str) -> dict[str, str]:
        """Return the stamp of every song of a source that is not missing, by uri."""
        ...

    async def mark_missing(self, source: str, uris: Sequence[str]) -> None:
        """Say that the files of these songs are gone; `put` brings them back."""
        ...


class SqlSongStore:
    """The library in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def candidates(self) -> list[Candidate]:
        """Return the songs that can be played."""
        columns = (
            SongRow.id, SongRow.uri, SongRow.title, SongRow.artist, SongRow.duration_s,
            SongRow.valence, SongRow.arousal, SongRow.placed_by,
        )  # fmt: skip
        query = select(*columns).where(~SongRow.missing).order_by(func.random()).limit(MAX_CANDIDATES)
        found: list[Candidate] = []
        async with self._database.session() as session:
            result = await session.stream(query)
            async for rows in result.partitions(BATCH):  # a large library must not stop the loop
                found += (
                    Candidate(*row[:5], point=Point(row.valence, row.arousal), placed=row.placed_by != PlacedBy.NOTHING)
                    for row in rows
                )
        return sorted(found, key=lambda song: song.id)

    async def search(
        self, query: str, mood: str | None, limit: int, offset: int, near: Point | None = None
    ) -> tuple[list[SongInfo], int]:
        """Return a page of songs and how many there are."""
        wanted: list[ColumnElement[bool]] = [
            SongRow.search.contains(word, autoescape=True) for word in query.casefold().split()
        ]
        if mood is not None:
            wanted.append(SongRow.mood == mood)
        order: tuple[Any, ...] = (SongRow.artist, SongRow.title, SongRow.id)
        if near is not None:
            across, up = SongRow.valence - near.valence, SongRow.arousal - near.arousal
            order = (across * across + up * up, *order)
            wanted.append(~SongRow.missing)
        page = select(SongRow).where(*wanted).order_by(*order)
        async with self._database.session() as session:
            total = await session.scalar(select(func.count()).select_from(SongRow).where(*wanted))
            rows = await session.scalars(page.limit(limit).offset(offset))
            return [SongInfo.model_validate(row) for row in rows], total or 0

    async def get(self, song_id: int) -> SongInfo | None:
        """Return one song."""
        async with self._database.session() as session:
            row = await session.get(SongRow, song_id)
            return SongInfo.model_validate(row) if row else None

    async def change(self, song_id: int, changes: dict[str, Any]) -> SongInfo | None:
        """Set columns of one song."""
        async with self._database.session() as session:
            row = await session.get(SongRow, song_id)
            if row is None:
                return None
            for column, value in changes.items():
                setattr(row, column, value)
            row.search = _search_text(row.title, row.artist, row.album)
            return SongInfo.model_validate(row)

    async def put(self, source: str, found: Sequence[FoundSong], now: datetime) -> None:
        """Add new songs and update known ones."""
        for start in range(0, len(found), BATCH):
            songs = {song.uri: song for song in found[start : start + BATCH]}
            async with self._database.session() as session:
                known = await session.scalars(select(SongRow).where(SongRow.uri.in_(songs)))
                for row in known:
                    _refresh(row, source, songs.pop(row.uri))
                session.add_all(_new_row(source, song, now) for song in songs.values())

    async def stamps(self, source: str) -> dict[str, str]:
        """Return the stamps of a source's songs."""
        query = select(SongRow.uri, SongRow.stamp).where(SongRow.source == source, ~SongRow.missing)
        async with self._database.session() as session:
            return {row.uri: row.stamp for row in await session.execute(query)}

    async def mark_missing(self, source: str, uris: Sequence[str]) -> None:
        """Say that files are gone."""
        for start in range(0, len(uris), BATCH):
            gone = (SongRow.source == source) & SongRow.uri.in_(uris[start : start + BATCH])
            async with self._database.session() as session:
                await session.execute(update(SongRow).where(gone).values(missing=True))


def _new_row(source: str, song: FoundSong, now: datetime) -> SongRow:
    search = _search_text(song.title, song.artist, song.album)
    return SongRow(**asdict(song), source=source, search=search, added_at=now, missing=False)


def _refresh(row: SongRow, source: str, song: FoundSong) -> None:
    by_hand = {"valence", "arousal", "placed_by", "mood"} if row.placed_by == PlacedBy.HAND else set()
    for column, value in asdict(song).items():
        if column not in by_hand:
            setattr(row, column, value)
    row.source = source
    row.missing = False
    row.search = _search_text(song.title, song.artist, song.album)


def _search_text(*texts: str) -> str:
    return " ".join(texts).casefold()
