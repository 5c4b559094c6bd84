"""A training run: what it is, and the folder that it lies in."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from training import checkpoint as checkpoints
from training.recipe import Recipe
from training.shape import Shape


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        recipe: What decides its result.
        shape: The network's.
        data: The FER+ archive.
        out: Where its checkpoint and history lie.
        device: What trains.
        processes: How many train together.
        start: A finished run of the same network to go on from, or ``None``.
        teachers: Finished runs whose answers are learnt beside the votes.
    """

    recipe: Recipe
    shape: Shape
    data: Path
    out: Path
    device: torch.device
    processes: int
    start: Path | None = None
    teachers: tuple[Path, ...] = ()


def name_of(run: Path) -> str:
    """Names a finished run by what its history hashes to.

    Raises:
        SystemExit: The run has no checkpoint.
    """
    checkpoints.finished(run)
    return hashlib.sha256((run / "history.jsonl").read_bytes()).hexdigest()[:12]


def begin(run: Run) -> None:
    """Writes a run's description beside its checkpoint.

    Raises:
        SystemExit: A run that differs in more than its length lies there, or a teacher's does not.
    """
    described = run.out / "recipe.json"
    settings = {
        "recipe": asdict(run.recipe),
        "network": asdict(run.shape),
        "start": run.start and name_of(run.start),
        "teachers": [name_of(each) for each in run.teachers],
        "on": hardware(run.device),
    }
    settings = json.loads(json.dumps(settings))
    if described.exists():
        before = json.loads(described.read_text())
        before["recipe"]["epochs"], before["on"] = run.recipe.epochs, settings["on"]
        if before != settings:
            message = f"{run.out} holds a run of another recipe or network; name a new folder with --out, or remove it"
            raise SystemExit(message)
    run.out.mkdir(parents=True, exist_ok=True)
    described.write_text(json.dumps(settings, indent=1) + "\n")
    forget_lost_epochs(run.out)


def forget_lost_epochs(out: Path) -> None:
    """Takes those epochs out of a run's history that came after its checkpoint: they are done again."""
    history, state = out / "history.jsonl", checkpoints.load(out / "checkpoint.npz")
    if history.exists():
        lines = history.read_text().splitlines(keepends=True)
        history.write_text("".join(line for line in lines if state and json.loads(line)["epoch"] <= state.epoch))


def hardware(device: torch.device) -> str:
    """Says what trains, in words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} cores"
