"""Tries what validation is too small to choose, by cross-validation over the training split.

    python -m training.folds --data ferplus_train_valid.npz

Validation holds 16 contemptuous and 25 disgusted faces; training holds some seven and five times as many. A network
from scratch takes hours a fold, so a small one learns instead, on the features of the recognition network
(`training/recognition.py`), which has not been told any face's expression. It is asked how far rare expressions are to
be favoured: in the loss (`Recipe.balance`), and afterwards, by what is added to calibrated logits (`export.RARITY` over
the temperature). Its features are worse than the released network's, so that favouring costs it more: it can say that
a strength is too much or does nothing, and not to the tenth where the best lies.

Near-copies of one photograph stay in one fold, and are drawn together for the intervals.

What heads say of faces that they were not taught is also what a student can learn from (``--answers``): unlike answers
of a network to the faces that it was trained on they do not repeat what was learnt by heart.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.answers import Answers
from training.answers import write as write_answers
from training.checkpoint import lineage
from training.copies import groups_of_copies
from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, Faces, load_split
from training.labels import (
    EXPRESSIONS,
    FER2013,
    NO_FER2013,
    UNKNOWN,
    balancing_weights,
    majority_labels,
    original_targets,
    rarity,
    soft_targets,
)
from training.metrics import Labels, fitted_temperature, right, softmax
from training.network import autocast, in_turn, network_of
from training.recipe import Recipe

FOLDS: Final = 5
EPOCHS: Final = 16
"""Every second one sees the faces' mirror images."""
BATCH: Final = 256
PEAK_RATE: Final = 1.5e-3
DECAY: Final = 0.05
HIDDEN: Final = 512
DROPOUT: Final = 0.5
CELLS: Final = 4
"""Features of a stage are averaged over 4x4 cells: where in a face something is matters."""
CLIP: Final = 5.0
"""Standard deviations beyond which a feature is cut off."""
BALANCES: Final = (0.25, 0.0, 0.5)
STRENGTHS: Final = (0.45, 0.0, 0.15, 0.3, 0.6, 0.75, 0.9)
"""The first of each is what version 4 has (a strength of 0.25 over a temperature of 0.56)."""
DRAWS: Final = 1000


@torch.inference_mode()
def features_of(run: Path, faces: Faces, what: str) -> Tensor:
    """Gives what all but the first stage of a run's network make of faces (N, 48, 48), standardised (N, F)."""
    network, seen = network_of(run, torch.device("cpu")), list[Tensor]()

    def keep(_: nn.Module, __: object, outputs: Tensor) -> None:
        seen.append(functional.adaptive_avg_pool2d(outputs.float(), min(CELLS, outputs.shape[2])).flatten(1))

    for stage in list(network.stages)[1:]:
        stage.register_forward_hook(keep)
    rows = list[Tensor]()
    for some in in_turn(faces, what):
        seen.clear()
        with autocast(some.device):
            network(some)
        rows.append(torch.cat(seen, 1))
    features = torch.cat(rows)
    spread, mean = torch.std_mean(features, 0)
    return features.sub_(mean).div_(spread.clamp(min=1e-3)).clamp_(-CLIP, CLIP)


class Heads(nn.Module):
    """The small network that learns on features: a hidden layer, and a layer for each set of labels."""

    def __init__(self, inputs: int) -> None:
        """Draws fresh weights."""
        super().__init__()
        hidden = nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT)
        self.hidden = nn.Sequential(nn.Dropout(DROPOUT), *hidden)
        self.expressions, self.fer2013 = nn.Linear(HIDDEN, len(EXPRESSIONS)), nn.Linear(HIDDEN, len(FER2013))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Maps features (N, F) to logits (N, 8) and (N, 7)."""
        hidden = self.hidden(features)
        return self.expressions(hidden), self.fer2013(hidden)


@dataclass(frozen=True)
class Taught:
    """What heads learn from: a row of each for every usable face of training.

    Attributes:
        features: Of the faces and of their mirror images, standardised, float32 (N, F) each.
        targets: Distributions over the eight expressions, float32 (N, 8).
        original: Distributions over FER2013's labels, float32 (N, 7), zero where there is no label.
        groups: Which faces are copies of one another, int64 (N,).
    """

    features: tuple[Tensor, Tensor]
    targets: NDArray[np.float32]
    original: NDArray[np.float32]
    groups: NDArray[np.int64]


def fitted(taught: Taught, weights: NDArray[np.float32], rows: Tensor) -> Heads:
    """Gives heads that were taught some rows."""
    torch.manual_seed(0)
    targets, original, weigh = (torch.from_numpy(each) for each in (taught.targets, taught.original, weights))
    heads, steps = Heads(taught.features[0].shape[1]), EPOCHS * (len(rows) // BATCH)
    optimizer = torch.optim.AdamW(heads.parameters(), PEAK_RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, steps)
    for epoch in range(EPOCHS):
        features = taught.features[epoch % len(taught.features)]
        order = rows[torch.randperm(len(rows))][: len(rows) // BATCH * BATCH]
        for some in order.split(BATCH):
            expressions, fer2013 = heads(features[some])
            losses = functional.cross_entropy(expressions, targets[some], reduction="none")
            losses = losses + functional.cross_entropy(fer2013, original[some], reduction="none")
            optimizer.zero_grad()
            (losses * weigh[some]).mean().backward()
            optimizer.step()
            schedule.step()
    return heads.eval()


def out_of_fold(taught: Taught, balance: float) -> list[NDArray[np.float32]]:
    """Gives for each row the logits (N, 8) and (N, 7) of heads that were taught neither it nor a copy of it."""
    fold_of_group = np.random.default_rng(0).permutation(taught.groups.max() + 1) % FOLDS
    folds, weights = torch.from_numpy(fold_of_group[taught.groups]), balancing_weights(taught.targets, balance)
    logits = [torch.empty(each.shape) for each in (taught.targets, taught.original)]
    for fold in range(FOLDS):
        heads, asked = fitted(taught, weights, (folds != fold).nonzero()[:, 0]), folds == fold
        with torch.inference_mode():
            views = zip(*(heads(features[asked]) for features in taught.features), strict=True)
            for each, answers in zip(logits, views, strict=True):
                each[asked] = torch.stack(answers).mean(0)
        print(f"balance {balance}: fold {fold + 1} of {FOLDS}", flush=True)
    return [each.numpy() for each in logits]


@dataclass(frozen=True)
class Tally:
    """Right answers and faces of each expression by group of copies, (G, 8) each."""

    right: NDArray[np.float64]
    faces: NDArray[np.float64]

    def figures(self, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gives accuracy and mean recall (..., 2) in percent, with each group as often as it was drawn (..., G)."""
        right, faces = drawn @ self.right, drawn @ self.faces
        accuracy, recall = right.sum(-1) / faces.sum(-1), (right / np.maximum(faces, 1)).mean(-1)
        return 100 * np.stack([accuracy, recall], -1)


