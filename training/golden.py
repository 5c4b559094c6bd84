"""Fixed faces and the model's answers to them, so that every runtime can be held to the same numbers.

``golden.json`` holds the recipe of the faces and the expected probabilities. The faces are drawn from
integer arithmetic alone, so that any language and any NumPy gives the same ones.
"""

import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FACES: Final = 8
RECIPE: Final = (
    "face k, row y, column x: "
    "((x - 24)^2 * (k + 1) + (y - 24)^2 * (9 - k) + x * y * k + 37 * ((x // 6 + y // 6 + k) % 5)) "
    "// 16 % 256"
)


def golden_faces() -> NDArray[np.uint8]:
    """Gives the fixed faces, uint8 (8, 48, 48, 1): rings and checks, no person."""
    k, y, x = np.mgrid[:FACES, :48, :48]
    rings = (x - 24) ** 2 * (k + 1) + (y - 24) ** 2 * (9 - k)
    checks = x * y * k + 37 * ((x // 6 + y // 6 + k) % 5)
    return np.asarray((rings + checks) // 16 % 256, np.uint8)[..., None]


def write_golden(path: Path, probabilities: NDArray[np.float32]) -> None:
    """Writes the recipe and the expected probabilities (8, 8) with the tolerance to hold them to."""
    content = {
        "recipe": RECIPE,
        "shape": [FACES, 48, 48, 1],
        "tolerance": 1e-3,
        "probabilities": _rounded(probabilities),
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def set_golden_int8(path: Path, probabilities: NDArray[np.float32] | None) -> None:
    """Adds the probabilities (8, 8) of the form in eight bits; without any takes those away that are there.

    Eight-bit arithmetic is exact, what stands around it is not: where processors round to different ones of 256 steps,
    the difference carries on.
    """
    content = json.loads(path.read_text())
    content.pop("int8", None)
    if probabilities is not None:
        content["int8"] = {"tolerance": 2e-2, "probabilities": _rounded(probabilities)}
    path.write_text(json.dumps(content, indent=1) + "\n")


def _rounded(probabilities: NDArray[np.float32]) -> list[list[float]]:
    return [[round(float(p), 6) for p in row] for row in probabilities]
