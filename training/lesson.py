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
from training.network import standardised
from training.shape import FACE_PX


@dataclass(frozen=True)
class Lesson:
    """Training faces and what they should teach.

    Attributes:
        faces: uint8 (N, 48, 48).
        targets: Distributions over the eight expressions, (N, 8).
        original: FER2013's own labels (N,), or ``NO_FER2013``.
        weights: Weight of each face in the loss (N,), 1 on average.
    """

    faces: Faces
    targets: NDArray[np.float32]
    original: NDArray[np.uint8]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Some varied faces.

    Attributes:
        faces: Standardised, float32 (B, 1, side, side), channels last in memory.
        targets: float32 (B, 8).
        original: int64 (B,).
        weights: float32 (B,).
    """

    faces: Tensor
    targets: Tensor
    original: Tensor
    weights: Tensor


def read_lesson(data: Path, balance: float) -> Lesson:
    """Reads the training split and weighs its faces by how rare their expressions are, to the power ``balance``."""
    faces, targets, original = load_split(data, TRAIN_SPLIT).soft()
    frequency = targets.mean(axis=0)
    weights = (targets @ (frequency.mean() / frequency) ** balance).astype(np.float32)
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
        torch.from_numpy(lesson.original[rows].astype(np.int64)),
        torch.from_numpy(lesson.weights[rows]),
    )
