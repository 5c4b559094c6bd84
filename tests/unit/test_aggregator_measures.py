"""Flaps, delays and wrong time, counted on streams that can be read."""

import math

import pytest

from services.aggregator.measures import Tally

WORDS = {"h": "happy", "s": "sad", "c": "contemptuous", "?": "unknown", "n": "nobody"}
RECALL = {"happy": 0.9, "sad": 0.7, "contemptuous": 0.2}


def tally(truth: str, shown: str) -> Tally:
    made = Tally(deadline_s=3, recall=RECALL)
    made.add([WORDS[one] for one in truth], [WORDS[one] for one in shown])
    return made


@pytest.mark.parametrize(
    ("truth", "shown", "flaps"),
    [
        ("hhhhhh", "??hhhh", 0),
        ("hhhhhh", "hh??hh", 0),
        ("hhhhhh", "hhsshh", 2),
        ("hhhhhh", "ssshhh", 1),
        ("hhhsss", "hhhhhs", 0),
        ("hhhsss", "hhhccs", 1),
        ("hhhsss", "hhhhhh", 0),
        ("hhhsss", "hhhshs", 2),
        ("hhhsss", "ccchhs", 1),
        ("hhhsss", "ccchch", 3),
        ("hhhsss", "cccsss", 1),
        ("hhhsss", "cccshh", 2),
        ("hhsshhhh", "hhhhshhh", 0),
        ("hhsshhhh", "hhhhshsh", 2),
        ("hhsshhhhhhhh", "hhhhhhhhhhsh", 2),
    ],
)
def test_a_flap_is_a_change_of_what_is_shown_while_the_truth_is_constant(truth: str, shown: str, flaps: int) -> None:
    assert tally(truth, shown).flaps == flaps


@pytest.mark.parametrize(
    ("truth", "shown", "late"),
    [
        ("hhhsss", "ccchhs", 1),
        ("hhhsss", "ccc??h", 1),
        ("hhhsssssss", "ccc????h??", 1),
        ("hhhsssssss", "ccc?????h?", 0),
        ("hsshhhhhhh", "hhhsshhhhh", 1),
        ("hhshhhhhhh", "???h??????", 0),
        ("hhhsss", "ccshhs", 1),
        ("hhhsss", "hhhhhh", 0),
        ("hsnccc", "hhhsnc", 2),
        ("hsnnccc", "hhhhscc", 1),
        ("hhsshhhh", "hhhhshhh", 1),
        ("hhsshhhh", "hhhhshsh", 1),
        ("hhsshhhhhhhh", "hhhhhhhhhhsh", 0),
    ],
)
def test_a_mood_that_is_entered_within_the_deadline_after_it_ended_is_late(truth: str, shown: str, late: int) -> None:
    assert tally(truth, shown).late == late


@pytest.mark.parametrize(("shown", "dips"), [("hh??hh", 1), ("??hhhh", 0), ("h?h?h?", 3), ("ss??hh", 0)])
def test_a_dip_is_doubt_of_what_was_right(shown: str, dips: int) -> None:
    assert tally("hhhhhh", shown).dips == dips


@pytest.mark.parametrize(
    ("shown", "delay"), [("hhhsssss", 0), ("hhhhh?ss", 3), ("hhhhhhhh", math.inf), ("hhh????s", 4)]
)
def test_the_delay_runs_from_the_true_change(shown: str, delay: float) -> None:
    assert tally("hhhsssss", shown).delays == [delay]


def test_changes_that_end_before_the_deadline_or_cannot_be_told_do_not_count() -> None:
    assert tally("hhhsshhcccch", "hhhhhhhhhhhh").delays == []


def test_wrong_is_what_is_neither_true_nor_unknown() -> None:
    counted = tally("hhhhhhhhhh", "hhhh?ssn?h")
    assert (counted.time_wrong, counted.time_unknown) == (0.3, 0.2)


def test_tallies_add_up() -> None:
    both = tally("hhhsss", "hhhsss")
    both.merge(tally("hhhsss", "hhhhhh"))
    assert (both.recognised_in_time, both.seconds, both.delay_p95_s) == (0.5, 12, math.inf)
