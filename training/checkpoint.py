"""One file holds all that a training run needs to go on: replaced whole, never half written."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.files import replace
from training.shape import Shape, shape_of

Arrays = dict[str, NDArray[Any]]
"""Arrays by the name of the network's parameter or buffer that they belong to."""


@dataclass(frozen=True)
class Checkpoint:
    """A run after some whole number of epochs.

    Attributes:
        epoch: Epochs done.
        weights: The network's parameters and buffers.
        averaged: Their exponential moving averages.
        momentum: The optimizer's momentum of each parameter.
        seconds: Wall-clock seconds of training so far.
    """

    epoch: int
    weights: Arrays
    averaged: Arrays
    momentum: Arrays
    seconds: float


_GROUPS = ("weights", "averaged", "momentum")


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Replaces the checkpoint at ``path``."""
    arrays: dict[str, Any] = {
        f"{group}/{name}": array for group in _GROUPS for name, array in getattr(checkpoint, group).items()
    }
    content = io.BytesIO()
    np.savez(content, epoch=checkpoint.epoch, seconds=checkpoint.seconds, **arrays)
    replace(path, content.getvalue())


def load(path: Path) -> Checkpoint | None:
    """Reads a checkpoint, or gives ``None`` where there is none yet."""
    if not path.is_file():
        return None
    with np.load(path) as archive:
        groups = (_group(archive, group) for group in _GROUPS)
        return Checkpoint(int(archive["epoch"]), *groups, seconds=float(archive["seconds"]))


def finished(run: Path) -> tuple[Shape, Arrays]:
    """Reads the shape of a run's network and its averaged weights.

    Raises:
        SystemExit: The run has no checkpoint, or was stopped before its last epoch.
    """
    described = _described(run)
    with np.load(run / "checkpoint.npz") as archive:
        return shape_of(described["network"]), _group(archive, "averaged")


def name_of(run: Path) -> str:
    """Names a finished run by what its history hashes to.

    Raises:
        SystemExit: The run has no checkpoint, or was stopped before its last epoch.
    """
    return str(lineage(run)["run"])


def lineage(run: Path) -> dict[str, Any]:
    """Gives a finished run's name with all that it was made by, what its teachers were made by among it.

    Raises:
        SystemExit: The run has no checkpoint, or was stopped before its last epoch.
    """
    described = _described(run)
    return {"run": hashlib.sha256((run / "history.jsonl").read_bytes()).hexdigest()[:12], **described}


def archives(lineage: Any) -> set[str]:
    """Gives the hashes of all archives that a run learnt from, and those that it began from or learnt from."""
    if isinstance(lineage, list):
        return set[str]().union(*map(archives, lineage))
    if not isinstance(lineage, dict):
        return set()
    own = {str(lineage["data_sha256"])} if "data_sha256" in lineage else set[str]()
    return own.union(*map(archives, lineage.values()))


def _described(run: Path) -> dict[str, Any]:
    """Gives a finished run's ``recipe.json``."""
    file = run / "checkpoint.npz"
    if not file.is_file():
        message = f"{file}: no such file; train that network first, see training/README.md"
        raise SystemExit(message)
    described: dict[str, Any] = json.loads((run / "recipe.json").read_text())
    with np.load(file) as archive:
        epoch = int(archive["epoch"])
    if epoch < (epochs := described.get("recipe", {}).get("epochs", 0)):
        message = f"{run}: stopped after {epoch} of {epochs} epochs; its command goes on"
        raise SystemExit(message)
    return described


def _group(archive: Mapping[str, NDArray[Any]], group: str) -> Arrays:
    return {name.removeprefix(f"{group}/"): archive[name] for name in archive if name.startswith(f"{group}/")}
