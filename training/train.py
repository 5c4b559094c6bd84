"""Trains the expression network and goes on where it was interrupted.

    python -m training.train --data ../shared/data/fer/ferplus_train_valid.npz --out build/training

The state after every epoch lies in ``checkpoint.npz`` and the course of the run in ``history.jsonl``.
Start the same command again after an interruption, or with more ``--epochs`` in a new ``--out``.
"""

import argparse
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training import checkpoint as checkpoints
from training.augment import Augmentation, varied
from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, VALID_SPLIT, Faces, load_split
from training.network import Shape, build

DEFAULT_OUT: Final = Path("build/training")


@dataclass(frozen=True)
class Recipe:
    """What decides a run's result.

    Attributes:
        epochs: Passes over the training faces.
        batch: Faces per step.
        peak_rate: Learning rate after the warm-up; it falls to zero along a cosine.
        warm_up: Fraction of the steps over which the rate rises.
        decay: Weight decay, decoupled, times the learning rate.
        average: Decay per step of the weights' moving average; shorter in the first steps.
        balance: How strongly rare expressions weigh more: 0 not at all, 1 as much as frequent ones.
        seed: Seed of the order, the augmentation and the weights.
    """

    epochs: int = 45
    batch: int = 128
    peak_rate: float = 0.1
    warm_up: float = 0.05
    decay: float = 5e-4
    average: float = 0.9985
    balance: float = 0.2
    seed: int = 20261121


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Shuffled, augmented batches; the same for the same seed and epoch."""

    def __init__(self, faces: Faces, targets: NDArray[np.float32], recipe: Recipe, epoch: int) -> None:
        """Keeps the arrays and draws this epoch's order."""
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self._faces, self._targets, self._batch = faces, targets, recipe.batch
        self._seed = (recipe.seed, epoch)
        self._order = np.random.default_rng(self._seed).permutation(len(faces))
        frequency = targets.mean(axis=0)
        self._weights = (targets @ (frequency.mean() / frequency) ** recipe.balance).astype(np.float32)
        self._weights /= self._weights.mean()

    def __len__(self) -> int:
        """Counts whole batches; the remainder of the shuffled order is left out."""
        return len(self._order) // self._batch

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        """Gives faces uint8 (B, 48, 48, 1), targets (B, 8) and weights (B,)."""
        rows = self._order[index * self._batch : (index + 1) * self._batch]
        generator = np.random.default_rng((*self._seed, index))
        how = Augmentation()
        faces = np.stack([varied(self._faces[row], generator, how) for row in rows])
        return faces[..., None], self._targets[rows], self._weights[rows]


class MovingAverage(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the exponential moving average of all variables, batch statistics included."""

    EVERY: Final = 8

    def __init__(self, network: keras.Model, decay: float, steps: int, start: Any) -> None:
        """Starts from the averages after ``steps``, or from the network as it is."""
        super().__init__()
        self._network, self._decay, self._steps = network, decay, steps
        self.values: list[Any] = start or [np.array(v) for v in network.get_weights()]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Moves the averages towards the weights every few steps."""
        del batch, logs
        self._steps += 1
        if self._steps % self.EVERY:
            return
        keep = min(self._decay**self.EVERY, 1 - 1 / (1 + self._steps / self.EVERY))
        pairs = zip(self.values, self._network.get_weights(), strict=True)
        self.values = [keep * average + (1 - keep) * value for average, value in pairs]


def learning_rate(recipe: Recipe, epoch: float) -> float:
    """Gives the rate after some epochs: a linear rise, then half a cosine down to zero."""
    done = epoch / recipe.epochs
    return recipe.peak_rate * min(1.0, done / recipe.warm_up) * (1 + math.cos(math.pi * done)) / 2


class CosineRate(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate at every step."""

    def __init__(self, recipe: Recipe, steps_per_epoch: int, epoch: int) -> None:
        """Starts at the first step of an epoch."""
        super().__init__()
        self._recipe, self._steps, self._epoch = recipe, steps_per_epoch, epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Sets this step's rate."""
        del logs
        self.model.optimizer.learning_rate = learning_rate(self._recipe, self._epoch + batch / self._steps)


def accuracy(network: keras.Model, weights: list[Any], faces: Faces, labels: NDArray[np.int64]) -> float:
    """Gives the share of faces that the network with these weights labels as the majority does."""
    kept = network.get_weights()
    network.set_weights(weights)
    logits = network.predict(faces[..., None], batch_size=256, verbose=0)
    network.set_weights(kept)
    return float((logits.argmax(axis=1) == labels).mean())


def run(recipe: Recipe, data: Path, out: Path) -> None:
    """Trains up to ``recipe.epochs``, from the checkpoint in ``out`` if there is one."""
    faces, targets = load_split(data, TRAIN_SPLIT).soft()
    valid_faces, valid_labels = load_split(data, VALID_SPLIT).majority()
    keras.utils.set_random_seed(recipe.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    whole = build(Shape())
    network = keras.Model(whole.input, whole.output["logits"])
    rule = keras.optimizers.SGD(momentum=0.9, nesterov=True, weight_decay=recipe.decay)
    rule.build(network.trainable_variables)
    network.compile(rule, keras.losses.CategoricalCrossentropy(from_logits=True))

    start = checkpoints.load(out / "checkpoint.npz")
    if start is not None:
        network.set_weights(start.weights)
        for variable, value in zip(rule.variables, start.optimizer, strict=True):
            variable.assign(value)
        print(f"goes on after epoch {start.epoch} of {recipe.epochs}")
    done = start.epoch if start else 0
    seconds = start.seconds if start else 0.0
    average = MovingAverage(
        network, recipe.average, done * (len(faces) // recipe.batch), start.averaged if start else None
    )
    bar = 1 if sys.stdout.isatty() else 2
    for epoch in range(done, recipe.epochs):
        began = time.monotonic()
        batches = Batches(faces, targets, recipe, epoch)
        rate = CosineRate(recipe, len(batches), epoch)
        fitted = network.fit(batches, epochs=epoch + 1, initial_epoch=epoch, callbacks=[rate, average], verbose=bar)
        fit_s = time.monotonic() - began
        score = accuracy(network, average.values, valid_faces, valid_labels)
        seconds += time.monotonic() - began
        line = {
            "epoch": epoch + 1,
            "loss": round(float(fitted.history["loss"][0]), 4),
            "valid_accuracy": round(score, 4),
            "fit_seconds": round(fit_s, 1),
            "seconds": round(seconds, 1),
        }
        optimizer = [ops.convert_to_numpy(v) for v in rule.variables]
        state = checkpoints.Checkpoint(epoch + 1, network.get_weights(), average.values, optimizer, seconds)
        checkpoints.save(out / "checkpoint.npz", state)
        with (out / "history.jsonl").open("a") as history:
            history.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the expression network; resumable.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    for name, value in asdict(Recipe()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    options = vars(parser.parse_args())
    data, out = options.pop("data"), options.pop("out")
    out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(**options)
    settings = {"recipe": asdict(recipe), "network": asdict(Shape())}
    described = out / "recipe.json"
    if described.exists() and json.loads(described.read_text())["network"] != json.loads(json.dumps(asdict(Shape()))):
        message = f"{out} holds a run of another network; name a new folder with --out, or remove it"
        raise SystemExit(message)
    described.write_text(json.dumps(settings, indent=1) + "\n")
    run(recipe, data, out)


if __name__ == "__main__":
    main()
