"""One file holds all that a training run needs to go on: replaced whole, never half written."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[np.float32]]


@dataclass(frozen=True)
class Checkpoint:
    """A run after some whole number of epochs.

    Attributes:
        epoch: Epochs done.
        weights: The network's variables, in its own order.
        averaged: Their exponential moving averages, in the same order.
        optimizer: The optimizer's variables, in its own order; integers kept as they are.
        seconds: Wall-clock seconds of training so far.
    """

    epoch: int
    weights: Arrays
    averaged: Arrays
    optimizer: list[NDArray[np.generic]]
    seconds: float


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint beside ``path``, flushes it to the disk and moves it into place."""
    groups: dict[str, list[Any]] = {
        "weights": checkpoint.weights,
        "averaged": checkpoint.averaged,
        "optimizer": checkpoint.optimizer,
    }
    arrays = {f"{name}_{i:04d}": v for name, group in groups.items() for i, v in enumerate(group)}
    partial = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("wb") as file:
        np.savez(file, epoch=checkpoint.epoch, seconds=checkpoint.seconds, **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path) -> Checkpoint | None:
    """Reads a checkpoint, or gives ``None`` where there is none yet."""
    if not path.is_file():
        return None
    with np.load(path) as archive:
        names = sorted(archive.files)
        groups = {
            group: [archive[name] for name in names if name.startswith(f"{group}_")]
            for group in ("weights", "averaged", "optimizer")
        }
        return Checkpoint(epoch=int(archive["epoch"]), seconds=float(archive["seconds"]), **groups)
