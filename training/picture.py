"""Draws a confusion matrix."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

CELL_PX: Final = 64


def drawn(matrix: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.uint8]:
    """Draws a confusion matrix (K, K): rows are what most taggers said, columns what the model said."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    left, top, size = 130, 110, CELL_PX * len(matrix)
    image = np.full((top + size + 8, left + size + 24), 255, np.uint8)
    _write(image, "rows: most taggers", (6, 20), 0.42)
    _write(image, "columns: the model", (6, 38), 0.42)
    for row, name in enumerate(names):
        x, y = left + row * CELL_PX, top + row * CELL_PX
        _write(image, name, (6, y + CELL_PX // 2 + 5), 0.5)
        _write(image, name, (x, top - 10 - 18 * (row % 2)), 0.38)
        for column, share in enumerate(shares[row]):
            x, grey = left + column * CELL_PX, int(255 - 215 * share)
            cv2.rectangle(image, (x, y), (x + CELL_PX - 2, y + CELL_PX - 2), (grey,), -1)
            ink = 255 if share > 1 / 2 else 0
            _write(image, f"{100 * share:.0f} %", (x + 10, y + 30), 0.45, ink)
            _write(image, str(matrix[row, column]), (x + 10, y + 48), 0.36, ink)
    return image


def _write(image: NDArray[np.uint8], text: str, place: tuple[int, int], scale: float, ink: int = 0) -> None:
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (ink,), lineType=cv2.LINE_AA)
