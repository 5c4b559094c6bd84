"""Ten taggers' votes on a face become one target: the FER+ protocol, in plain NumPy.

Source of every rule here: Barsoum, Zhang, Canton Ferrer, Zhang, "Training Deep Networks for Facial
Expression Recognition with Crowd-Sourced Label Distribution", ICMI 2016, arXiv:1608.01041, and its
reference implementation (Microsoft/FERPlus, ``ferplus.py``).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts import moods

EXPRESSIONS: Final = moods.EXPRESSIONS
"""FER+'s eight expressions in FER+'s order: the order of every label axis in this project."""

FER2013: Final = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")
"""FER2013's own seven labels in its order, in FER+'s words (Goodfellow et al. 2013, arXiv:1307.0414)."""

NO_FER2013: Final = 255
"""The original label of a face on which the archive does not know it."""

UNKNOWN: Final = -1
"""The label of a face on which the taggers did not agree, or agreed that it shows nothing known."""

OUTLIER_VOTES: Final = 1
"""A label that a single tagger chose is noise (``ferplus.py``)."""

Votes = NDArray[np.uint8]


def without_outliers(votes: Votes) -> NDArray[np.float32]:
    """Sets every label that only one tagger chose to zero.

    Args:
        votes: Counts of shape (N, 10): the eight expressions, then "unknown", then "not a face".

    Returns:
        Counts of shape (N, 10), each zero or at least two.
    """
    return np.where(votes > OUTLIER_VOTES, votes, 0).astype(np.float32)


def majority_labels(votes: Votes) -> NDArray[np.int64]:
    """Names the one expression that more than half of the votes agree on (FER+ "majority" mode).

    Args:
        votes: Counts of shape (N, 10).

    Returns:
        Labels of shape (N,) in 0..7, or ``UNKNOWN`` where no label has more than half of the votes
        that are left without outliers, or where that label is "unknown" or "not a face".
    """
    kept = without_outliers(votes)
    winner = kept.argmax(axis=1)
    agreed = kept.max(axis=1) > 0.5 * kept.sum(axis=1)
    return np.where(agreed & (winner < len(EXPRESSIONS)), winner, UNKNOWN).astype(np.int64)


def soft_targets(votes: Votes) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Turns votes into distributions over the eight expressions for a cross-entropy loss.

    Outliers are dropped. A face whose most-voted label is "unknown" or "not a face" is unusable. On
    the others the votes for those two labels are dropped, and the rest is scaled to sum to 1. FER+'s
    "probability" mode also discards faces with more than three expressions; they are kept here,
    since a spread target is exactly what an ambiguous face should teach.

    Args:
        votes: Counts of shape (N, 10).

    Returns:
        Targets of shape (N, 8), each usable row summing to 1 and the others zero, and a mask of
        shape (N,) that is true where a row is usable.
    """
    kept = without_outliers(votes)
    known = kept[:, : len(EXPRESSIONS)]
    total = known.sum(axis=1)
    usable = (known.max(axis=1) > kept[:, len(EXPRESSIONS) :].max(axis=1)) & (total > 0)
    targets = np.where(usable[:, None], known / np.maximum(total, 1)[:, None], 0)
    return targets.astype(np.float32), usable


def balancing_weights(targets: NDArray[np.float32], balance: float) -> NDArray[np.float32]:
    """Gives each face's weight in the loss (N,), 1 on average.

    Args:
        targets: Distributions over the eight expressions, shape (N, 8).
        balance: How much more rare expressions weigh: 0 not at all, 1 as much together as frequent ones.
    """
    frequency = targets.mean(axis=0)
    weights = targets @ (frequency.mean() / frequency) ** balance
    return np.asarray(weights / weights.mean(), np.float32)


def rarity(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives how rare each expression is in targets (N, 8): minus the logarithm of its share, shape (8,)."""
    return np.asarray(-np.log(targets.mean(axis=0)), np.float32)


def original_targets(labels: NDArray[np.uint8], smoothing: float) -> NDArray[np.float32]:
    """Turns FER2013's own labels into distributions for a cross-entropy loss.

    Args:
        labels: Shape (N,), 0..6 or ``NO_FER2013``.
        smoothing: Share that is spread over all seven (Szegedy et al. 2016, arXiv:1512.00567).

    Returns:
        Shape (N, 7), each row summing to 1; all zeros, which teaches nothing, where there is no label.
    """
    count = len(FER2013)
    one_hot = np.arange(count) == labels[:, None]
    known = (labels != NO_FER2013)[:, None]
    return ((one_hot * (1 - smoothing) + smoothing / count) * known).astype(np.float32)
