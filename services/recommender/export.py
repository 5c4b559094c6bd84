"""A room's moods as a file, CSV (RFC 4180) or JSON, page by page: memory does not grow with its length."""

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.recommender.mood_history import MAX_SPANS, MoodDecision, MoodHistoryStore, MoodSpan, Resolution, offset_s

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text that begins so may be run by a spreadsheet (OWASP, "CSV injection")."""

Row = MoodDecision | MoodSpan


class ExportForm(StrEnum):
    """The forms of a file."""

    CSV = "csv"
    JSON = "json"


MEDIA_TYPES = {ExportForm.CSV: "text/csv; charset=utf-8", ExportForm.JSON: "application/json"}


async def pages(
    store: MoodHistoryStore, room: str, start: datetime, end: datetime, resolution: Resolution
) -> AsyncIterator[Sequence[Row]]:
    """Yield all rows of a time, a page at a time; each is a transaction of its own, so a slow reader holds none.

    Raises:
        DatabaseAwayError: The rest cannot be read.
    """
    if resolution is Resolution.RAW:
        after = None
        while decisions := await store.decisions(room, start, end, after=after, limit=MAX_SPANS):
            yield decisions
            start, after = decisions[-1].decided_at, decisions[-1].decision_id
        return
    following: datetime | None = start
    while following:
        spans, following = await store.spans(room, following, end, width_s=resolution.seconds, offset_s=offset_s(start))
        yield spans


async def written(
    first: Sequence[Row], rest: AsyncIterator[Sequence[Row]], form: ExportForm, room: str, resolution: Resolution
) -> AsyncIterator[str]:
    """Yield the text of a file.

    Args:
        first: The first page: read before the answer began, so that a database that is away is an error of its own.
        rest: Further pages.
        form: CSV or JSON.
        room: Said in JSON's head, and in each row of CSV.
        resolution: What the rows are.
    """
    kind = MoodDecision if resolution is Resolution.RAW else MoodSpan
    columns = list(dict.fromkeys((*kind.model_fields, "room")))
    head = json.dumps({"room": room, "resolution": resolution})
    yield _csv([columns]) if form is ExportForm.CSV else head[:-1] + ', "moods": ['
    joint = "\n"
    async for page in _chain(first, rest):
        if form is ExportForm.CSV:
            values = [(row.model_dump(mode="json") | {"room": room}).values() for row in page]
            yield _csv([[cell(value) for value in row] for row in values])
        elif page:
            yield joint + ",\n".join(row.model_dump_json() for row in page)
            joint = ",\n"
    if form is ExportForm.JSON:
        yield "\n]}\n"


def cell(value: Any) -> str | int | float:
    """Return a value as a spreadsheet may have it: a text that would be a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(rows: Sequence[Sequence[str | int | float]]) -> str:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


async def _chain(first: Sequence[Row], rest: AsyncIterator[Sequence[Row]]) -> AsyncIterator[Sequence[Row]]:
    yield first
    async for page in rest:
        yield page
