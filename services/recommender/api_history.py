"""The history of rooms over REST: `/api/rooms/{room}/history`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, status
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from services.contracts.messages import Message, Name
from services.recommender.database import DatabaseAwayError
from services.recommender.export import MEDIA_TYPES, ExportForm, pages, written
from services.recommender.history import PlayInfo
from services.recommender.mood_history import MAX_SPANS, MoodDecision, MoodHistoryStore, MoodSpan, Resolution, offset_s
from services.recommender.records import DecisionInfo
from services.recommender.retention import EPOCH, Deleted

if TYPE_CHECKING:
    from services.recommender.service import RecommenderService

DAY = timedelta(days=1)
FINE = ((timedelta(hours=6), Resolution.MINUTE), (14 * DAY, Resolution.HOUR))
"""Up to which length of time a history comes in which resolution, where none is asked for; days beyond."""

LAST = datetime(9999, 1, 1, tzinfo=UTC)
"""The first time that is too late: no offset can carry it out of Python's years."""

HOW = "RFC 3339, such as 2026-11-21T18:00:00+01:00 or 2026-11-21T17:00:00Z."
From = Annotated[str | None, Query(alias="from", max_length=64, description=HOW)]
To = Annotated[str | None, Query(max_length=64, description=HOW)]


class History(Message):
    """What a room felt, oldest first, and what was played and decided for it, newest first; all times in UTC."""

    start: AwareDatetime
    end: AwareDatetime
    resolution: Resolution
    moods: list[MoodSpan]
    """The spans of which something is known; none where the resolution is `raw`."""
    mood_decisions: list[MoodDecision]
    """Every decision about the mood, where the resolution is `raw`."""
    next: str | None
    """Where the moods go on, if these are not all."""
    plays: list[PlayInfo]
    decisions: list[DecisionInfo]
    """Requests to the player."""


def add_history(router: APIRouter, service: "RecommenderService") -> None:
    """Add the routes."""
    _add_reading(router, service)
    _add_export(router, service)
    _add_deletion(router, service)


