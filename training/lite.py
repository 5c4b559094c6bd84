"""The forms of a version that LiteRT runs, asked as the light server asks them: on one thread."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from training.dataset import Faces

Classify = Callable[[Faces], NDArray[np.float32]]
"""From faces (N, 48, 48) to one of the model's outputs (N, K)."""

FLOAT: Final = "model.tflite"
INT8: Final = "model.int8.tflite"
"""The same network with its convolutions in eight bits."""
BATCH: Final = 128


def served_file(model: Path) -> str:
    """Names the form of a version that the light server runs."""
    return INT8 if (model / INT8).exists() else FLOAT


def classifier(model: Path, output: str = "probabilities", file: str = FLOAT) -> Classify:
    """Gives what asks a version's file for one of its outputs."""
    runner = Interpreter(str(model / file), num_threads=1).get_signature_runner()

    def classify(faces: Faces) -> NDArray[np.float32]:
        parts = [
            runner(faces=np.ascontiguousarray(faces[i : i + BATCH, :, :, None]))[output]
            for i in range(0, len(faces), BATCH)
        ]
        return np.concatenate(parts)

    return classify
