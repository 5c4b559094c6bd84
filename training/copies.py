"""Finds near-copies of the same photograph, which FER2013 holds within and across its splits."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.dataset import Faces

THUMBNAIL_PX: Final = 20
EDGE_PX: Final = 4
BATCH: Final = 1024
LIKENESS: Final = 0.93
"""Correlation of thumbnails above which faces count as copies: 14 pairs looked at just above it all were."""


def thumbnails(faces: Faces) -> NDArray[np.float32]:
    """Gives a unit vector per face (N, 400) whose dot products are correlations of the faces' middles."""
    middle = faces[:, EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX]
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    small = np.stack([cv2.resize(face, size, interpolation=cv2.INTER_AREA).ravel() for face in middle])
    centred = small - small.mean(axis=1, keepdims=True)
    return np.asarray(centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-6), np.float32)


def are_copies(faces: Faces, others: Faces) -> NDArray[np.bool_]:
    """Says of each face (N, 48, 48) whether ``others`` (M, 48, 48) hold it too, as it is or mirrored."""
    thumbs, against = thumbnails(faces), thumbnails(others)
    mirrored = thumbnails(np.ascontiguousarray(others[:, :, ::-1]))
    nearest = np.maximum((thumbs @ against.T).max(axis=1), (thumbs @ mirrored.T).max(axis=1))
    return np.asarray(nearest > LIKENESS)


def groups_of_copies(faces: Faces) -> NDArray[np.int64]:
    """Gives each face (N, 48, 48) the number (N,) of its group: those that are near-copies of one another.

    Copies of copies are of one group, too.
    """
    thumbs, groups = thumbnails(faces), np.arange(len(faces))
    mirrored = thumbnails(np.ascontiguousarray(faces[:, :, ::-1]))
    for first in range(0, len(faces), BATCH):
        some = thumbs[first : first + BATCH]
        likeness = np.maximum(some @ thumbs.T, some @ mirrored.T)
        for row, other in zip(*np.nonzero(likeness > LIKENESS), strict=True):
            if (one := groups[first + row]) != (same := groups[other]):
                groups[groups == one] = same
    return np.unique(groups, return_inverse=True)[1]
