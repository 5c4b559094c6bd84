"""What is said of bad input, and when."""

import pytest

from services.runtime.complaints import MAX_PLACES, Complaints, end_all
from tests.unit.clock_doubles import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def complaints(clock: Clock) -> Complaints:
    return Complaints(later=clock.later)


def test_a_burst_is_said_at_once_and_summed_up_when_the_minute_is_over(
    complaints: Complaints, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        complaints.note("sum", "home", f"{number} is bad")
    clock.minute()
    clock.minute()
    assert caplog.messages == ["home: 0 is bad (1 times)", "home: 4 is bad (4 times more within a minute)"]


def test_what_is_wrong_is_put_into_words_only_when_it_is_said(complaints: Complaints, clock: Clock) -> None:
    class Costly:
        worded = 0

        def __str__(self) -> str:
            Costly.worded += 1
            return "bad"

    for _ in range(20):
        complaints.note("sum", "home", Costly())
    assert Costly.worded == 1
    clock.minute()
    assert Costly.worded == 2


def test_what_is_held_back_at_the_end_is_said(
    complaints: Complaints, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        complaints.note("sum", "attic", f"{number} is bad")
    complaints.note("label", "attic", "odd")
    for _ in range(2):
        end_all()
    clock.minute()
    assert [line for line in caplog.messages if line.startswith("attic")] == [
        "attic: 0 is bad (1 times)",
        "attic: odd (1 times)",
        "attic: 2 is bad (2 times more until the end)",
    ]


def test_what_goes_on_is_said_once_a_minute(
    complaints: Complaints, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        complaints.note("sum", "home", "bad", times=2)
        complaints.note("sum", "home", "bad", times=3)
        clock.minute()
    assert caplog.messages == [
        "home: bad (2 times)",
        "home: bad (3 times more within a minute)",
        "home: bad (5 times more within a minute)",
        "home: bad (5 times more within a minute)",
    ]


def test_after_a_quiet_minute_the_next_is_said_at_once(
    complaints: Complaints, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    complaints.note("sum", "home", "bad")
    clock.minute()
    complaints.note("sum", "home", "bad again")
    assert caplog.messages == ["home: bad (1 times)", "home: bad again (1 times)"]


def test_each_kind_and_place_is_said(complaints: Complaints, caplog: pytest.LogCaptureFixture) -> None:
    for kind, place in (("sum", "home"), ("label", "home"), ("sum", "hall"), ("sum", "home")):
        complaints.note(kind, place, kind)
    assert len(caplog.messages) == 3


def test_what_several_hear_counts_once(complaints: Complaints, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for by in ("one", "other", "one", "other"):
        complaints.note("bad", "home", "bad", by=by)
    clock.minute()
    assert caplog.messages == ["home: bad (1 times)", "home: bad (1 times more within a minute)"]


def test_places_are_bounded_and_one_kind_takes_no_place_of_another(
    complaints: Complaints, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(MAX_PLACES + 10):
        complaints.note("late", f"room_{number}", "late")
    complaints.note("sum", "room_0", "bad")
    clock.minute()
    assert caplog.messages[MAX_PLACES:] == [
        f"room_{MAX_PLACES} and elsewhere: late (1 times)",
        "room_0: bad (1 times)",
        f"room_{MAX_PLACES + 9} and elsewhere: late (9 times more within a minute)",
    ]
