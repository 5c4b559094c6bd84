"""Tries what validation is too small to choose, by cross-validation over the training split.

    python -m training.folds --data ferplus_train_valid.npz

Validation holds 16 contemptuous and 25 disgusted faces; training holds some seven and five times as many. A network
from scratch takes hours a fold, so a small one learns instead, on the features of the recognition network
(`training/recognition.py`), which has not been told any face's expression. It is asked how far rare expressions are to
be favoured: in the loss (`Recipe.balance`), and afterwards, by what is added to calibrated logits (`export.RARITY` over
the temperature). Its features are worse than the released network's, so that favouring costs it more: it can say that
a strength is too much or does nothing, and not to the tenth where the best lies.

Near-copies of one photograph stay in one fold, and are drawn together for the intervals.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.copies import groups_of_copies
from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, Faces, load_split
from training.labels import EXPRESSIONS, UNKNOWN, balancing_weights, majority_labels, rarity, soft_targets
from training.metrics import Labels, fitted_temperature, right
from training.network import network_of, standardised

FOLDS: Final = 5
EPOCHS: Final = 12
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
def features_of(run: Path, faces: Faces) -> Tensor:
    """Gives what all but the first stage of a run's network make of faces (N, 48, 48), standardised (N, F)."""
    network, seen = network_of(run, torch.device("cpu")), list[Tensor]()

    def keep(_: nn.Module, __: object, outputs: Tensor) -> None:
        seen.append(functional.adaptive_avg_pool2d(outputs, min(CELLS, outputs.shape[2])).flatten(1))

    for stage in list(network.stages)[1:]:
        stage.register_forward_hook(keep)
    rows = list[Tensor]()
    for start in range(0, len(faces), BATCH):
        seen.clear()
        some = torch.from_numpy(faces[start : start + BATCH, None])
        network(standardised(some).contiguous(memory_format=torch.channels_last))
        rows.append(torch.cat(seen, 1))
        if start % (BATCH * 20) == 0:
            print(f"features of {start} of {len(faces)} faces", flush=True)
    features = torch.cat(rows)
    spread, mean = torch.std_mean(features, 0)
    return features.sub_(mean).div_(spread.clamp(min=1e-3)).clamp_(-CLIP, CLIP)


def head(inputs: int) -> nn.Sequential:
    """Gives the small network that learns on features (N, F)."""
    hidden = nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT)
    return nn.Sequential(nn.Dropout(DROPOUT), *hidden, nn.Linear(HIDDEN, len(EXPRESSIONS)))


def fitted(features: Tensor, targets: Tensor, weights: Tensor, rows: Tensor) -> nn.Sequential:
    """Gives a head that was taught some rows."""
    torch.manual_seed(0)
    network, steps = head(features.shape[1]), EPOCHS * (len(rows) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, steps)
    for _ in range(EPOCHS):
        order = rows[torch.randperm(len(rows))][: len(rows) // BATCH * BATCH]
        for some in order.split(BATCH):
            losses = functional.cross_entropy(network(features[some]), targets[some], reduction="none")
            optimizer.zero_grad()
            (losses * weights[some]).mean().backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def out_of_fold(
    features: Tensor, targets: NDArray[np.float32], groups: NDArray[np.int64], balance: float
) -> NDArray[np.float32]:
    """Gives for each row the logits (N, 8) of a head that was taught neither it nor a copy of it."""
    fold_of_group = np.random.default_rng(0).permutation(groups.max() + 1) % FOLDS
    folds, weights = torch.from_numpy(fold_of_group[groups]), torch.from_numpy(balancing_weights(targets, balance))
    logits = torch.empty(len(features), len(EXPRESSIONS))
    for fold in range(FOLDS):
        network = fitted(features, torch.from_numpy(targets), weights, (folds != fold).nonzero()[:, 0])
        with torch.inference_mode():
            logits[folds == fold] = network(features[folds == fold])
        print(f"balance {balance}: fold {fold + 1} of {FOLDS}", flush=True)
    return logits.numpy()


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


def table(run: Path, data: Path, balances: Sequence[float], strengths: Sequence[float]) -> None:
    """Prints accuracy and mean recall of each pair of strengths, and how far from the first pair's they are."""
    split = load_split(data, TRAIN_SPLIT)
    faces, targets, _ = split.soft()
    labels = majority_labels(split.votes)[soft_targets(split.votes)[1]]
    agreed, groups = labels != UNKNOWN, groups_of_copies(faces)
    labels, rare = labels[agreed], rarity(targets)
    counts = zip(np.bincount(labels, minlength=len(EXPRESSIONS)), EXPRESSIONS, strict=True)
    print(f"{len(labels)} faces: " + ", ".join(f"{count} {name}" for count, name in counts))
    features, count = features_of(run, faces), int(groups.max()) + 1
    drawn = np.random.default_rng(1).multinomial(count, np.full(count, 1 / count), DRAWS).astype(np.float32)
    lines, present = (
        ["| balance | strength | accuracy | apart | mean recall | apart |", "|---|---|---|---|---|---|"],
        None,
    )
    for balance in balances:
        logits = out_of_fold(features, targets, groups, balance)[agreed]
        calibrated = logits / fitted_temperature(logits, labels)
        for strength in strengths:
            one = tally(calibrated + strength * rare, labels, groups[agreed])
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
    options = parser.parse_args()
    table(options.run, options.data, options.balances, options.strengths)


if __name__ == "__main__":
    main()
