"""The strip of the last 24 hours."""

from datetime import UTC, datetime, timedelta

from services.contracts.colours import colour
from services.contracts.moods import Point
from services.gateway.day import day

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def spans(*moods: tuple[int, str]) -> list[dict[str, str]]:
    return [{"start": (START + timedelta(minutes=minute)).isoformat(), "mood": mood} for minute, mood in moods]


def test_minutes_of_one_mood_are_one_part() -> None:
    shown = day(spans((0, "happy"), (1, "happy"), (2, "sad"), (3, "happy")), START)
    assert [(part["mood"], part["from"], part["minutes"]) for part in shown["parts"]] == [
        ("happy", 0, 2), ("sad", 2, 1), ("happy", 3, 1),
    ]  # fmt: skip


def test_a_gap_stays_open() -> None:
    shown = day(spans((0, "happy"), (5, "happy")), START)
    assert [(part["from"], part["minutes"]) for part in shown["parts"]] == [(0, 1), (5, 1)]


def test_a_mood_of_the_household_has_the_colour_of_its_place() -> None:
    minute = {"start": START.isoformat(), "mood": "tense", "valence": -0.5, "arousal": 0.5}
    (part,) = day([minute], START)["parts"]
    assert part["colour"] == colour(Point(-0.5, 0.5))


def test_what_is_out_of_the_day_is_left_out() -> None:
    assert day(spans((-1, "happy"), (1440, "happy")), START)["parts"] == []


def test_the_day_is_told_in_words() -> None:
    shown = day(spans((0, "happy"), (1, "happy"), (2, "nobody"), (3, "unknown")), START)
    assert shown["text"] == "The last 24 hours: happy 50 %, nobody 25 %, not sure 25 %"
    assert day([], START)["text"] == "The last 24 hours: nothing is known yet"


def test_the_browser_learns_when_the_day_began() -> None:
    assert day([], START)["start"] == START.timestamp() * 1000
