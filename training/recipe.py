"""What decides a training run's result, and what follows from it for each epoch. Plain numbers."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What decides a run's result.

    Attributes:
        epochs: Passes over the training faces.
        batch: Faces per step, over all processes.
        peak_rate: Learning rate after the warm-up; it falls to zero along a cosine.
        warm_up: Fraction of the steps over which the rate rises.
        decay: Weight decay, times the learning rate.
        average: Share of the run over which the weights are averaged: longer than they need to settle, the averaged
            network no longer fits its own batch statistics.
        balance: How strongly rare expressions weigh more: 0 not at all, 1 as much as frequent ones.
        original: Weight of the loss on FER2013's own labels.
        smoothing: Share of those labels that is spread over all seven.
        mix: Share of the faces that are blended with another.
        radius: How far around the weights the loss is kept low (see `learning.uphill`); 0 leaves that out, and a
            third of the time.
        mild: Share of the run, at its end, in which faces vary half as much and none is blended: closer to how they
            will be seen.
        trust: Share of every target that the teachers' answers replace, where there are any.
        seed: Seed of the order, the augmentation and the weights.
    """

    epochs: int = 77
    batch: int = 128
    peak_rate: float = 0.08
    warm_up: float = 0.05
    decay: float = 5e-4
    average: float = 0.05
    balance: float = 0.25
    original: float = 1.0
    smoothing: float = 0.1
    mix: float = 0.0
    radius: float = 0.0
    mild: float = 0.15
    trust: float = 0.5
    seed: int = 20261128

    def is_mild(self, epoch: int) -> bool:
        """Says whether faces vary half as much in an epoch, counted from 0."""
        return epoch >= self.epochs * (1 - self.mild)


def learning_rate(recipe: Recipe, epoch: float) -> float:
    """Gives the rate after some epochs: a linear rise, then half a cosine down to zero."""
    done = epoch / recipe.epochs
    return recipe.peak_rate * min(1.0, done / recipe.warm_up) * (1 + math.cos(math.pi * done)) / 2
