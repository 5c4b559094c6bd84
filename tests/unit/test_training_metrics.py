"""Accuracy, calibration and confusion on numbers that can be checked by hand."""

import numpy as np
import pytest

from training.metrics import (
    bootstrap_interval,
    calibration_error,
    calibration_floor,
    confusion,
    crossfitted,
    fitted_temperature,
    mean_recall,
    recalls,
    softmax,
)


def test_calibration_error_is_zero_where_confidence_is_the_hit_rate() -> None:
    probabilities = np.tile([0.75, 0.25], (4, 1))
    assert calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0)


def test_calibration_error_weighs_each_bin_by_its_answers() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    labels = np.array([0, 0, 1, 0])  # 0.9 sure: 2 of 3 right; 0.6 sure: 1 of 1 right
    assert calibration_error(probabilities, labels) == pytest.approx(0.75 * (0.9 - 2 / 3) + 0.25 * 0.4)


def test_certain_answers_fall_into_the_last_bin() -> None:
    assert calibration_error(np.array([[1.0, 0.0]]), np.array([0])) == pytest.approx(0)


def test_fitted_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(size=(4000, 4))
    labels = np.array([random.choice(4, p=row) for row in softmax(logits)])
    assert fitted_temperature(3 * logits, labels) == pytest.approx(3, rel=0.1)


def test_bootstrap_interval_encloses_a_share_as_the_normal_approximation_does() -> None:
    right = np.arange(1000) < 800
    interval = bootstrap_interval(lambda rows: float(right[rows].mean()), len(right))
    half = 1.96 * (0.8 * 0.2 / 1000) ** 0.5
    assert (interval.low, interval.high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.004)


def test_confusion_has_truth_in_rows_and_recall_on_its_diagonal() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    matrix = confusion(probabilities, np.array([0, 1, 1]))
    assert matrix.tolist() == [[1, 0], [1, 1]]
    assert recalls(matrix) == [1.0, 0.5]


def test_mean_recall_counts_rare_labels_as_much_and_leaves_out_absent_ones() -> None:
    probabilities = np.eye(3)[[0, 0, 0, 0, 1]]
    assert mean_recall(probabilities, np.array([0, 0, 0, 1, 1])) == pytest.approx((1 + 0.5) / 2)


def test_each_half_is_answered_at_the_temperature_of_the_other() -> None:
    random = np.random.default_rng(5)
    logits = random.normal(size=(4000, 4))
    labels = np.array([random.choice(4, p=row) for row in softmax(logits)])
    odd = np.arange(len(labels)) % 2 == 1
    answers = crossfitted(np.where(odd[:, None], 3 * logits, logits), labels)
    assert answers[odd] == pytest.approx(softmax(3 * logits[odd]), abs=0.05)
    assert answers[~odd] == pytest.approx(softmax(logits[~odd], 3), abs=0.05)


def test_crossfitted_answers_do_not_depend_on_a_constant_of_each_row() -> None:
    random = np.random.default_rng(5)
    logits, labels = random.normal(size=(50, 4)), random.integers(0, 4, 50)
    assert crossfitted(np.log(softmax(logits)), labels) == pytest.approx(crossfitted(logits, labels))


def test_calibration_floor_holds_what_answers_that_keep_their_word_show() -> None:
    random = np.random.default_rng(7)
    probabilities = softmax(2 * random.normal(size=(1500, 4)))
    errors = [
        calibration_error(probabilities, np.array([random.choice(4, p=row) for row in probabilities]))
        for _ in range(40)
    ]
    floor = calibration_floor(probabilities, draws=200)
    assert floor.low > 0
    assert np.mean([floor.low <= error <= floor.high for error in errors]) > 0.8
    overconfident = softmax(4 * np.log(probabilities))
    labels = np.array([random.choice(4, p=row) for row in probabilities])
    assert calibration_error(overconfident, labels) > 2 * calibration_floor(overconfident, draws=200).high
