"""Reads the FER+ archive: 48x48 grey faces, the votes on them, and which split they belong to."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.labels import NO_FER2013, Votes, majority_labels, soft_targets

DEFAULT_DATA: Final = Path("data/ferplus_train_valid.npz")
"""Where the archive lies in a development checkout; every command takes ``--data`` instead."""

TRAIN_SPLIT: Final = 0
VALID_SPLIT: Final = 1

Faces = NDArray[np.uint8]


@dataclass(frozen=True)
class Split:
    """One split of FER+.

    Attributes:
        faces: Grey faces of shape (N, 48, 48), 0-255.
        votes: Votes of shape (N, 10) over the eight expressions, "unknown" and "not a face".
        fer2013: FER2013's own labels (N,) in 0..6, or ``NO_FER2013``.
    """

    faces: Faces
    votes: Votes
    fer2013: NDArray[np.uint8]

    def soft(self) -> tuple[Faces, NDArray[np.float32], NDArray[np.uint8]]:
        """Gives the usable faces (M, 48, 48) with their soft targets (M, 8) and original labels (M,)."""
        targets, usable = soft_targets(self.votes)
        return self.faces[usable], targets[usable], self.fer2013[usable]

    def majority(self) -> tuple[Faces, NDArray[np.int64]]:
        """Gives the faces (M, 48, 48) on which most taggers agree, with their label (M,) in 0..7."""
        labels = majority_labels(self.votes)
        agreed = labels >= 0
        return self.faces[agreed], labels[agreed]

    def original(self) -> tuple[Faces, NDArray[np.int64]]:
        """Gives the faces (M, 48, 48) whose original label is known, with it (M,) in 0..6."""
        known = self.fer2013 != NO_FER2013
        return self.faces[known], self.fer2013[known].astype(np.int64)


def digest(path: Path) -> str:
    """Gives the archive's sha256.

    Raises:
        SystemExit: The archive is not there.
    """
    return hashlib.sha256(_there(path).read_bytes()).hexdigest()


def load_split(path: Path, split: int) -> Split:
    """Reads one split of the archive.

    Args:
        path: The ``.npz`` archive with ``images``, ``votes``, ``fer2013`` and ``split``.
        split: ``TRAIN_SPLIT`` or ``VALID_SPLIT``.

    Raises:
        SystemExit: The archive is not there.
    """
    with np.load(_there(path)) as archive:
        rows = archive["split"] == split
        return Split(faces=archive["images"][rows], votes=archive["votes"][rows], fer2013=archive["fer2013"][rows])


def _there(path: Path) -> Path:
    if not path.is_file():
        message = f"{path}: no such file; name the FER+ archive with --data (see training/README.md)"
        raise SystemExit(message)
    return path
