"""Puts batch normalisation back into a network from which it was folded away, so that training can go on from it."""

import json
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from training import checkpoint as checkpoints
from training.augment import Augmentation
from training.files import replace
from training.lesson import Lesson
from training.network import Convolution, Network
from training.recipe import Recipe
from training.shape import EPSILON, Kernel

FACES: Final = 2048
"""Faces that the statistics are taken from."""
NORM: Final = 2**0.5
"""Length that each channel's kernel gets, as He et al. 2015 draw it; normalised, the answers do not depend on it."""
SHORTEST: Final = 1e-6
"""Keeps the kernel of a channel that died from being divided by zero."""


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


def write_run(network: Network, described: dict[str, Any], out: Path, data: Path, done: dict[str, Any]) -> None:
    """Writes a run that ends with a network `as_released`, its batch normalisations put back.

    Args:
        network: Whose weights the run has.
        described: The run's ``recipe.json``: its ``network``, and where the weights come from.
        out: The run's folder.
        data: The FER+ archive, whose faces give the statistics.
        done: The history's only line: ``epoch`` and ``seconds`` of training, and what tells the run from others.
    """
    lesson, chance = Lesson(data, Recipe(), torch.device("cpu")), torch.Generator()
    chance.manual_seed(0)
    rows = torch.randperm(len(lesson), generator=chance)[:FACES]
    normalise(network, lesson.batch(rows, chance, Augmentation()).faces)
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    state = checkpoints.Checkpoint(done["epoch"], arrays, arrays, {}, done["seconds"])
    checkpoints.save(out / "checkpoint.npz", state)
    replace(out / "recipe.json", (json.dumps(described) + "\n").encode())
    replace(out / "history.jsonl", (json.dumps(done) + "\n").encode())
