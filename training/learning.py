"""The parts of one training step: its loss, the gradients that processes share, the average that ships."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from training.lesson import Batch
from training.recipe import Recipe

SHORTEST: Final = 1e-12
"""Keeps a gradient of no length from being divided by zero."""

Weights = dict[str, Tensor]
"""Parameters and buffers by name."""


class MovingAverage:
    """Keeps the exponential moving average of parameters and buffers."""

    EVERY: Final = 8

    def __init__(self, horizon: float, steps: int, start: Weights) -> None:
        """Starts from the averages after ``steps``, to reach back over about ``horizon`` of them."""
        self.values = {name: value.detach().float().clone() for name, value in start.items()}
        self._horizon, self.steps = horizon, steps

    def follow(self, network: nn.Module) -> None:
        """Moves the averages towards the weights, every few calls."""
        self.steps += 1
        if self.steps % self.EVERY:
            return
        over = min(self._horizon, self.steps) / self.EVERY
        keep = over / (1 + over)
        for name, value in network.state_dict().items():
            self.values[name].lerp_(value.float(), 1 - keep)


def loss_of(answers: tuple[Tensor, Tensor, Tensor], batch: Batch, recipe: Recipe) -> Tensor:
    """Gives the weighed cross-entropy of both heads' logits against a batch's targets."""
    logits, original, _ = (answer.float() for answer in answers)
    spread = functional.cross_entropy(logits, batch.targets, reduction="none")
    named = functional.cross_entropy(original, batch.original, reduction="none")
    return ((spread + recipe.original * named) * batch.weights).mean()


@contextmanager
def uphill(network: nn.Module, radius: float) -> Iterator[None]:
    """Moves the weights along their gradient to a distance, and back at the end, with the normalisations' statistics.

    There the loss is about the highest in the neighbourhood: a network that lowers it there settles where the loss is
    low all around (sharpness-aware minimisation, Foret et al. 2021, arXiv:2010.01412).
    """
    parameters = [parameter for parameter in network.parameters() if parameter.grad is not None]
    gradients = [parameter.grad.detach().clone() for parameter in parameters if parameter.grad is not None]
    length = torch.stack([gradient.norm() for gradient in gradients]).norm().clamp(min=SHORTEST)
    with torch.no_grad():
        before = [(tensor, tensor.clone()) for tensor in (*parameters, *network.buffers())]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.add_(gradient * (radius / length))
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)


def share_gradients(network: nn.Module, processes: int) -> None:
    """Replaces every gradient by its mean over all processes."""
    if processes == 1:
        return
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(together)
    parts = torch.split(together / processes, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
