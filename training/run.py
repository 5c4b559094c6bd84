"""A training run: what it is, and the folder that it lies in."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from training import answers
from training import checkpoint as checkpoints
from training.augment import Augmentation
from training.dataset import digest
from training.files import replace
from training.network import has_bfloat16
from training.recipe import Recipe
from training.shape import Shape

THEN: Final = ", then "
"""Between the hardware that a run began on and that which it went on with."""


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
        "augmentation": asdict(Augmentation()),
        "start": start,
        "teachers": [checkpoints.lineage(each) for each in run.teachers],
        "answers": run.answers and answers.read(run.answers, run.data).teachers,
        "teacher_only": bool(start and start.get("teacher_only")),
        "data_sha256": digest(run.data),
        "on": hardware(run),
    }
    settings = json.loads(json.dumps(settings))
    if described.exists():
        settings["on"] = _continued(run, json.loads(described.read_text()), settings)
    replace(described, (json.dumps(settings, indent=1) + "\n").encode())
    forget_lost_epochs(run.out)


def _continued(run: Run, before: dict[str, Any], now: dict[str, Any]) -> str:
    # What a description does not name yet was as it is by default.
    known = {"recipe": asdict(Recipe()), "network": asdict(Shape()), "augmentation": asdict(Augmentation())}
    defaults = json.loads(json.dumps(known))
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
    return on if on.rsplit(THEN, maxsplit=1)[-1] == now["on"] else f"{on}{THEN}{now['on']}"


def _by_name(settings: dict[str, Any]) -> dict[str, Any]:
    """Names the runs that one began from or learns from: what made them does not change, nor where they went on."""

    def name(other: Any) -> Any:
        return other.get("run", other) if isinstance(other, dict) else other

    several = {part: settings[part] and [name(each) for each in settings[part]] for part in ("teachers", "answers")}
    return settings | several | {"start": name(settings["start"])}


def forget_lost_epochs(out: Path) -> None:
    """Takes those epochs out of a run's history that came after its checkpoint: they are done again.

    Half a line that an interruption left goes too.
    """
    history, state = out / "history.jsonl", checkpoints.load(out / "checkpoint.npz")
    if history.exists():
        lines = [line for line in history.read_text().splitlines(keepends=True) if line.endswith("\n")]
        kept = "".join(line for line in lines if state and json.loads(line)["epoch"] <= state.epoch)
        replace(history, kept.encode())


def hardware(run: Run) -> str:
    """Says what trains, in words, and how: each process normalises its share of a batch by itself."""
    if run.device.type == "cuda":
        return torch.cuda.get_device_name(run.device)
    kind = "bfloat16" if has_bfloat16(run.device) else "float32"
    each = run.recipe.batch // run.processes
    return f"{os.cpu_count()} cores, {run.processes} processes of {each} faces a step, {kind}"
