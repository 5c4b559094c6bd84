"""Trains the expression network and goes on where it was interrupted.

    python -m training.train --blocks 1 2 1 1 --epochs 45 --out build/training/shallow
    python -m training.train --start build/training/shallow --out build/training/grown

One process per core, each with its own faces, averages its gradients with the others': on processors that
others use too that is faster than threads, which wait for each other in every layer. The state after every
epoch lies in ``checkpoint.npz`` and the course of the run in ``history.jsonl``. Start the same command again
after an interruption; ``--epochs`` may change on the way. ``--start`` goes on from a finished run's averages;
blocks that a shallower one lacks begin as the identity. ``--teacher`` mixes a finished run's answers with the votes.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from torch import distributed, multiprocessing

from training import checkpoint as checkpoints
from training.dataset import DEFAULT_DATA, VALID_SPLIT, load_split
from training.learning import MovingAverage, Weights, loss_of, share_gradients
from training.lesson import Batch, Lesson, batch_of, read_lesson, reduced
from training.network import Network, narrowed, standardised
from training.recipe import Recipe, learning_rate, side_of
from training.shape import Shape
from training.teacher import write_answers

DEFAULT_OUT: Final = Path("build/training/shallow")


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        recipe: What decides its result.
        shape: The network's.
        data: The FER+ archive.
        out: Where its checkpoint and history lie.
        processes: How many train together.
        start: A finished run to go on from, of this network or a shallower one, or ``None``.
        teacher: A finished run whose answers are learnt beside the votes, or ``None``.
    """

    recipe: Recipe
    shape: Shape
    data: Path
    out: Path
    processes: int
    start: Path | None
    teacher: Path | None

    @property
    def answers(self) -> Path | None:
        """Where the teacher's answers lie."""
        return None if self.teacher is None else self.out / "teacher.npz"


@torch.inference_mode()
def accuracies(run: Run, weights: Weights, side: int) -> dict[str, float]:
    """Gives the validation accuracy against FER+'s majority and FER2013's own labels, faces of ``side`` pixels."""
    network = Network(run.shape)
    network.load_state_dict(weights)
    network.eval().to(memory_format=torch.channels_last)
    split = load_split(run.data, VALID_SPLIT)
    scores = {}
    for head, (name, (faces, labels)) in enumerate((("ferplus", split.majority()), ("fer2013", split.original()))):
        answers = []
        for i in range(0, len(faces), 128):
            some = standardised(reduced(faces[i : i + 128], side)).contiguous(memory_format=torch.channels_last)
            with narrowed():
                answers.append(network(some)[head].argmax(1).numpy())
        scores[name] = round(float((np.concatenate(answers) == labels).mean()), 4)
    return scores


def as_arrays(weights: Weights) -> checkpoints.Arrays:
    """Gives tensors as arrays in standard memory order."""
    return {name: np.ascontiguousarray(value.detach().numpy()) for name, value in weights.items()}


def as_tensors(arrays: checkpoints.Arrays) -> Weights:
    """Gives arrays as tensors."""
    return {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}


