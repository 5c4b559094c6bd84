"""The moods a room had: every decision, and means over minutes, hours and days."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict
from sqlalchemy import Integer, Select, and_, func, literal_column, or_, select

from services.contracts.messages import Message
from services.contracts.moods import NOBODY, UNKNOWN
from services.recommender.database import Database
from services.recommender.minutes import MINUTE_S, Minute
from services.recommender.tables import MoodDecisionRow, MoodMinuteRow

MAX_SPANS = 1500
"""Spans in an answer: a day of minutes."""

MAX_AT_ONCE_S = 7 * 24 * 3600
"""Length of time that one query adds up, so that nobody else waits long for the database."""


class Resolution(StrEnum):
    """What a history is made of: every decision, or one span per minute, hour or day."""

    RAW = "raw"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """The length of a span; 0 for decisions, which have none."""
        return {"raw": 0, "minute": MINUTE_S, "hour": 60 * MINUTE_S, "day": 24 * 60 * MINUTE_S}[self]


class MoodDecision(Message):
    """A mood that was decided for a room."""

    model_config = ConfigDict(from_attributes=True)

    decision_id: UUID
    room: str
    decided_at: AwareDatetime
    mood: str
    confidence: float
    distribution: dict[str, float]
    valence: float
    arousal: float
    people: int
    samples: int
    source: str


class MoodSpan(Message):
    """A minute, hour or day of a room, as far as its moods were known."""

    start: AwareDatetime
    seconds: float
    """How much of it is known."""
    mood: str
    """What stood longest."""
    shares: dict[str, float]
    """Of the known time, by mood; the sum is 1."""
    valence: float | None
    """The mean over the time of a clear mood, null without any; as `arousal` and `confidence`."""
    arousal: float | None
    confidence: float | None
    people: int
    """At most."""
    samples: int
    """Observations of faces, as far as the moods tell: those of each window, by its length."""


def offset_s(at: datetime) -> int:
    """Return how far the clocks of a time's zone are ahead of UTC; whole seconds."""
    return int((at.utcoffset() or timedelta()).total_seconds())


MoodRecord = MoodDecision | Minute
"""What is written down; writing the same twice changes nothing."""


class MoodHistoryStore(Protocol):
    """Keeps the moods of rooms. Every method raises `DatabaseAwayError` while the database cannot be reached."""

    async def record(self, record: MoodRecord) -> None:
        """Write something down, once however often it comes."""
        ...

    async def decisions(
        self, room: str, start: datetime, end: datetime, *, after: UUID | None, limit: int
    ) -> list[MoodDecision]:
        """Return decisions from `start` until before `end`, oldest first.

        Args:
            room: The room.
            start: From when on.
            end: Until before.
            after: Of those at `start`, only the ones that follow this one.
            limit: How many, at most.
        """
        ...

    async def spans(
        self, room: str, start: datetime, end: datetime, *, width_s: int, offset_s: int = 0
    ) -> tuple[list[MoodSpan], datetime | None]:
        """Return the spans of which something is known, oldest first, and where to go on when there are more.

        Args:
            room: The room.
            start: From the span on in which this lies.
            end: Until before.
            width_s: The length of a span, in seconds.
            offset_s: How far the clocks of the caller are ahead of UTC: where hours and days begin.
        """
        ...

    async def knows(self, room: str) -> bool:
        """Whether anything is written down of a room."""
        ...


class _Sum(NamedTuple):
    """What a mood amounts to in a span; `valence`, `arousal` and `confidence` times seconds."""

    bucket: int
    mood: str
    seconds: float
    valence: float
    arousal: float
    confidence: float
    people: int
    samples: float


