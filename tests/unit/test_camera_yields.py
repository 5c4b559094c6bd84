"""How many faces can be read, in numbers and words."""

import pytest

from services.camera.quality import Flaw
from services.camera.yields import ADVICE, SIGHTS, Yields


def of(**counts: int) -> Yields:
    yields = Yields()
    for word, count in counts.items():
        for _ in range(count):
            yields.add(None if word == "usable" else Flaw(word))
    return yields


def test_it_says_what_share_is_usable_and_what_to_do() -> None:
    found = of(usable=105, too_small=300, turned=95).message()
    assert (found.sights, found.usable, found.rejected) == (500, 105, {"too_small": 300, "turned": 95})
    assert found.text == (
        "Of the last 500 sights of a person, 21 % held a usable face; most of the others were too small: move the "
        "camera closer or lower."
    )


def test_only_the_last_sights_count() -> None:
    found = of(dark=700, usable=SIGHTS).message()
    assert (found.sights, found.usable, found.rejected) == (SIGHTS, SIGHTS, {})


def test_a_good_place_needs_no_advice() -> None:
    assert of(usable=10).message().text == "Of the last 10 sights of a person, 100 % held a usable face."
    assert of(usable=8, turned=2).message().text == (
        "Of the last 10 sights of a person, 80 % held a usable face; most of the others were turned away."
    )


def test_before_anybody_was_seen_it_says_so() -> None:
    found = Yields().message()
    assert (found.sights, found.usable, found.text) == (0, 0, "No face has been seen yet.")


@pytest.mark.parametrize("flaw", list(Flaw))
def test_there_is_advice_for_every_flaw(flaw: Flaw) -> None:
    assert "{}: {}.".format(*ADVICE[flaw]) in of(**{flaw: 3}).message().text
