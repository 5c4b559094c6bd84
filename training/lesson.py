"""Training faces and what they should teach, batch by batch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from training.answers import Answers
from training.augment import Augmentation, Dice, varied
from training.dataset import TRAIN_SPLIT, load_split
from training.labels import balancing_weights, original_targets
from training.network import standardised
from training.recipe import Recipe


@dataclass(frozen=True)
class Batch:
    """Some varied faces, on the device that trains.

    Attributes:
        faces: Standardised, float32 (B, 1, 48, 48), channels last in memory.
        targets: Distributions over the eight expressions, float32 (B, 8).
        original: Distributions over FER2013's own seven labels, float32 (B, 7), zero where there is nothing to learn.
        weights: Weight of each face in the loss, float32 (B,), 1 on average over all training faces.
    """

    faces: Tensor
    targets: Tensor
    original: Tensor
    weights: Tensor

    def half(self) -> "Batch":
        """Gives every second face."""
        return Batch(
            self.faces[::2].contiguous(memory_format=torch.channels_last),
            *(each[::2] for each in (self.targets, self.original, self.weights)),
        )


class Lesson:
    """The training split, weighed by how rare expressions are."""

    def __init__(self, data: Path, recipe: Recipe, device: torch.device, answers: Answers | None = None) -> None:
        """Reads the FER+ archive to the device; of every target ``answers`` have the share ``recipe.trust``."""
        faces, targets, labels = load_split(data, TRAIN_SPLIT).soft()
        weights, original = balancing_weights(targets, recipe.balance), original_targets(labels, recipe.smoothing)
        if answers is not None:
            kept = np.float32(1 - recipe.trust)
            targets = kept * targets + (1 - kept) * answers.expressions
            original = kept * original + (1 - kept) * answers.fer2013
        arrays = faces, targets, original, weights
        self._faces, *self._taught = (torch.from_numpy(array).to(device) for array in arrays)

    def __len__(self) -> int:
        """Gives the number of faces."""
        return len(self._faces)

    def batch(self, rows: Tensor, generator: Generator, by: Augmentation, mix: float = 0.0) -> Batch:
        """Gives some of the faces (B,), varied, and a share of them blended with another (mixup, arXiv:1710.09412)."""
        dice = Dice(len(rows), generator)
        faces, taught = varied(self._faces[rows], dice, by), [each[rows] for each in self._taught]
        other = torch.randperm(len(rows), generator=generator, device=generator.device)
        share = torch.where(dice.chance(mix), dice.uniform(0.5, 1), 1.0)
        blended = _blended(faces, other, share)
        return Batch(
            standardised(blended).contiguous(memory_format=torch.channels_last),
            *(_blended(each, other, share) for each in taught),
        )


def _blended(values: Tensor, other: Tensor, share: Tensor) -> Tensor:
    return torch.lerp(values[other], values, share.view(-1, *[1] * (values.ndim - 1)))
