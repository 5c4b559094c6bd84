"""Whether a camera may see: the switch, the schedule, and consent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.camera.permission import Word, closed_because
from services.contracts.messages import Privacy
from services.runtime.camera_settings import PrivacyRules


def at(time: str) -> float:
    return datetime.strptime(f"2026-11-{time}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()


def closed(now: str, word: Privacy = Privacy.OFF, said: str = "01 12:00", **rules: Any) -> str:
    return closed_because(
        PrivacyRules(**{"time_zone": "UTC", **rules}), "kitchen", Word(word, at(said)), at(now)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "word", "said", "is_closed"),
    [
        ("27 21:59", Privacy.OFF, "27 12:00", False),
        ("27 22:00", Privacy.OFF, "27 12:00", True),
        ("28 06:59", Privacy.OFF, "27 12:00", True),
        ("28 07:00", Privacy.OFF, "27 12:00", False),
        # A person's word within the night holds for that night; the next one closes again.
        ("27 23:30", Privacy.OFF, "27 23:00", False),
        ("28 02:00", Privacy.OFF, "27 23:00", False),
        ("28 22:00", Privacy.OFF, "27 23:00", True),
        # Whoever closed it by hand finds it closed in the morning.
        ("28 07:00", Privacy.ON, "27 12:00", True),
        ("28 07:00", Privacy.ON, "28 03:00", True),
    ],
)
def test_the_schedule_closes_and_a_person_has_the_last_word(
    now: str, word: Privacy, said: str, is_closed: bool
) -> None:
    assert bool(closed(now, word, said, schedule="22:00-07:00")) is is_closed


def test_the_reason_says_who_closed_it() -> None:
    assert "22:00-07:00" in closed("27 23:00", schedule="22:00-07:00")
    assert closed("27 23:00", Privacy.ON) == "The camera is switched off for privacy."
    assert "not opted in to be watched; the setting privacy.consent says which rooms have" in closed(
        "27 23:00", consent={}
    )
    assert "07:00-09:00 only" in closed("27 23:00", consent={"kitchen": "07:00-09:00"})


@pytest.mark.parametrize(
    ("consent", "now", "is_closed"),
    [
        (None, "27 12:00", False),
        ({}, "27 12:00", True),
        ({"hall": "always"}, "27 12:00", True),
        ({"kitchen": "always"}, "27 12:00", False),
        ({"kitchen": "07:00-09:00"}, "27 08:00", False),
        ({"kitchen": "07:00-09:00"}, "27 09:00", True),
    ],
)
def test_where_consent_is_asked_for_only_rooms_and_hours_that_opted_in_are_seen(
    consent: dict[str, str] | None, now: str, is_closed: bool
) -> None:
    assert bool(closed(now, said=now, consent=consent)) is is_closed


def test_consent_does_not_open_what_a_person_closed() -> None:
    assert closed("27 08:00", Privacy.ON, consent={"kitchen": "always"})
