"""What reads a taught mood from the model's embedding: a logistic regression, calibrated on faces kept from it. Pure.

A household shows a mood in one light, with one face, for a minute and a half. Two things keep that from being read
into everything. The head is fitted against the same faces as they usually look, so that it learns the mood and not the
person. And it opens only as far as the model's own answer is one that it gave to the faces that were shown: by the law
of total probability the mood is the sum, over the model's labels, of the label's probability times the mood's given the
label, and the latter is 0 where the mood was never shown so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.moods import TAUGHT_SHARE

Embeddings = NDArray[np.float32]
Numbers = NDArray[np.float64]

PENALTY: Final = 0.02
"""Weight of the squared coefficients (ridge), where both kinds of faces weigh 1 together."""
FOLDS: Final = 5
STEPS: Final = 50
ENOUGH: Final = 1e-8
CERTAIN: Final = 0.95
"""No answer is surer: all that was shown was shown in one light, within two minutes."""
SELDOM: Final = 0.1
"""Share of a label among the shown faces from which the mood may be read into faces of that label without reserve."""


@dataclass(frozen=True)
class Head:
    """What reads one mood.

    Attributes:
        weights: Of each number of the embedding, (E,).
        bias: Added to their sum; what comes out is the logarithm of the odds.
        doors: How far the head opens to faces of each of the model's labels, 0 to 1; to those left out, not at all.
    """

    weights: Numbers
    bias: float
    doors: Mapping[str, float]

    def read(self, embeddings: Embeddings, probabilities: NDArray[np.float32], labels: Sequence[str]) -> Numbers:
        """Return how likely each face shows the mood, (N,), 0 to `CERTAIN`.

        Args:
            embeddings: Of the faces, (N, E).
            probabilities: What the model says of them, (N, labels).
            labels: What its columns are of.
        """
        alone = _sigmoid(embeddings @ self.weights + self.bias)
        opened = probabilities @ np.array([self.doors.get(label, 0.0) for label in labels])
        read: Numbers = CERTAIN * alone * opened.clip(0, 1)
        return read


@dataclass(frozen=True)
class Check:
    """How a head does on faces that were kept from it, where its doors stand open: less is found through narrow ones.

    Attributes:
        recognised: Share of the faces with the mood in which it is found, 0 to 1.
        mistaken: Share of the usual ones in which it is found, too, 0 to 1.
    """

    recognised: float
    mistaken: float


def fit(
    shown: Embeddings, usual: Embeddings, answers: Mapping[str, float], rivals: Sequence[Embeddings] = ()
) -> tuple[Head, Check]:
    """Return a head and how it does.

    Args:
        shown: Faces that show the mood, (N, E), in the order in which they came: neighbours are alike.
        usual: The same faces as they usually look, (M, E), likewise.
        answers: The model's mean answer to the shown ones, by label.
        rivals: Faces that show other moods, likewise, of each mood.
    """
    kinds = (shown, usual, *rivals)
    faces = np.concatenate(kinds).astype(np.float64)
    truth = np.concatenate([np.ones(len(shown)), np.zeros(len(faces) - len(shown))])
    parts = np.concatenate([_blocks(len(kind)) for kind in kinds])
    unseen = np.empty(len(faces))
    for part in range(FOLDS):
        left = parts != part
        weights, bias = _logistic(faces[left], truth[left])
        unseen[~left] = faces[~left] @ weights + bias
    slope, shift = _calibrated(unseen, truth)
    shift += math.log(TAUGHT_SHARE / (1 - TAUGHT_SHARE))  # they were fitted as if both kinds were as common
    found = slope * unseen + shift > 0
    weights, bias = _logistic(faces, truth)
    doors = {label: min(1.0, share / SELDOM) for label, share in answers.items()}
    head = Head(slope * weights, slope * bias + shift, doors)
    return head, Check(float(found[: len(shown)].mean()), float(found[len(shown) :][: len(usual)].mean()))


def _blocks(count: int) -> NDArray[np.int64]:
    """Return the part that each of `count` faces falls into: neighbours, who are alike, fall into the same one."""
    return np.arange(count) * FOLDS // max(count, 1)


def _logistic(faces: Numbers, truth: Numbers) -> tuple[Numbers, float]:
    """Return the coefficients of a ridge logistic regression in which both kinds of faces weigh alike.

    Iteratively reweighted least squares (Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2009,
    section 4.4.1). Numbers of the embedding that hardly vary are not blown up: what they are divided by is their
    standard deviation and the mean of all.
    """
    weigh = _even(truth)
    middle = weigh @ faces / weigh.sum()
    spread = np.sqrt(weigh @ (faces - middle) ** 2 / weigh.sum())
    spread += max(float(spread.mean()), 1e-6)
    inputs = np.column_stack([(faces - middle) / spread, np.ones(len(faces))])
    penalty = np.full(inputs.shape[1], PENALTY)
    penalty[-1] = 1e-9
    found = _newton(inputs, truth, weigh, penalty)
    weights = found[:-1] / spread
    return weights, float(found[-1] - weights @ middle)


def _calibrated(scores: Numbers, truth: Numbers) -> tuple[float, float]:
    """Return slope and shift that make scores of unseen faces log odds (Platt 1999, with his targets for few faces)."""
    count = {kind: float((truth == kind).sum()) for kind in (0.0, 1.0)}
    targets = np.where(truth == 1, (count[1.0] + 1) / (count[1.0] + 2), 1 / (count[0.0] + 2))
    scale = max(float(np.abs(scores).mean()), 1e-6)
    inputs = np.column_stack([scores / scale, np.ones(len(scores))])
    slope, shift = _newton(inputs, targets, _even(truth), np.full(2, 1e-3))
    return max(0.0, float(slope / scale)), float(shift)


def _even(truth: Numbers) -> Numbers:
    """Return weights by which both kinds sum to 1."""
    weigh: Numbers = np.where(truth == 1, 1 / max(1, (truth == 1).sum()), 1 / max(1, (truth == 0).sum()))
    return weigh


def _newton(inputs: Numbers, truth: Numbers, weigh: Numbers, penalty: Numbers) -> Numbers:
    found = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        said = _sigmoid(inputs @ found)
        slope = inputs.T @ (weigh * (said - truth)) + penalty * found
        curve = (inputs * (weigh * np.maximum(said * (1 - said), 1e-6))[:, None]).T @ inputs + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        found -= step
        if float(np.abs(step).max()) < ENOUGH:
            break
    return found


def _sigmoid(odds: Numbers) -> Numbers:
    said: Numbers = 1 / (1 + np.exp(-odds.clip(-40, 40)))
    return said
