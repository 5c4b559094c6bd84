"""Trains an expression network and goes on where it was interrupted.

    python -m training.train --data ferplus_train_valid.npz

On a graphics processor where PyTorch finds one; else one process per core, each with its own faces, averages its
gradients with the others': on processors that others use too that is faster than threads, which wait for each other
in every layer. The course of the run lies in ``history.jsonl`` and its state in ``checkpoint.npz``, at least once a
minute or epoch, whichever is longer. Start the same command again after an interruption; ``--epochs`` may change.
``--start`` goes on from a finished run's averages, with its network.
``--teachers`` mixes finished runs' answers with the votes, ``--answers`` those that were written down before.
"""

import argparse
import dataclasses
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor, distributed, multiprocessing

from training import checkpoint as checkpoints
from training.answers import read as read_answers
from training.augment import Augmentation
from training.dataset import DEFAULT_DATA
from training.examination import Examination
from training.learning import MovingAverage, Weights, loss_of, share_gradients, uphill
from training.lesson import Batch, Lesson
from training.network import Network, autocast
from training.recipe import Recipe, learning_rate
from training.run import Run, begin, hardware
from training.shape import Shape
from training.teacher import Teachers

DEFAULT_OUT: Final = Path("build/training/run")
SAVE_EVERY_S: Final = 60.0
FEWEST: Final = 32
"""Faces of a step that a process has at least, by default: it normalises them by their own mean and variance."""


def as_arrays(weights: Weights) -> checkpoints.Arrays:
    """Gives tensors as arrays in standard memory order."""
    return {name: np.asarray(value.detach().cpu().numpy(), order="C") for name, value in weights.items()}


def as_tensors(arrays: checkpoints.Arrays, device: torch.device) -> Weights:
    """Gives arrays as tensors."""
    return {name: torch.from_numpy(np.array(value)).to(device) for name, value in arrays.items()}


class Training:
    """One process's part of a run."""

    def __init__(self, run: Run, lesson: Lesson, rank: int = 0) -> None:
        """Starts afresh or where the run's checkpoint ends; process 0 also validates and saves."""
        self._run, self._rank, recipe, device = run, rank, run.recipe, run.device
        torch.manual_seed(recipe.seed)  # every process begins with the same weights
        self._network = Network(run.shape).to(device, memory_format=torch.channels_last)
        self._named = dict(self._network.named_parameters())
        self._rule = torch.optim.SGD(
            self._named.values(), recipe.peak_rate, momentum=0.9, nesterov=True, weight_decay=recipe.decay, fused=True
        )
        state = checkpoints.load(run.out / "checkpoint.npz")
        if state is None and run.start is not None:
            self._network.load_state_dict(as_tensors(checkpoints.finished(run.start)[1], device))
        if state is not None:
            self._network.load_state_dict(as_tensors(state.weights, device))
            for name, value in as_tensors(state.momentum, device).items():
                # The fused step walks through memory: the momentum must lie there as its parameter does.
                self._rule.state[self._named[name]]["momentum_buffer"] = torch.empty_like(self._named[name]).copy_(
                    value
                )
        self.epoch = state.epoch if state else 0
        self._seconds = state.seconds if state else 0.0
        averaged = as_tensors(state.averaged, device) if state else dict(self._network.state_dict())
        self._lesson = lesson
        self._steps = len(lesson) // recipe.batch
        horizon = recipe.average * recipe.epochs * self._steps
        self.average = MovingAverage(horizon, self.epoch * self._steps, averaged)
        self._saved = time.monotonic()
        self._compiled: Any = torch.compile(self._network, dynamic=False)

    def step(self, batch: Batch, rate: float) -> Tensor:
        """Learns from a batch and gives its loss."""
        for group in self._rule.param_groups:
            group["lr"] = rate
        self._network.train()
        if radius := self._run.recipe.radius:
            self._descend(batch.half())
            with uphill(self._network, radius):
                loss = self._descend(batch)
        else:
            loss = self._descend(batch)
        share_gradients(self._network, self._run.processes)
        self._rule.step()
        if self._rank == 0:
            self.average.follow(self._network)
        return loss

    def _descend(self, batch: Batch) -> Tensor:
        with autocast(self._run.device):
            answers = self._compiled(batch.faces)
        loss = loss_of(answers, batch, self._run.recipe)
        self._rule.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def learn(self, teachers: Teachers) -> float:
        """Learns for one epoch and gives its mean loss."""
        began, recipe, device = time.monotonic(), self._run.recipe, self._run.device
        total = torch.zeros((), device=device)
        lesson, steps = self._lesson, self._steps
        order = torch.from_numpy(np.random.default_rng((recipe.seed, self.epoch)).permutation(len(lesson))).to(device)
        chance = torch.Generator(device)
        chance.manual_seed(recipe.seed * 1000 + self.epoch * self._run.processes + self._rank)
        torch.manual_seed(chance.initial_seed() + 1_000_000)  # dropout's, which has no generator of its own
        mild = recipe.is_mild(self.epoch)
        variation, mix = (Augmentation().milder(), 0.0) if mild else (Augmentation(), recipe.mix)
        for step in range(steps):
            rows = order[step * recipe.batch : (step + 1) * recipe.batch][self._rank :: self._run.processes]
            batch = teachers.taught(lesson.batch(rows, chance, variation, mix), recipe.trust)
            total += self.step(batch, learning_rate(recipe, self.epoch + step / steps))
            if self._rank == 0 and step % 20 == 0:
                spent, loss = time.monotonic() - began, total.item() / (step + 1)
                print(f"epoch {self.epoch + 1}, {step}/{steps}: {loss:.4f}, {spent:.0f} s", flush=True)
        self.epoch += 1
        self._seconds += time.monotonic() - began
        return total.item() / steps

    def record(self, figures: dict[str, Any]) -> None:
        """Notes how the last epoch went, and saves where it is time to."""
        epochs, seconds = self._run.recipe.epochs, round(self._seconds, 1)
        line = json.dumps({"epoch": self.epoch, "of": epochs, "seconds": seconds, **figures})
        with (self._run.out / "history.jsonl").open("a") as history:
            history.write(line + "\n")
        print(line, flush=True)
        if self.epoch == self._run.recipe.epochs or time.monotonic() - self._saved > SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        momentum = {name: self._rule.state[value]["momentum_buffer"] for name, value in self._named.items()}
        parts = (as_arrays(each) for each in (self._network.state_dict(), self.average.values, momentum))
        saved = checkpoints.Checkpoint(self.epoch, *parts, seconds=self._seconds)
        checkpoints.save(self._run.out / "checkpoint.npz", saved)
        self._saved = time.monotonic()


