"""Fixed faces and the model's answers to them, so that every runtime can be held to the same numbers.

The faces are the demo's averages, one of each expression and nobody's own: a model whose labels changed places answers
otherwise. ``golden.json`` holds how they are cut, by whole numbers alone, so that any language gives the same ones.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.vision.opencv import cv2
from training.labels import EXPRESSIONS
from training.shape import FACE_PX

SPRITES: Final = Path(__file__).parents[1] / "services/demo/assets/faces"
RECIPE: Final = (
    f"{SPRITES.relative_to(SPRITES.parents[3])}/<label>.png, grey, the middle {2 * FACE_PX} x {2 * FACE_PX} pixels; "
    "each 2 x 2 of them are added up and divided by 4, rounding down"
)

TOLERANCE: Final = 1e-3
"""Largest difference allowed between what calculates in floating point, on the same faces."""
TOLERANCE_INT8: Final = 5e-2
"""Eight-bit arithmetic is exact, what stands around it is not: where processors round to different ones of 256 steps,
the difference carries on."""


def golden_faces() -> NDArray[np.uint8]:
    """Gives the fixed faces, uint8 (8, 48, 48, 1), one of each expression, in their order."""
    sprites = np.stack([cv2.imread(str(SPRITES / f"{name}.png"), cv2.IMREAD_GRAYSCALE) for name in EXPRESSIONS])
    margin = sprites.shape[1] // 2 - FACE_PX
    middle = sprites[:, margin : margin + 2 * FACE_PX, margin : margin + 2 * FACE_PX].astype(np.uint16)
    quarters = middle.reshape(len(EXPRESSIONS), FACE_PX, 2, FACE_PX, 2).sum(axis=(2, 4)) // 4
    return quarters.astype(np.uint8)[..., None]


def write_golden(path: Path, answers: Mapping[str, NDArray[np.float32]]) -> None:
    """Writes the recipe and the expected outputs by name, (8, K) each, with the tolerance to hold them to."""
    content = {"recipe": RECIPE, "labels": list(EXPRESSIONS), "exact": _expected(answers, TOLERANCE)}
    path.write_text(json.dumps(content) + "\n")


def set_golden_int8(path: Path, answers: Mapping[str, NDArray[np.float32]] | None) -> None:
    """Adds the outputs (8, K) of the form in eight bits; without any takes those away that are there."""
    content = json.loads(path.read_text())
    content.pop("int8", None)
    if answers is not None:
        content["int8"] = _expected(answers, TOLERANCE_INT8)
    path.write_text(json.dumps(content) + "\n")


def _expected(answers: Mapping[str, NDArray[np.float32]], tolerance: float) -> dict[str, Any]:
    rounded = {name: np.round(values.astype(np.float64), 5).tolist() for name, values in answers.items()}
    return {"tolerance": tolerance} | rounded
