"""Hours of the day by the clock on the wall, such as `22:00-07:00, 12:30-13:30`. Pure.

Only what the clock shows counts, so that a change to or from summer time needs no rule of its own: a window lasts an
hour less or more that night, and one that begins in the hour that is left out begins when the clock has gone past it.
"""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

ALWAYS = "always"
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DAY = 24 * 60


class _Span(NamedTuple):
    """Minutes since midnight; one that ends before it begins goes past midnight."""

    start: int
    end: int


def _spans(hours: str) -> Iterator[_Span]:
    for part in filter(None, (each.strip() for each in hours.split(","))):
        found = _SPAN.fullmatch("00:00-24:00" if part == ALWAYS else part)
        if found is None:
            raise ValueError(f"{part!r} is not a time such as 22:00-07:00, or {ALWAYS!r}")
        start, end = (60 * int(found[at]) + int(found[at + 1]) for at in (1, 3))
        if int(found[2]) > 59 or int(found[4]) > 59 or start >= _DAY or end > _DAY:  # noqa: PLR2004 -- minutes of an hour
            raise ValueError(f"{part!r} is not within a day, 00:00 to 24:00")
        if start == end:
            raise ValueError(f"{part!r} is no time at all; the whole day is 00:00-24:00")
        yield _Span(start, end)


def _checked(hours: str) -> str:
    list(_spans(hours))
    return hours


def _known(zone: str) -> str:
    try:
        _ = ZoneInfo(zone) if zone else None
    except (OSError, ValueError, KeyError) as error:  # not found, or no name of a zone at all
        raise ValueError("there is no such time zone here; it has to be one such as Europe/Berlin") from error
    return zone


Hours = Annotated[str, AfterValidator(_checked)]
"""Spans with commas between, `always`, or nothing for never."""
Zone = Annotated[str, AfterValidator(_known)]
"""A time zone of the IANA database; that of this machine where it is empty."""


def on_the_wall(at: float, zone: str) -> datetime:
    """Return what the clock on the wall of a zone shows at a time in seconds since 1970, without the zone."""
    return datetime.fromtimestamp(at, ZoneInfo(zone) if zone else None).replace(tzinfo=None)


def window(hours: str, shown: datetime) -> datetime | None:
    """Return when the window that we are in began, by the same clock; `None` where we are in none.

    Args:
        hours: The hours.
        shown: What the clock on the wall shows.
    """
    midnight = datetime.combine(shown.date(), time())
    minute = 60 * shown.hour + shown.minute
    for start, end in _spans(hours):
        over_midnight = end < start
        if start <= minute and (minute < end or over_midnight):
            return midnight + timedelta(minutes=start)
        if over_midnight and minute < end:
            return midnight - timedelta(days=1) + timedelta(minutes=start)
    return None