def trained(run: Run, rank: int = 0) -> None:
    """Trains as one of a run's processes."""
    answers = None if run.answers is None else read_answers(run.answers, run.data)
    training = Training(run, Lesson(run.data, run.recipe, run.device, answers), rank)
    teachers, examination = Teachers(run.teachers, run.device), Examination(run.data, run.device)
    if rank == 0 and training.epoch < run.recipe.epochs:
        where = f"epoch {training.epoch + 1} of {run.recipe.epochs} on {hardware(run)}"
        print(f"{run.out}: {where}; compiling the network first, which takes a minute or some", flush=True)
    while training.epoch < run.recipe.epochs:
        loss = training.learn(teachers)
        if rank == 0:
            scores = examination.accuracies(run.shape, training.average.values)
            training.record({"loss": round(loss, 4), "valid": scores})


def joined(rank: int, port: int, run: Run) -> None:
    """Trains as one of several processes, which meet on a loopback port."""
    torch.set_num_threads(1)
    meeting = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=run.processes)
    trained(run, rank)
    distributed.destroy_process_group()


def free_port() -> int:
    """Gives a port on loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cores() -> int:
    """Gives how many cores this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def arguments() -> argparse.ArgumentParser:
    """Gives the command line: every field of the recipe and of the network's shape is an option."""
    parser = argparse.ArgumentParser(description="Train the expression network; resumable.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--start", type=Path, help="a finished run to go on from; the network is that run's")
    parser.add_argument("--teachers", type=Path, nargs="*", default=(), help="finished runs to learn from")
    parser.add_argument("--answers", type=Path, help="a file of `training.answers` to learn from")
    found = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", type=torch.device, default=torch.device(found))
    parser.add_argument("--processes", type=int, help=f"on a CPU; default one a core of {FEWEST} faces or more")
    for field in (*dataclasses.fields(Recipe), *dataclasses.fields(Shape)):
        name, default = "--" + field.name.replace("_", "-"), field.default
        if isinstance(default, bool):
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=default)
        elif isinstance(default, tuple):
            parser.add_argument(name, type=int, nargs="+", default=default)
        else:
            parser.add_argument(name, type=type(default), default=default)
    return parser


def read(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line; what it does not say of the network is as in the run that it goes on from."""
    parser = arguments()
    start = parser.parse_args(words).start
    if start is not None:
        parser.set_defaults(**dataclasses.asdict(checkpoints.finished(start)[0]))
    options = parser.parse_args(words)
    if options.answers and options.teachers:
        parser.error("--answers and --teachers would both replace a share of the votes: give one of them")
    return options


def run_of(options: argparse.Namespace) -> Run:
    """Gives the run that the command line describes."""

    def picked(kind: type) -> Any:
        chosen = {field.name: getattr(options, field.name) for field in dataclasses.fields(kind)}
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()})

    alone = options.device.type != "cpu"
    processes = 1 if alone else options.processes or min(cores(), options.batch // FEWEST) or 1
    places = options.data, options.out, options.device, processes
    return Run(
        picked(Recipe),
        picked(Shape),
        *places,
        start=options.start,
        teachers=tuple(options.teachers),
        answers=options.answers,
    )


def main() -> None:
    """Reads the command line and trains."""
    run = run_of(read())
    begin(run)
    try:
        train(run)
    except KeyboardInterrupt:
        state = checkpoints.load(run.out / "checkpoint.npz")
        kept = f"{state.epoch if state else 0} of {run.recipe.epochs} epochs are kept in {run.out}"
        print(f"\nstopped; {kept}, and the same command goes on from there", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def train(run: Run) -> None:
    """Trains, in as many processes as the run says."""
    if run.processes == 1:
        trained(run)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # or the others outlive it
        multiprocessing.spawn(joined, (free_port(), run), nprocs=run.processes, daemon=True)


if __name__ == "__main__":
    main()