def tally(logits: NDArray[np.float32], labels: Labels, groups: NDArray[np.int64]) -> Tally:
    """Counts answers to faces whose majority's label is known."""
    table = np.zeros((2, groups.max() + 1, len(EXPRESSIONS)))
    np.add.at(table[0], (groups, labels), right(logits, labels))
    np.add.at(table[1], (groups, labels), 1)
    return Tally(*table)


def table(options: argparse.Namespace) -> None:
    """Prints accuracy and mean recall of each pair of strengths, and how far from the first pair's they are."""
    split = load_split(options.data, TRAIN_SPLIT)
    faces, targets, known = split.soft()
    labels = majority_labels(split.votes)[soft_targets(split.votes)[1]]
    agreed, groups = labels != UNKNOWN, groups_of_copies(faces)
    rare, sets = rarity(targets), ((agreed, labels), (known != NO_FER2013, known.astype(np.int64)))
    counts = zip(np.bincount(labels[agreed], minlength=len(EXPRESSIONS)), EXPRESSIONS, strict=True)
    print(f"{agreed.sum()} faces: " + ", ".join(f"{count} {name}" for count, name in counts))
    mirrored = np.ascontiguousarray(faces[:, :, ::-1])
    features = (
        features_of(options.run, faces, "features"),
        features_of(options.run, mirrored, "features of mirror images"),
    )
    taught = Taught(features, targets, original_targets(known, Recipe().smoothing), groups)
    count, present = int(groups.max()) + 1, None
    drawn = np.random.default_rng(1).multinomial(count, np.full(count, 1 / count), DRAWS).astype(np.float32)
    lines = ["| balance | strength | accuracy | apart | mean recall | apart |", "|---|---|---|---|---|---|"]
    for balance in options.balances:
        logits = out_of_fold(taught, balance)
        calibrated = [
            each / fitted_temperature(each[rows], truth[rows]) for each, (rows, truth) in zip(logits, sets, strict=True)
        ]
        if options.answers and present is None:
            said = (softmax(each).astype(np.float32) for each in calibrated)
            write_answers(
                options.answers, Answers(*said, [lineage(options.run) | {"heads": "out of fold"}]), options.data
            )
        for strength in options.strengths:
            one = tally(calibrated[0][agreed] + strength * rare, labels[agreed], groups[agreed])
            present = present or one
            apart = np.percentile(one.figures(drawn) - present.figures(drawn), (2.5, 97.5), axis=0)
            cells = [
                f"{value:.1f} % | {low:+.1f} to {high:+.1f}"
                for value, low, high in zip(one.figures(np.ones(count)), *apart, strict=True)
            ]
            lines.append(f"| {balance} | {strength} | {' | '.join(cells)} |")
    print("\n".join(lines))


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description="Cross-validate over training how far to favour rare expressions.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--run", type=Path, default=Path("build/training/recognition"))
    parser.add_argument("--balances", type=float, nargs="+", default=BALANCES)
    parser.add_argument("--strengths", type=float, nargs="+", default=STRENGTHS)
    parser.add_argument("--answers", type=Path, help="write what each face's heads say there, for `train --answers`")
    options = parser.parse_args()
    table(options)


if __name__ == "__main__":
    main()
