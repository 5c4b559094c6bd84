"""How wide and deep the expression network is: shared by its trained and its exported definition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FACE_PX: Final = 48
MIN_CONTRAST: Final = 8.0
"""Grey levels added to the standard deviation, so that a flat image is not blown up into noise."""
EPSILON: Final = 1e-3
"""Added to the variance in batch normalisation."""

Kernel = tuple[NDArray[np.float32], NDArray[np.float32]]
"""The weights of a layer without batch normalisation, (H, W, in, out) or (in, out), and its bias (out,)."""


@dataclass(frozen=True)
class Shape:
    """How wide and deep the network is.

    Attributes:
        seen_px: Side that faces are enlarged to before the first convolution.
        stem: Channels of the first convolution.
        stem_px: Its side.
        stem_stride: By how much it divides height and width.
        pooled: Whether the greatest of each 3x3 pixels follow it, which halves height and width once more.
        widths: Channels of each stage, multiples of 32 (bfloat16 kernels are slow on others). Every
            stage but the first halves height and width.
        blocks: Residual blocks of each stage.
        squeeze: By how much squeeze-and-excitation narrows.
        dropout: Fraction of the embedding dropped while training.
    """

    seen_px: int = FACE_PX
    stem: int = 32
    stem_px: int = 6
    stem_stride: int = 2
    pooled: bool = False
    widths: tuple[int, ...] = (64, 128, 256)
    blocks: tuple[int, ...] = (1, 2, 1)
    squeeze: int = 8
    dropout: float = 0.3


def shape_of(described: Mapping[str, Any]) -> Shape:
    """Gives the shape that a run's ``recipe.json`` or a version's ``model.json`` describes."""
    return Shape(**{name: tuple(value) if isinstance(value, list) else value for name, value in described.items()})
