"""The FER+ voting protocol, case by case."""

import numpy as np
import pytest

from training.labels import (
    NO_FER2013,
    UNKNOWN,
    balancing_weights,
    majority_labels,
    original_targets,
    rarity,
    soft_targets,
    without_outliers,
)

CASES = [
    pytest.param([10, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, id="all agree"),
    pytest.param([0, 6, 2, 2, 0, 0, 0, 0, 0, 0], 1, id="more than half"),
    pytest.param([0, 5, 5, 0, 0, 0, 0, 0, 0, 0], UNKNOWN, id="a tie is no majority"),
    pytest.param([4, 0, 0, 4, 2, 0, 0, 0, 0, 0], UNKNOWN, id="nobody has half"),
    pytest.param([1, 4, 1, 1, 1, 1, 1, 0, 0, 0], 1, id="single votes are dropped before counting"),
    pytest.param([0, 2, 0, 0, 0, 0, 0, 0, 8, 0], UNKNOWN, id="unknown wins"),
    pytest.param([0, 2, 0, 0, 0, 0, 0, 0, 0, 8], UNKNOWN, id="not a face wins"),
    pytest.param([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], UNKNOWN, id="nothing but single votes"),
]


@pytest.mark.parametrize(("votes", "label"), CASES)
def test_majority_needs_more_than_half_of_the_votes_without_outliers(votes: list[int], label: int) -> None:
    assert majority_labels(np.array([votes], np.uint8)).tolist() == [label]


def test_single_votes_are_outliers() -> None:
    assert without_outliers(np.array([[2, 1, 7, 0, 0, 0, 0, 0, 0, 0]], np.uint8)).tolist() == [
        [2, 0, 7, 0, 0, 0, 0, 0, 0, 0]
    ]


def test_soft_targets_keep_the_shares_of_the_known_expressions() -> None:
    targets, usable = soft_targets(np.array([[0, 4, 2, 1, 0, 0, 0, 0, 3, 0]], np.uint8))
    assert usable.tolist() == [True]
    assert targets[0] == pytest.approx([0, 4 / 6, 2 / 6, 0, 0, 0, 0, 0])


def test_faces_that_most_taggers_could_not_name_have_no_target() -> None:
    targets, usable = soft_targets(np.array([[0, 4, 0, 0, 0, 0, 0, 0, 6, 0], [1] * 10], np.uint8))
    assert usable.tolist() == [False, False]
    assert not targets.any()


def test_original_labels_are_smoothed_and_teach_nothing_where_unknown() -> None:
    targets = original_targets(np.array([3, NO_FER2013], np.uint8), 0.14)
    assert targets[0] == pytest.approx([0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02])
    assert not targets[1].any()


def test_what_is_rare_weighs_more_and_all_together_as_much() -> None:
    targets = np.eye(8, dtype=np.float32)[[*range(8), 0, 0, 0, 0]]
    assert balancing_weights(targets, 0).tolist() == [1] * 12
    weights = balancing_weights(targets, 1)
    assert weights.mean() == pytest.approx(1)
    assert weights[1] == pytest.approx(5 * weights[0])
    assert rarity(targets).tolist() == pytest.approx([-np.log(5 / 12), *[-np.log(1 / 12)] * 7])