class SqlMoodHistoryStore:
    """The moods in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, record: MoodRecord) -> None:
        """Write something down once."""
        async with self._database.session() as session:
            if isinstance(record, Minute):
                for held in record.held:
                    row = MoodMinuteRow(room=record.room, started_at=record.started_at, **held.__dict__)
                    await session.merge(row)
            elif await session.get(MoodDecisionRow, record.decision_id) is None:
                session.add(MoodDecisionRow(**record.model_dump()))

    async def decisions(
        self, room: str, start: datetime, end: datetime, *, after: UUID | None, limit: int
    ) -> list[MoodDecision]:
        """Return decisions."""
        row = MoodDecisionRow
        first = row.decided_at >= start
        if after is not None:
            first = or_(row.decided_at > start, and_(row.decided_at == start, row.decision_id > after))
        query = select(row).where(row.room == room, first, row.decided_at < end)
        query = query.order_by(row.decided_at, row.decision_id).limit(limit)
        async with self._database.session() as session:
            return [MoodDecision.model_validate(found) for found in await session.scalars(query)]

    async def spans(
        self, room: str, start: datetime, end: datetime, *, width_s: int, offset_s: int = 0
    ) -> tuple[list[MoodSpan], datetime | None]:
        """Return spans."""

        def begin(at_s: float) -> int:
            return int((at_s + offset_s) // width_s * width_s) - offset_s

        low, high = begin(start.timestamp()), end.timestamp()
        found: list[MoodSpan] = []
        while (first := await self._first(room, low, high)) is not None and len(found) < MAX_SPANS:
            low = begin(first)
            spans = min(MAX_SPANS - len(found), MAX_AT_ONCE_S // width_s)
            query = _sums(room, low, min(high, low + spans * width_s), width_s, offset_s)
            async with self._database.session() as session:
                sums = [_Sum(*row) for row in await session.execute(query)]
            found += [
                _span(_utc(bucket * width_s - offset_s), list(moods))
                for bucket, moods in groupby(sums, lambda one: one.bucket)
            ]
            low += spans * width_s
        return found, None if first is None else _utc(begin(first))

    async def knows(self, room: str) -> bool:
        """Whether anything is written down."""
        rooms = (MoodDecisionRow.room, MoodMinuteRow.room)
        async with self._database.session() as session:
            return any([await session.scalar(select(column).where(column == room).limit(1)) for column in rooms])

    async def _first(self, room: str, low: float, high: float) -> int | None:
        at = MoodMinuteRow.started_at
        query = select(func.min(at)).where(MoodMinuteRow.room == room, at >= low, at < high)
        async with self._database.session() as session:
            return await session.scalar(query)


def _sums(room: str, low: float, high: float, width_s: int, offset_s: int) -> Select[Any]:
    """Return the query for the columns of `_Sum`, in order."""
    row = MoodMinuteRow
    bucket: Any = (row.started_at + literal_column(str(int(offset_s)), Integer)) // literal_column(
        str(int(width_s)), Integer
    )
    pieces = (
        select(
            bucket.label("bucket"), row.mood, row.seconds, row.people, row.samples,
            *((row.seconds * mean).label(mean.key) for mean in (row.valence, row.arousal, row.confidence)),
        )
        .where(row.room == room, row.started_at >= low, row.started_at < high)
        .subquery()
    ).c  # fmt: skip
    sums = (func.sum(pieces[name]) for name in ("seconds", "valence", "arousal", "confidence"))
    return (
        select(pieces.bucket, pieces.mood, *sums, func.max(pieces.people), func.sum(pieces.samples))
        .group_by(pieces.bucket, pieces.mood)
        .order_by(pieces.bucket, pieces.mood)
    )


def _span(start: datetime, sums: Sequence[_Sum]) -> MoodSpan:
    known_s = sum(one.seconds for one in sums)
    clear = [one for one in sums if one.mood not in {UNKNOWN, NOBODY}]
    clear_s = sum(one.seconds for one in clear)

    def mean(parts: Iterable[float]) -> float | None:
        return round(sum(parts) / clear_s, 4) if clear_s else None

    return MoodSpan(
        start=start,
        seconds=round(known_s, 1),
        mood=max(sums, key=lambda one: one.seconds).mood,
        shares={one.mood: round(one.seconds / known_s, 4) for one in sums},
        valence=mean(one.valence for one in clear),
        arousal=mean(one.arousal for one in clear),
        confidence=mean(one.confidence for one in clear),
        people=max(one.people for one in sums),
        samples=round(sum(one.samples for one in sums)),
    )


def _utc(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
