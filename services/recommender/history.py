"""The history of plays, decisions and judgements, and what a room's taste follows from.

`HistoryStore` is the port; `SqlHistoryStore` is its one adapter, over both databases.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict
from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.messages import Message
from services.recommender.database import Database
from services.recommender.ranking import taste
from services.recommender.records import DecisionInfo, Ended, Judgement, Record, Started
from services.recommender.tables import DecisionRow, FeedbackRow, PlayRow, SongRow


class PlayInfo(Message):
    """A song that started, and how it ended; what is not known yet is null."""

    model_config = ConfigDict(from_attributes=True)

    play_id: UUID
    room: str
    song_id: int
    title: str
    artist: str
    decision_id: UUID | None
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    heard_s: float | None
    skipped: bool | None
    liked: bool | None


class HistoryStore(Protocol):
    """Keeps the history. Every method raises `DatabaseAwayError` while it cannot be reached."""

    async def record(self, record: Record) -> None:
        """Write something down, once however often it comes; what is about an unknown song is dropped."""
        ...

    async def plays(self, room: str, limit: int, *, start: datetime, end: datetime) -> list[PlayInfo]:
        """Return a room's last plays, newest first, of those that started from `start` until before `end`."""
        ...

    async def decisions(self, room: str, limit: int, *, start: datetime, end: datetime) -> list[DecisionInfo]:
        """Return a room's last decisions, newest first, from `start` until before `end`."""
        ...

    async def judgements(self, room: str) -> list[Judgement]:
        """Return the judgement that counts of every song a room judged, newest first."""
        ...

    async def tastes(self, room: str) -> dict[int, float]:
        """Return what a room's experience adds to the score of songs, by id."""
        ...


class SqlHistoryStore:
    """The history in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, record: Record) -> None:
        """Write something down once."""
        async with self._database.session() as session:
            match record:
                case DecisionInfo():
                    await session.merge(DecisionRow(**record.model_dump()))
                case Started():
                    await _start(session, record)
                case Ended(started, skipped, heard_s, at):
                    play = await _start(session, started)
                    if play:
                        play.ended_at, play.skipped, play.heard_s = at, skipped, heard_s
                case Judgement():
                    await _judge(session, record)

    async def plays(self, room: str, limit: int, *, start: datetime, end: datetime) -> list[PlayInfo]:
        """Return a room's last plays."""
        query = select(PlayRow, SongRow.title, SongRow.artist).join(SongRow, SongRow.id == PlayRow.song_id)
        query = query.where(PlayRow.room == room, PlayRow.started_at >= start, PlayRow.started_at < end)
        query = query.order_by(PlayRow.started_at.desc())
        async with self._database.session() as session:
            return [
                PlayInfo.model_validate({**row.__dict__, "title": title, "artist": artist}, extra="ignore")
                for row, title, artist in await session.execute(query.limit(limit))
            ]

    async def decisions(self, room: str, limit: int, *, start: datetime, end: datetime) -> list[DecisionInfo]:
        """Return a room's last decisions."""
        at = DecisionRow.decided_at
        query = select(DecisionRow).where(DecisionRow.room == room, at >= start, at < end).order_by(at.desc())
        async with self._database.session() as session:
            return [DecisionInfo.model_validate(row) for row in await session.scalars(query.limit(limit))]

    async def judgements(self, room: str) -> list[Judgement]:
        """Return the judgements that count."""
        async with self._database.session() as session:
            return [Judgement.model_validate(row) for row in await _latest(session, room)]

    async def tastes(self, room: str) -> dict[int, float]:
        """Return what experience adds to scores."""
        counts = (
            select(PlayRow.song_id, *(func.sum(case((PlayRow.skipped.is_(how), 1), else_=0)) for how in (True, False)))
            .where(PlayRow.room == room)
            .group_by(PlayRow.song_id)
        )
        async with self._database.session() as session:
            liked = {row.song_id: row.liked for row in await _latest(session, room)}
            played = {song_id: (skipped, finished) for song_id, skipped, finished in await session.execute(counts)}
        return {
            song_id: shift
            for song_id in liked.keys() | played.keys()
            if (shift := _taste(liked.get(song_id), *played.get(song_id, (0, 0))))
        }


def _taste(liked: bool | None, skipped: int, finished: int) -> float:
    return taste(liked=liked, skipped=skipped, finished=finished)


async def _start(session: AsyncSession, started: Started) -> PlayRow | None:
    play = await session.get(PlayRow, started.play_id)
    if play is None and await session.get(SongRow, started.song_id) is not None:
        play = PlayRow(
            play_id=started.play_id, room=started.room, song_id=started.song_id,
            decision_id=started.decision_id, started_at=started.at,
        )  # fmt: skip
        session.add(play)
    return play


async def _judge(session: AsyncSession, judgement: Judgement) -> None:
    if await session.get(SongRow, judgement.song_id):
        await session.merge(FeedbackRow(**judgement.model_dump(exclude={"play_id"})))
        play = await session.get(PlayRow, judgement.play_id) if judgement.play_id else None
        if play:
            play.liked = judgement.liked


async def _latest(session: AsyncSession, room: str) -> Sequence[FeedbackRow]:
    newest = (
        select(FeedbackRow.song_id, func.max(FeedbackRow.given_at).label("given_at"))
        .where(FeedbackRow.room == room)
        .group_by(FeedbackRow.song_id)
        .subquery()
    )
    query = (
        select(FeedbackRow)
        .join(newest, (FeedbackRow.song_id == newest.c.song_id) & (FeedbackRow.given_at == newest.c.given_at))
        .where(FeedbackRow.room == room)
        .order_by(FeedbackRow.given_at.desc())
    )
    return (await session.scalars(query)).all()
