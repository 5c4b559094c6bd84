"""Gets a released version's weights back into a run that training can go on from.

    python -m training.unfold --out build/training/released

A released network has its batch normalisation folded away. Each is put back with the statistics that varied training
faces have there, so that the network says what it said, to the rounding of the release.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
import torch
from torch import Tensor, nn

from training import checkpoint as checkpoints
from training.augment import Augmentation
from training.dataset import DEFAULT_DATA
from training.lesson import Lesson
from training.network import Convolution, Network
from training.recipe import Recipe
from training.served import Kernel, mirrored, served_network
from training.shape import EPSILON, Shape, shape_of
from training.versions import released

FACES: Final = 2048
"""Faces that the statistics are taken from."""
NORM: Final = 2**0.5
"""Length that each channel's kernel gets, as He et al. 2015 draw it; normalised, the answers do not depend on it."""
SHORTEST: Final = 1e-6
"""Keeps the kernel of a channel that died from being divided by zero."""


def released_kernels(version: Path, shape: Shape) -> dict[str, Kernel]:
    """Reads the kernel (H, W, in, out) or (in, out) and bias of each layer of a released version, by its name."""
    arrays = {name: value.numpy() for name, value in Network(shape).state_dict().items()}
    network = served_network(shape, arrays)
    restored = tf.train.Checkpoint(_network=mirrored(network)).read(str(version / "variables" / "variables"))
    restored.assert_existing_objects_matched().expect_partial()
    return {layer.name: layer.get_weights() for layer in network.layers if layer.weights}


@torch.no_grad()
def as_released(network: Network, kernels: dict[str, Kernel]) -> None:
    """Gives a network released kernels, and batch normalisations that do nothing but add the biases."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear):
            kernel, bias = kernels[name]
            module.weight.copy_(torch.from_numpy(kernel.T))
            module.bias.copy_(torch.from_numpy(bias))
        elif isinstance(module, Convolution):
            kernel, bias = kernels[name]
            module.convolution.weight.copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1)))
            module.normalisation.running_var.fill_(1 - EPSILON)
            module.normalisation.bias.copy_(torch.from_numpy(bias))


@torch.no_grad()
def normalise(network: Network, faces: Tensor) -> None:
    """Gives every batch normalisation the statistics of faces (N, 1, 48, 48), while the answers stay the same."""

    def measure(module: nn.Module, _: Any, outputs: Tensor) -> None:
        moments[module] = torch.var_mean(outputs, (0, 2, 3))

    moments: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    modules = [module for module in network.modules() if isinstance(module, Convolution)]
    hooks = [module.convolution.register_forward_hook(measure) for module in modules]
    network(faces)
    for module, hook in zip(modules, hooks, strict=True):
        hook.remove()
        variance, mean = moments[module.convolution]
        longer = NORM / module.convolution.weight.flatten(1).norm(dim=1).clamp(min=SHORTEST)
        module.convolution.weight.mul_(longer[:, None, None, None])
        module.normalisation.running_mean.copy_(mean * longer)
        module.normalisation.running_var.copy_(variance * longer**2)
        module.normalisation.weight.copy_((variance * longer**2 + EPSILON).sqrt() / longer)
        module.normalisation.bias.add_(mean)


def unfold(version: Path, out: Path, data: Path) -> None:
    """Writes a run that ends with a released version's weights."""
    training = json.loads((version / "model.json").read_text())["training"]
    shape = shape_of(training["network"])
    network = Network(shape).eval()
    as_released(network, released_kernels(version, shape))
    lesson, chance = Lesson(data, Recipe(), torch.device("cpu")), torch.Generator()
    chance.manual_seed(0)
    rows = torch.randperm(len(lesson), generator=chance)[:FACES]
    normalise(network, lesson.batch(rows, chance, Augmentation()).faces)
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    epochs, seconds = training["epochs_done"], training["seconds"]
    checkpoints.save(out / "checkpoint.npz", checkpoints.Checkpoint(epochs, arrays, arrays, {}, seconds))
    (out / "recipe.json").write_text(json.dumps({name: training[name] for name in ("recipe", "network")}) + "\n")
    line = {"epoch": epochs, "seconds": seconds, "released": training["run"]}
    (out / "history.jsonl").write_text(json.dumps(line) + "\n")


def main() -> None:
    """Reads the command line and writes the run."""
    parser = argparse.ArgumentParser(description="Get a released expression model's weights back into a run.")
    parser.add_argument("--model", type=Path, default=released())
    parser.add_argument("--out", type=Path, default=Path("build/training/released"))
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    options = parser.parse_args()
    unfold(options.model, options.out, options.data)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
