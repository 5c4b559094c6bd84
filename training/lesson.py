"""Training faces and what they should teach, batch by batch."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.augment import Augmentation, varied
from training.dataset import TRAIN_SPLIT, Faces, load_split
from training.labels import original_targets
from training.network import standardised
from training.recipe import Recipe
from training.shape import FACE_PX


@dataclass(frozen=True)
class Lesson:
    """Training faces and what they should teach.

    Attributes:
        faces: uint8 (N, 48, 48).
        targets: Distributions over the eight expressions, (N, 8).
        original: Distributions over FER2013's own seven labels, (N, 7), zero where there is no label.
        weights: Weight of each face in the loss (N,), 1 on average.
    """

    faces: Faces
    targets: NDArray[np.float32]
    original: NDArray[np.float32]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Some varied faces.

    Attributes:
        faces: Standardised, float32 (B, 1, side, side), channels last in memory.
        targets: float32 (B, 8).
        original: float32 (B, 7).
        weights: float32 (B,).
    """

    faces: Tensor
    targets: Tensor
    original: Tensor
    weights: Tensor


def read_lesson(data: Path, recipe: Recipe, teacher: Path | None) -> Lesson:
    """Reads the training split, weighs its faces by how rare their expressions are, and mixes in a teacher's answers.

    Args:
        data: The FER+ archive.
        recipe: Says how far to do either.
        teacher: What `teacher.write_answers` wrote, or ``None``.
    """
    faces, targets, labels = load_split(data, TRAIN_SPLIT).soft()
    original = original_targets(labels, recipe.smoothing)
    frequency = targets.mean(axis=0)
    weights = (targets @ (frequency.mean() / frequency) ** recipe.balance).astype(np.float32)
    if teacher is not None:
        with np.load(teacher) as answers:
            targets += recipe.trust * (answers["expressions"] - targets)
            original += recipe.trust * (answers["fer2013"] - original)
    return Lesson(faces, targets, original, weights / weights.mean())


def reduced(faces: Faces, side: int) -> Faces:
    """Reduces faces (N, 48, 48) to (N, side, side) by area."""
    if side == FACE_PX:
        return faces
    return np.stack([cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in faces]).astype(np.uint8)


def batch_of(lesson: Lesson, rows: NDArray[np.int64], side: int, generator: np.random.Generator) -> Batch:
    """Gives some of a lesson's faces, varied and reduced to ``side`` pixels."""
    faces = np.stack([varied(lesson.faces[row], generator, Augmentation()) for row in rows])
    return Batch(
        standardised(reduced(faces, side)).contiguous(memory_format=torch.channels_last),
        torch.from_numpy(lesson.targets[rows]),
        torch.from_numpy(lesson.original[rows]),
        torch.from_numpy(lesson.weights[rows]),
    )
