"""Measures the exported model on FER+'s validation split, as it ships: through LiteRT on one thread.

    python -m training.evaluate --data ../shared/data/fer/ferplus_train_valid.npz

Writes the figures into ``model.json`` and draws the confusion matrix.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from training.copies import are_copies
from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, VALID_SPLIT, Faces, load_split
from training.labels import EXPRESSIONS
from training.metrics import accuracy, bootstrap_interval, calibration_error, confusion, halves, recalls

Classify = Callable[[Faces], NDArray[np.float32]]

DEFAULT_MODEL: Final = Path("models/expression/1")
DEFAULT_PLOT: Final = Path("models/confusion.png")
DISTANCES_PX: Final = (48, 32, 24, 16)
"""Sides that a face is reduced to, and enlarged from again, as if it were that small in the frame."""
TIMED_FACES: Final = 500
CELL_PX: Final = 64


def classifier(model: Path) -> Classify:
    """Gives a function from faces (N, 48, 48) to probabilities (N, 8), one thread, 128 at a time."""
    runner = Interpreter(str(model / "model.tflite"), num_threads=1).get_signature_runner()

    def classify(faces: Faces) -> NDArray[np.float32]:
        parts = [
            runner(faces=np.ascontiguousarray(faces[i : i + 128, :, :, None]))["probabilities"]
            for i in range(0, len(faces), 128)
        ]
        return np.concatenate(parts)

    return classify


def from_afar(faces: Faces, side: int) -> Faces:
    """Reduces faces (N, 48, 48) to ``side`` pixels by area and enlarges them again bilinearly."""
    if side == faces.shape[1]:
        return faces
    small = [cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in faces]
    large = [cv2.resize(face, faces.shape[1:3], interpolation=cv2.INTER_LINEAR) for face in small]
    return np.stack(large).astype(np.uint8)


def milliseconds_per_face(classify: Classify, faces: Faces) -> float:
    """Gives the median time of one face at a time."""
    times = []
    for face in faces[:TIMED_FACES]:
        began = time.perf_counter()
        classify(face[None])
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1000


def measured(classify: Classify, faces: Faces, labels: NDArray[np.int64], seen: NDArray[np.bool_]) -> dict[str, Any]:
    """Gives every figure of the model card for faces (N, 48, 48) with majority labels (N,).

    ``seen`` (N,) marks faces of which the training split holds a copy.
    """
    probabilities = classify(faces)
    recall = recalls(confusion(probabilities, labels))
    _, odd = halves(len(labels))
    correct = probabilities.argmax(axis=1) == labels
    afar = {side: accuracy(classify(from_afar(faces, side)), labels) for side in DISTANCES_PX}
    return {
        "command": "python -m training.evaluate",
        "protocol": "FER+ validation split, eight expressions, majority of the votes without outliers",
        "faces": len(labels),
        "accuracy": round(float(correct.mean()), 4),
        "accuracy_without_copies": round(float(correct[~seen].mean()), 4),
        "copies_of_training_faces": int(seen.sum()),
        "accuracy_95": {key: round(value, 4) for key, value in asdict(bootstrap_interval(correct)).items()},
        "recall": dict(zip(EXPRESSIONS, (round(value, 3) for value in recall), strict=True)),
        "support": {name: int((labels == i).sum()) for i, name in enumerate(EXPRESSIONS)},
        "mean_recall": round(float(np.mean(recall)), 4),
        "calibration_error_15_bins": round(calibration_error(probabilities[odd], labels[odd]), 4),
        "calibration_error_on": "the half of the faces that the temperature was not fitted on",
        "accuracy_at_px": {str(side): round(value, 4) for side, value in afar.items()},
        "ms_per_face_one_thread": round(milliseconds_per_face(classify, faces), 3),
    }


def _write(image: NDArray[np.uint8], text: str, place: tuple[int, int], scale: float, ink: int = 0) -> None:
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (ink,), lineType=cv2.LINE_AA)


def drawn(matrix: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Draws a confusion matrix (8, 8): rows are what most taggers said, columns what the model said."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    left, top, size = 130, 110, CELL_PX * len(matrix)
    image = np.full((top + size + 8, left + size + 24), 255, np.uint8)
    _write(image, "rows: most taggers", (6, 20), 0.42)
    _write(image, "columns: the model", (6, 38), 0.42)
    for row, name in enumerate(EXPRESSIONS):
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


def main() -> None:
    """Measures, prints, records and draws."""
    parser = argparse.ArgumentParser(description="Measure the exported expression model.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--plot", type=Path, default=DEFAULT_PLOT)
    options = parser.parse_args()
    faces, labels = load_split(options.data, VALID_SPLIT).majority()
    classify = classifier(options.model)
    seen = are_copies(faces, load_split(options.data, TRAIN_SPLIT).faces)
    figures = measured(classify, faces, labels, seen)
    print(json.dumps(figures, indent=1))
    description = options.model / "model.json"
    facts = json.loads(description.read_text())
    facts["metrics"] = figures
    partial = description.with_suffix(".partial")
    partial.write_text(json.dumps(facts, indent=1) + "\n")
    partial.replace(description)
    picture = drawn(confusion(classify(faces), labels))
    cv2.imwrite(str(options.plot), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"wrote {description} and {options.plot}")


if __name__ == "__main__":
    main()
