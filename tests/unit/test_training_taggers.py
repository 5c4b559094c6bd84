"""How well taggers agree, of faces whose votes are known."""

import numpy as np
import pytest

from training.labels import EXPRESSIONS, FER2013
from training.taggers import agree_with_label, halves_agree, most_named


def votes(**counts: int) -> list[int]:
    """Ten votes of a face: what is left over is `unknown`."""
    row = [counts.get(name, 0) for name in EXPRESSIONS]
    return [*row, 10 - sum(row), 0]


def test_who_has_most_votes_is_named_and_ties_are_shared() -> None:
    rows = np.array([votes(happy=10), votes(sad=4, angry=4, neutral=2), votes()])
    named = most_named(rows)
    assert named[0, EXPRESSIONS.index("happy")] == 1
    assert named[1, [EXPRESSIONS.index(name) for name in ("sad", "angry", "neutral")]].tolist() == [0.5, 0.5, 0]
    assert named[2].sum() == 0


def test_taggers_of_one_mind_agree_and_others_by_chance() -> None:
    assert halves_agree(np.array([votes(happy=10)] * 5)) == 1
    torn = halves_agree(np.array([votes(sad=5, neutral=5)] * 200))
    # one half has k of the five sad votes, the other the rest: the same word has most in both only by a tie, of which
    # there is none with five
    assert torn == pytest.approx(0, abs=1e-9)
    surer = halves_agree(np.array([votes(sad=7, neutral=3)] * 400))
    assert surer == pytest.approx(50 / 60, abs=0.02)  # all three others in one half: C(5,3) * 2 of C(10,3)


def test_a_label_is_agreed_with_as_far_as_it_has_most_votes() -> None:
    rows = np.array([votes(fearful=6, surprised=4), votes(fearful=3, surprised=3)])
    labels = np.array([FER2013.index("surprised"), FER2013.index("fearful")])
    assert agree_with_label(rows, labels).tolist() == [0, 0.5]