class Training:
    """One process's part of a run."""

    def __init__(self, run: Run, rank: int) -> None:
        """Starts afresh or where the run's checkpoint ends; process 0 also validates and saves."""
        self._run, self._rank, recipe = run, rank, run.recipe
        torch.manual_seed(recipe.seed)
        self._lesson: Lesson = read_lesson(run.data, recipe, run.answers)
        self._steps = len(self._lesson.faces) // recipe.batch
        self._network = Network(run.shape).to(memory_format=torch.channels_last)
        self._named = dict(self._network.named_parameters())
        self._rule = torch.optim.SGD(
            self._named.values(), recipe.peak_rate, momentum=0.9, nesterov=True, weight_decay=recipe.decay, fused=True
        )
        state = checkpoints.load(run.out / "checkpoint.npz")
        if state is None and run.start is not None:
            self._network.grow_from(as_tensors(checkpoints.finished(run.start)[1]))
        if state is not None:
            self._network.load_state_dict(as_tensors(state.weights))
            for name, value in as_tensors(state.momentum).items():
                # The fused step walks through memory: the momentum must lie there as its parameter does.
                self._rule.state[self._named[name]]["momentum_buffer"] = torch.empty_like(self._named[name]).copy_(
                    value
                )
        self.epoch = state.epoch if state else 0
        self._seconds = state.seconds if state else 0.0
        averaged = as_tensors(state.averaged) if state else dict(self._network.state_dict())
        self._average = MovingAverage(recipe.average, self.epoch * self._steps, averaged)
        self._compiled: Any = torch.compile(self._network)

    def step(self, batch: Batch, rate: float) -> float:
        """Learns from a batch and gives its loss."""
        for group in self._rule.param_groups:
            group["lr"] = rate
        with narrowed():
            answers = self._compiled(batch.faces)
        loss = loss_of(answers, batch, self._run.recipe)
        self._rule.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        share_gradients(self._network, self._run.processes)
        self._rule.step()
        if self._rank == 0:
            self._average.follow(self._network)
        return loss.item()

    def learn(self) -> None:
        """Learns for one epoch; process 0 then saves and says how it went."""
        began, recipe, total = time.monotonic(), self._run.recipe, 0.0
        self._network.train()
        side = side_of(recipe, self.epoch)
        order = np.random.default_rng((recipe.seed, self.epoch)).permutation(len(self._lesson.faces))
        torch.manual_seed(recipe.seed + self.epoch * self._run.processes + self._rank)
        for step in range(self._steps):
            rows = order[step * recipe.batch : (step + 1) * recipe.batch][self._rank :: self._run.processes]
            generator = np.random.default_rng((recipe.seed, self.epoch, step, self._rank))
            rate = learning_rate(recipe, self.epoch + step / self._steps)
            total += self.step(batch_of(self._lesson, rows, side, generator), rate)
            if self._rank == 0 and step % 10 == 0:
                spent = time.monotonic() - began
                print(
                    f"epoch {self.epoch + 1}, {step}/{self._steps}: {total / (step + 1):.4f}, {spent:.0f} s", flush=True
                )
        self.epoch += 1
        if self._rank == 0:
            scores = accuracies(self._run, self._average.values, side)
            self._seconds += time.monotonic() - began
            self._save()
            self._record({"loss": round(total / self._steps, 4), "valid": scores})

    def _save(self) -> None:
        momentum = {name: self._rule.state[value]["momentum_buffer"] for name, value in self._named.items()}
        parts = (as_arrays(each) for each in (self._network.state_dict(), self._average.values, momentum))
        checkpoints.save(
            self._run.out / "checkpoint.npz", checkpoints.Checkpoint(self.epoch, *parts, seconds=self._seconds)
        )

    def _record(self, figures: dict[str, Any]) -> None:
        line = json.dumps({"epoch": self.epoch, "seconds": round(self._seconds, 1), **figures})
        with (self._run.out / "history.jsonl").open("a") as history:
            history.write(line + "\n")
        print(line, flush=True)


def joined(rank: int, port: int, run: Run) -> None:
    """Trains as one of a run's processes, which meet on a loopback port."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    meeting = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=run.processes)
    training = Training(run, rank)
    while training.epoch < run.recipe.epochs:
        training.learn()
    distributed.destroy_process_group()


def free_port() -> int:
    """Gives a port on loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def name_of(run: Path) -> str:
    """Names a run by what its history hashes to."""
    return hashlib.sha256((run / "history.jsonl").read_bytes()).hexdigest()[:12]


def begin(run: Run) -> None:
    """Writes a run's description beside its checkpoint.

    Raises:
        SystemExit: A run of another network lies there, or the one to start from does not.
    """
    if run.start is not None:
        checkpoints.finished(run.start)
    run.out.mkdir(parents=True, exist_ok=True)
    described, network = run.out / "recipe.json", json.loads(json.dumps(asdict(run.shape)))
    if described.exists() and json.loads(described.read_text())["network"] != network:
        message = f"{run.out} holds a run of another network; name a new folder with --out, or remove it"
        raise SystemExit(message)
    others = {"start": run.start and name_of(run.start), "teacher": run.teacher and name_of(run.teacher)}
    settings = {"recipe": asdict(run.recipe), "network": network, **others}
    described.write_text(json.dumps(settings, indent=1) + "\n")
    if run.answers is not None and not run.answers.exists():
        write_answers(run.teacher, run.data, run.answers)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the expression network; resumable.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--start", type=Path, help="a finished run to go on from, of this network or a shallower one")
    parser.add_argument("--teacher", type=Path, help="a finished run whose answers are learnt beside the votes")
    parser.add_argument("--widths", type=int, nargs="+", default=Shape().widths, help="channels of each stage")
    parser.add_argument("--blocks", type=int, nargs="+", default=Shape().blocks, help="residual blocks of each stage")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    for field in dataclasses.fields(Recipe):
        parser.add_argument("--" + field.name.replace("_", "-"), type=type(field.default), default=field.default)
    options = vars(parser.parse_args())
    shape = Shape(widths=tuple(options.pop("widths")), blocks=tuple(options.pop("blocks")))
    places = {name: options.pop(name) for name in ("data", "out", "processes", "start", "teacher")}
    run = Run(Recipe(**options), shape, **places)
    begin(run)
    multiprocessing.spawn(joined, (free_port(), run), nprocs=run.processes)


if __name__ == "__main__":
    main()
