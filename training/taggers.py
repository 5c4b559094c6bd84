"""Says how well FER+'s taggers agree with each other and with FER2013's labels: how noisy both are.

Run as ``python -m training.taggers --data ferplus_train_valid.npz``, of validation's faces.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.dataset import DEFAULT_DATA, VALID_SPLIT, load_split
from training.labels import EXPRESSIONS, FER2013, NO_FER2013, majority_labels

DRAWS: Final = 20
"""How often the taggers of each face are divided."""


def most_named(votes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Gives for each face which of the eight expressions has most votes, (N, 8): 1, or as much each where some tie."""
    eight = votes[:, : len(EXPRESSIONS)]
    first = (eight == eight.max(axis=1, keepdims=True)) & (eight > 0)
    return np.asarray(first / np.maximum(first.sum(axis=1, keepdims=True), 1))


def halves_agree(votes: NDArray[np.integer], draws: int = DRAWS, seed: int = 0) -> float:
    """Gives how often one half of the taggers names most what the other half does, (N, 10) votes divided by chance."""
    generator, agreed = np.random.default_rng(seed), []
    for _ in range(draws):
        half = np.stack([generator.multivariate_hypergeometric(row, row.sum() // 2) for row in votes.astype(int)])
        agreed.append((most_named(half) * most_named(votes - half)).sum(axis=1).mean())
    return float(np.mean(agreed))


def agree_with_label(votes: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Gives for each face how far its taggers, (N, 10) votes, name most what FER2013's label (N,) says."""
    named = most_named(votes)[:, [EXPRESSIONS.index(name) for name in FER2013]]
    return np.asarray(named[np.arange(len(labels)), labels])


def main() -> None:
    """Reads the command line and prints."""
    parser = argparse.ArgumentParser(description="Say how well the taggers agree with each other and with FER2013.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    split = load_split(parser.parse_args().data, VALID_SPLIT)
    clear = split.votes[majority_labels(split.votes) >= 0]
    print(f"five taggers name most what the other five do: {halves_agree(clear):.1%} of {len(clear)} with a majority")
    known = split.fer2013 != NO_FER2013
    votes, labels = split.votes[known], split.fer2013[known].astype(int)
    shares = agree_with_label(votes, labels)
    print(f"the ten name most what FER2013's label says: {shares.mean():.1%} of {len(shares)}")
    for number, name in enumerate(FER2013):
        print(f"  {name}: {shares[labels == number].mean():.1%} of {(labels == number).sum()}")


if __name__ == "__main__":
    main()
