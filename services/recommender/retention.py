"""Deletes history: what is too old, and what a person does not want kept. In batches, so that nobody waits long."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, func, inspect, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from services.contracts.messages import Message
from services.recommender.database import Database
from services.recommender.minutes import whole_minutes
from services.recommender.tables import Base, DecisionRow, MoodDecisionRow, MoodMinuteRow, PlayRow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Before everything."""
BATCH = 1000
"""Rows deleted in one transaction."""


class Deleted(Message):
    """How many rows went; judgements of songs are no history and stay."""

    mood_decisions: int
    mood_minutes: int
    decisions: int
    plays: int


async def delete_history(database: Database, start: datetime, end: datetime, room: str | None = None) -> Deleted:
    """Delete what happened from `start` until before `end`.

    A minute goes as a whole, also where only a part of it lies in that time.

    Args:
        database: The database.
        start: From when on.
        end: Until before.
        room: Of which room; of all without it.

    Raises:
        DatabaseAwayError: A part may have been deleted; do it again.
    """

    async def gone(row: type[Base], at: InstrumentedAttribute[Any], low: Any, high: Any) -> int:
        where = [at >= low, at < high]
        if room is not None:
            where.append(row.__table__.c.room == room)
        return await _delete(database, row, where)

    return Deleted(
        mood_decisions=await gone(MoodDecisionRow, MoodDecisionRow.decided_at, start, end),
        mood_minutes=await gone(MoodMinuteRow, MoodMinuteRow.started_at, *whole_minutes(start, end)),
        decisions=await gone(DecisionRow, DecisionRow.decided_at, start, end),
        plays=await gone(PlayRow, PlayRow.started_at, start, end),
    )


async def newest(database: Database) -> datetime | None:
    """Return when the last of what is kept happened; `None` where nothing is.

    Raises:
        DatabaseAwayError: It cannot be asked.
    """
    columns = (MoodDecisionRow.decided_at, MoodMinuteRow.started_at, DecisionRow.decided_at, PlayRow.started_at)
    async with database.session() as session:
        found: list[Any] = [(await session.execute(select(func.max(at)))).scalar() for at in columns]
    times = [one if isinstance(one, datetime) else datetime.fromtimestamp(one, UTC) for one in found if one]
    return max(times, default=None)


async def _delete(database: Database, row: type[Base], where: list[ColumnElement[bool]]) -> int:
    """Delete rows batch by batch; return how many."""
    key = inspect(row).primary_key
    batch = select(*key).where(*where).limit(BATCH)
    total = 0
    while True:
        async with database.session() as session:
            done = await session.execute(
                delete(row).where(tuple_(*key).in_(batch)), execution_options={"synchronize_session": False}
            )
            count = done.rowcount if isinstance(done, CursorResult) else 0
        total += count
        if count < BATCH:
            return total
