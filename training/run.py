"""A training run: what it is, and the folder that it lies in."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from training import answers
from training import checkpoint as checkpoints
from training.dataset import digest
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
        teachers: Finished runs that are asked of every face as it is seen, and learnt from beside the votes.
        answers: A file of answers that were written down (`training/answers.py`) to learn from beside the votes.
    """

    recipe: Recipe
    shape: Shape
    data: Path
    out: Path
    device: torch.device
    processes: int
    start: Path | None = None
    teachers: tuple[Path, ...] = ()
    answers: Path | None = None


def begin(run: Run) -> None:
    """Writes a run's description beside its checkpoint.

    Raises:
        SystemExit: A run that differs in more than its length and its hardware lies there, or a teacher's does not.
    """
    described, start = run.out / "recipe.json", run.start and checkpoints.lineage(run.start)
    settings = {
        "recipe": asdict(run.recipe),
        "network": asdict(run.shape),
        "start": start,
        "teachers": [checkpoints.lineage(each) for each in run.teachers],
        "answers": run.answers and answers.read(run.answers, run.data).teachers,
        "teacher_only": bool(start and start.get("teacher_only")),
        "data_sha256": digest(run.data),
        "on": hardware(run.device),
    }
    settings = json.loads(json.dumps(settings))
    if described.exists():
        settings["on"] = _continued(run, json.loads(described.read_text()), settings)
    run.out.mkdir(parents=True, exist_ok=True)
    _replace(described, json.dumps(settings, indent=1) + "\n")
    forget_lost_epochs(run.out)


def _continued(run: Run, before: dict[str, Any], now: dict[str, Any]) -> str:
    # What a description does not name yet was as it is by default.
    defaults = json.loads(json.dumps({"recipe": asdict(Recipe()), "network": asdict(Shape())}))
    filled = (
        {"data_sha256": now["data_sha256"], "answers": None, "teacher_only": False, "start": None, "teachers": []}
        | before
        | {"on": now["on"]}
    )
    filled |= {part: defaults[part] | before.get(part, {}) for part in defaults}
    filled["recipe"]["epochs"] = run.recipe.epochs
    if _by_name(filled) != _by_name(now):
        message = f"{run.out} holds a run of another recipe, network or data; remove it, or name a new one with --out"
        raise SystemExit(message)
    on = str(before.get("on", now["on"]))
    return on if on.endswith(now["on"]) else f"{on}, then {now['on']}"


def _by_name(settings: dict[str, Any]) -> dict[str, Any]:
    """Names the runs that one began from or learns from: what made them does not change, nor where they went on."""
    others = settings["start"], *settings["teachers"]
    start, *teachers = (each["run"] if isinstance(each, dict) else each for each in others)
    return settings | {"start": start, "teachers": teachers}


def forget_lost_epochs(out: Path) -> None:
    """Takes those epochs out of a run's history that came after its checkpoint: they are done again.

    Half a line that an interruption left goes too.
    """
    history, state = out / "history.jsonl", checkpoints.load(out / "checkpoint.npz")
    if history.exists():
        lines = [line for line in history.read_text().splitlines(keepends=True) if line.endswith("\n")]
        _replace(history, "".join(line for line in lines if state and json.loads(line)["epoch"] <= state.epoch))


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def hardware(device: torch.device) -> str:
    """Says what trains, in words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} cores"
