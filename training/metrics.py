"""What an expression model is measured by, in plain NumPy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.floating]
Labels = NDArray[np.int64]

ECE_BINS: Final = 15
"""Bins of equal width, as in Guo et al. 2017, arXiv:1706.04599."""


def right(probabilities: Probabilities, labels: Labels) -> NDArray[np.bool_]:
    """Says of each answer (N, K) whether it is the label (N,)."""
    return np.asarray(probabilities.argmax(axis=1) == labels)


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Gives the share of rows (N, K) whose most probable column is the label (N,)."""
    return float(right(probabilities, labels).mean())


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


Statistic = Callable[[NDArray[np.int64]], float]
"""A figure of the rows whose numbers it is given."""


def bootstrap_interval(statistic: Statistic, count: int, draws: int = 1000, seed: int = 0) -> Interval:
    """Gives the percentile bootstrap interval of a figure over ``count`` rows (Efron 1979).

    Args:
        statistic: Gives the figure of rows that were drawn with replacement.
        count: Rows there are.
        draws: Resamples.
        seed: Seed of the resampling.
    """
    generator = np.random.default_rng(seed)
    return _middle([statistic(generator.integers(0, count, count)) for _ in range(draws)])


def _middle(figures: list[float]) -> Interval:
    low, high = np.percentile(figures, (2.5, 97.5))
    return Interval(float(low), float(high))


def calibration_error(probabilities: Probabilities, labels: Labels, bins: int = ECE_BINS) -> float:
    """Gives the expected calibration error: the mean gap between confidence and accuracy.

    Args:
        probabilities: Rows that sum to 1, shape (N, K).
        labels: True columns, shape (N,).
        bins: Bins of equal width over the confidence.

    Returns:
        A number in 0..1, bins weighed by how many answers fall into them.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float(correct[places == place].mean()) - float(confidence[places == place].mean()))
        * float((places == place).mean())
        for place in np.unique(places)
    ]
    return float(sum(gaps))


def calibration_floor(probabilities: Probabilities, draws: int = 1000, seed: int = 0) -> Interval:
    """Gives the calibration error that as many answers show where each is right as often as it says.

    Bins hold few answers, so the error is never zero: consistency resampling (Bröcker & Smith 2007; Vaicenavicius et
    al. 2019, arXiv:1902.06977) draws the labels from the answers themselves.

    Args:
        probabilities: Rows that sum to 1, shape (N, K).
        draws: How often all labels are drawn.
        seed: Seed of the drawing.

    Returns:
        The range that 95 % of the drawn errors fall into.
    """
    generator = np.random.default_rng(seed)
    thresholds = probabilities.cumsum(axis=1)[:, :-1]
    errors = [
        calibration_error(probabilities, (thresholds < generator.random((len(thresholds), 1))).sum(axis=1))
        for _ in range(draws)
    ]
    return _middle(errors)


def softmax(logits: Probabilities, temperature: float = 1.0) -> NDArray[np.float64]:
    """Turns logits (N, K) into probabilities after dividing them by the temperature."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fitted_temperature(logits: Probabilities, labels: Labels) -> float:
    """Finds the temperature of the least negative log-likelihood (Guo et al. 2017).

    Args:
        logits: Shape (N, K).
        labels: True columns, shape (N,).

    Returns:
        The best of 400 temperatures evenly spaced in logarithm from 0.2 to 5.
    """
    rows = np.arange(len(labels))

    def loss(temperature: float) -> float:
        likelihood = softmax(logits, temperature)[rows, labels]
        return float(-np.log(np.maximum(likelihood, 1e-12)).mean())

    return float(min(np.geomspace(0.2, 5, 400), key=loss))


def crossfitted(logits: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Gives what each half of the rows is answered at the temperature that was fitted on the other half.

    So no temperature is scored on what it was fitted on, and all rows count.

    Args:
        logits: Shape (N, K), up to a constant for each row: logarithms of probabilities will do.
        labels: True columns, shape (N,).

    Returns:
        Probabilities (N, K).
    """
    even = np.arange(len(labels)) % 2 == 0
    answers = np.empty(logits.shape)
    for half in (even, ~even):
        answers[half] = softmax(logits[half], fitted_temperature(logits[~half], labels[~half]))
    return answers


def confusion(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """Counts how often each true row was answered with each column, shape (K, K)."""
    count = probabilities.shape[1]
    cells = labels * count + probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=count * count).reshape(count, count)


def recalls(matrix: NDArray[np.int64]) -> list[float]:
    """Gives each row's share on the diagonal; rows without any answer count as 0."""
    totals = np.maximum(matrix.sum(axis=1), 1)
    return [float(share) for share in np.diag(matrix) / totals]


def mean_recall(probabilities: Probabilities, labels: Labels) -> float:
    """Gives the mean over the labels that occur of the share that is answered right."""
    matrix = confusion(probabilities, labels)
    occurs = matrix.sum(axis=1) > 0
    return float(np.mean(np.diag(matrix)[occurs] / matrix.sum(axis=1)[occurs]))
