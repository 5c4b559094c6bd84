"""What is believed at the end of a window."""

import math

import pytest

from services.aggregator.belief import EVEN, Memory, changes_within, filled, forward
from services.aggregator.likelihood import over_greatest
from services.contracts.moods import EXPRESSIONS

CHANGES = 0.004
HOLD_S = 240
HAPPY, SAD = (EXPRESSIONS.index(label) for label in ("happy", "sad"))
SURE_HAPPY = [float(one == HAPPY) for one in range(len(EXPRESSIONS))]


def speaks_for(index: int, odds: float = 10) -> list[float]:
    return [1.0 if one == index else 1 / odds for one in range(len(EXPRESSIONS))]


def test_without_evidence_what_was_believed_is_believed_still() -> None:
    assert forward([], SURE_HAPPY, CHANGES) == SURE_HAPPY


def test_a_window_begins_with_what_was_believed_before_it() -> None:
    memory = Memory(15, HOLD_S)
    assert memory.begin(10) == pytest.approx(EVEN)
    memory.note(10, SURE_HAPPY)
    memory.note(11, EVEN)
    assert memory.begin(24) == pytest.approx(EVEN)
    assert memory.begin(25)[HAPPY] == pytest.approx(1)
    assert memory.begin(26) == pytest.approx(EVEN)


def test_what_was_believed_long_ago_fades() -> None:
    memory = Memory(15, HOLD_S)
    memory.note(0, SURE_HAPPY)
    assert 1 / 8 < memory.begin(15 + 5 * HOLD_S)[HAPPY] < 0.14


def test_a_clock_that_is_set_back_takes_later_beliefs_with_it() -> None:
    memory = Memory(15, 1e9)
    memory.note(1000, EVEN)
    memory.note(10, SURE_HAPPY)
    assert memory.begin(1015)[HAPPY] > 0.99


@pytest.mark.parametrize("look_s", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("window_s", [1, 15, 3600])
def test_memory_spans_a_window_of_any_length_and_no_more(window_s: float, look_s: float) -> None:
    memory = Memory(window_s, HOLD_S)
    for look in range(round(2 * window_s / look_s) + 20):
        memory.note(look * look_s, SURE_HAPPY)
        now = look * look_s
    assert memory.begin(now)[HAPPY] > 1 / 2
    assert len(memory._beliefs) <= window_s / 0.9 + 3
    memory.forget()
    assert memory.begin(now) == pytest.approx(EVEN)


def test_a_belief_sums_to_one_and_grows_with_the_evidence() -> None:
    little, much = (forward([speaks_for(HAPPY)] * slices, EVEN, CHANGES) for slices in (1, 5))
    assert sum(much) == pytest.approx(1)
    assert 1 / 8 < little[HAPPY] < much[HAPPY]


def test_a_change_does_not_have_to_outweigh_all_that_was_before() -> None:
    turned = [speaks_for(HAPPY)] * 30 + [speaks_for(SAD)] * 5
    assert forward(turned, SURE_HAPPY, CHANGES)[SAD] > 0.9


def test_one_odd_slice_does_not_turn_a_belief() -> None:
    odd = [*[speaks_for(HAPPY)] * 10, speaks_for(SAD), speaks_for(HAPPY)]
    assert forward(odd, EVEN, CHANGES)[HAPPY] > 0.9


def test_evidence_of_any_size_stays_a_probability() -> None:
    sharp = [speaks_for(HAPPY, math.inf), speaks_for(SAD, math.inf), speaks_for(HAPPY, 1)]
    assert sum(forward(sharp * 20, SURE_HAPPY, CHANGES)) == pytest.approx(1)


def test_gaps_speak_for_nothing() -> None:
    assert filled({3: [0.5] * 8, 5: [0.2] * 8}) == [[0.5] * 8, [1.0] * 8, [0.2] * 8]
    assert filled({}) == []


@pytest.mark.parametrize(("seconds", "hold_s", "changes"), [(1, 240, 1 / 240), (0, 240, 0), (1e6, 1, 1)])
def test_moods_end_by_chance(seconds: float, hold_s: float, changes: float) -> None:
    assert changes_within(seconds, hold_s) == pytest.approx(changes, rel=0.01)


class Instant(float):
    """A time that counts how often it was compared."""

    compared = 0

    def __le__(self, other: float) -> bool:
        Instant.compared += 1
        return float(self) <= other

    def __gt__(self, other: float) -> bool:
        Instant.compared += 1
        return float(self) > other


def test_what_a_window_begins_with_is_found_at_once_in_a_window_of_any_length() -> None:
    memory = Memory(3600, HOLD_S)
    for second in range(2 * 3600):
        memory.note(Instant(second), SURE_HAPPY)
    Instant.compared = 0
    assert memory.begin(2 * 3600 - 1)[HAPPY] > 0.9
    assert Instant.compared < 5


def test_a_mood_that_never_changes_stays_a_probability() -> None:
    for_good = [over_greatest(speaks_for(HAPPY, math.inf)), over_greatest(speaks_for(SAD, math.inf))]
    assert sum(forward(for_good * 20, EVEN, changes_within(1, 1e30))) == pytest.approx(1)