def _add_reading(router: APIRouter, service: "RecommenderService") -> None:
    @router.get("/api/rooms/{room}/history")
    async def history(
        room: Name,
        *,
        from_: From = None,
        to: To = None,
        resolution: Resolution | None = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> History:
        """Return the moods of a time, and the last plays and requests in it, `limit` of each.

        Without `from` it is the 24 hours before `to`, and without `to` those up to now.

        Moods come per `minute`, `hour` or `day`, or as every decision (`raw`); hours and days begin as they do in the
        time zone of `from`. There are at most 1,500 in an answer: `next` is where it goes on.
        """
        await _known(service, room)
        end = _time(to, "to") or _after_now(service)
        start = _time(from_, "from") or max(end - DAY, EPOCH)
        _check(start, end)
        resolution = resolution or _fitting(end - start)
        page = await _moods(service.chronicle.moods, room, start, end, resolution=resolution, after=after)
        return History(
            start=start.astimezone(UTC),
            end=end.astimezone(UTC),
            resolution=resolution,
            moods=page.spans,
            mood_decisions=page.decisions,
            next=_link(room, end, resolution, page) if page.next else None,
            plays=await service.history.plays(room, limit, start=start, end=end),
            decisions=await service.history.decisions(room, limit, start=start, end=end),
        )


def _add_export(router: APIRouter, service: "RecommenderService") -> None:
    @router.get("/api/rooms/{room}/history/export")
    async def export(
        room: Name,
        form: Annotated[ExportForm, Query(alias="format")] = ExportForm.CSV,
        from_: From = None,
        to: To = None,
        resolution: Resolution = Resolution.RAW,
    ) -> StreamingResponse:
        """Return the moods of a time (all that are kept) as a file: every decision, or per minute, hour or day."""
        await _known(service, room)
        start, end = _time(from_, "from") or EPOCH, _time(to, "to") or _after_now(service)
        _check(start, end)
        rows = pages(service.chronicle.moods, room, start, end, resolution)
        first: Sequence[MoodDecision | MoodSpan] = await anext(rows, [])
        name = f"moodring-{room}-{resolution}.{form}"
        return StreamingResponse(
            written(first, rows, form, room, resolution),
            media_type=MEDIA_TYPES[form],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _add_deletion(router: APIRouter, service: "RecommenderService") -> None:
    @router.delete("/api/rooms/{room}/history")
    async def delete(room: Name, from_: From = None, to: To = None) -> Deleted:
        """Delete what a room felt, played and was sent from `from` until before `to`, for good.

        Minutes go as a whole. What the room thinks of songs (`…/feedback`) stays.
        """
        await _known(service, room)
        start, end = _time(from_, "from"), _time(to, "to")
        if start is None or end is None:
            _refuse("say from when to when the history is to be deleted: `from` and `to`")
        _check(start, end)
        try:
            return await service.forget(room, start, end)
        except DatabaseAwayError as error:
            raise DatabaseAwayError(f"{error}; the history is not deleted, or not all of it") from error


async def _known(service: "RecommenderService", room: str) -> None:
    """Refuse a room that there is none of and never was: a name that was misspelt. One that is gone can be read.

    Raises:
        HTTPException: 404.
    """
    if (unknown := service.rooms.unknown(room)) and not await service.chronicle.moods.knows(room):
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(unknown))


@dataclass(frozen=True)
class _Page:
    """Moods, from when on there are more, and after which of the decisions at that time."""

    spans: list[MoodSpan]
    decisions: list[MoodDecision]
    next: datetime | None
    after: UUID | None = None


async def _moods(
    store: MoodHistoryStore, room: str, start: datetime, end: datetime, *, resolution: Resolution, after: UUID | None
) -> _Page:
    if resolution is Resolution.RAW:
        found = await store.decisions(room, start, end, after=after, limit=MAX_SPANS)
        full = len(found) == MAX_SPANS
        return _Page([], found, found[-1].decided_at, found[-1].decision_id) if full else _Page([], found, None)
    spans, following = await store.spans(room, start, end, width_s=resolution.seconds, offset_s=offset_s(start))
    return _Page(spans, [], following.astimezone(start.tzinfo) if following else None)


def _link(room: str, end: datetime, resolution: Resolution, page: _Page) -> str:
    query = {"from": page.next, "to": end, "resolution": resolution, "after": page.after}
    return f"/api/rooms/{room}/history?" + urlencode({key: _text(value) for key, value in query.items() if value})


def _after_now(service: "RecommenderService") -> datetime:
    return datetime.fromtimestamp(service.clock(), UTC) + timedelta.resolution


def _time(text: str | None, name: str) -> datetime | None:
    """Return a time that was given; a `+` that became a space in the address counts as one.

    Raises:
        HTTPException: 422.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(re.sub(r"(T.*) (\d\d:\d\d)$", r"\1+\2", text.strip().upper()))
    except ValueError:
        _refuse(f"`{name}` is {text!r}, which is no time; write it as 2026-11-21T18:00:00Z")
    if at.tzinfo is None:
        _refuse(f"`{name}` is {text!r}, a time without its zone; add Z for UTC, or an offset such as +01:00")
    if not EPOCH <= at < LAST:
        _refuse(f"`{name}` is {text!r}; the years from 1970 to 9998 can be asked for")
    return at


def _check(start: datetime, end: datetime) -> None:
    if start >= end:
        _refuse(f"the time ends ({_text(end)}) before it begins ({_text(start)}); `from` has to be earlier than `to`")


def _fitting(length: timedelta) -> Resolution:
    return next((resolution for longest, resolution in FINE if length <= longest), Resolution.DAY)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _refuse(problem: str) -> NoReturn:
    raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, problem)
