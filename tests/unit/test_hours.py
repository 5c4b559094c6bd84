"""Hours of the day by the clock on the wall, over midnight and over the change to and from summer time."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from services.runtime.hours import Hours, Zone, on_the_wall, window

NIGHT = "22:00-07:00"


@pytest.mark.parametrize(
    ("hours", "time", "began"),
    [
        (NIGHT, "27 21:59", None), (NIGHT, "27 22:00", "27 22:00"), (NIGHT, "27 23:59", "27 22:00"),
        (NIGHT, "28 00:00", "27 22:00"), (NIGHT, "28 06:59", "27 22:00"), (NIGHT, "28 07:00", None),
        ("9:00-17:30", "27 09:00", "27 09:00"), ("9:00-17:30", "27 17:30", None),
        ("12:00-13:00, 22:00-7:00", "27 12:30", "27 12:00"), ("12:00-13:00, 22:00-7:00", "27 06:00", "26 22:00"),
        ("always", "27 00:00", "27 00:00"), ("00:00-24:00", "27 23:59", "27 00:00"), ("", "27 12:00", None),
    ],
)  # fmt: skip
def test_a_window_begins_and_ends_by_the_clock(hours: str, time: str, began: str | None) -> None:
    def day(text: str) -> datetime:
        return datetime.strptime(f"2026-11-{text}", "%Y-%m-%d %H:%M")  # noqa: DTZ007 -- a clock on the wall

    assert window(hours, day(time)) == (day(began) if began else None)


def inside(hours: str, utc: str) -> bool:
    at = datetime.strptime(utc, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()
    return window(hours, on_the_wall(at, "Europe/Berlin")) is not None


@pytest.mark.parametrize(
    ("hours", "utc", "closed"),
    [
        # In winter the night begins at 21:00 UTC, in summer at 20:00.
        (NIGHT, "2026-01-15 20:59", False), (NIGHT, "2026-01-15 21:00", True), (NIGHT, "2026-01-16 06:00", False),
        (NIGHT, "2026-07-15 19:59", False), (NIGHT, "2026-07-15 20:00", True), (NIGHT, "2026-07-16 05:00", False),
        # 29 March: 2:00 becomes 3:00, so the night ends at 5:00 UTC after eight hours.
        (NIGHT, "2026-03-29 04:59", True), (NIGHT, "2026-03-29 05:00", False),
        # What begins in the hour that is left out begins at 3:00.
        ("02:30-04:00", "2026-03-29 00:59", False), ("02:30-04:00", "2026-03-29 01:00", True),
        # 25 October: 3:00 becomes 2:00, so the night ends at 6:00 UTC after ten hours, and 2:30 comes twice.
        (NIGHT, "2026-10-25 05:59", True), (NIGHT, "2026-10-25 06:00", False),
        ("02:30-02:45", "2026-10-25 00:30", True), ("02:30-02:45", "2026-10-25 01:00", False),
        ("02:30-02:45", "2026-10-25 01:30", True),
    ],
)  # fmt: skip
def test_summer_time_moves_the_window_with_the_clock(hours: str, utc: str, closed: bool) -> None:
    assert inside(hours, utc) is closed


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ("night", "not a time such as 22:00-07:00"), ("22-7", "not a time"), ("22:00", "not a time"),
        ("25:00-07:00", "not within a day"), ("22:60-23:00", "not within a day"), ("24:00-07:00", "not within a day"),
        ("07:00-07:00", "no time at all"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_said(hours: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(Hours).validate_python(hours)


@pytest.mark.parametrize("zone", ["Atlantis", "../etc/passwd", "Europe"])
def test_a_zone_that_is_not_there_is_said(zone: str) -> None:
    with pytest.raises(ValidationError, match="no such time zone"):
        TypeAdapter(Zone).validate_python(zone)
