"""Measures the exported model on FER+'s validation split, as it ships: through LiteRT on one thread.

    python -m training.evaluate --data ferplus_train_valid.npz --yunet PATH

Writes the figures into ``model.json`` and draws the confusion matrix. Every interval is a 95 % bootstrap interval.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from services.vision.detectors import Detector, open_detector
from training.copies import are_copies
from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, VALID_SPLIT, Faces, load_split
from training.labels import EXPRESSIONS, FER2013
from training.metrics import (
    Labels,
    Probabilities,
    bootstrap_interval,
    calibration_error,
    confusion,
    halves,
    mean_recall,
)
from training.picture import drawn
from training.views import all_as_seen, from_afar

Classify = Callable[[Faces], NDArray[np.float32]]

DEFAULT_MODEL: Final = Path("models/expression/3")
FLOAT: Final = "model.tflite"
INT8: Final = "model.int8.tflite"
"""The same network with its convolutions in eight bits."""
DEFAULT_PLOT: Final = Path("models/confusion.png")
DISTANCES_PX: Final = (48, 32, 24, 16)
"""Sides that a face is reduced to, and enlarged from again, as if it were that small in the frame."""
MIN_FACE_PX: Final = 24
"""What the detectors are asked to find: the product's own setting."""
TIMED: Final = 300
BATCH: Final = 32


def classifier(model: Path, output: str = "probabilities", file: str = FLOAT) -> Classify:
    """Gives a function from faces (N, 48, 48) to one of the model's outputs (N, K), one thread, 128 at a time."""
    runner = Interpreter(str(model / file), num_threads=1).get_signature_runner()

    def classify(faces: Faces) -> NDArray[np.float32]:
        parts = [
            runner(faces=np.ascontiguousarray(faces[i : i + 128, :, :, None]))[output]
            for i in range(0, len(faces), 128)
        ]
        return np.concatenate(parts)

    return classify


def figure(value: float, interval: tuple[float, float]) -> dict[str, float]:
    """Gives a figure with its interval, rounded, as ``model.json`` holds it."""
    return {"value": round(value, 4), "low": round(interval[0], 4), "high": round(interval[1], 4)}


def mean_of(values: NDArray[Any]) -> dict[str, float]:
    """Gives the mean of values (N,) with its interval."""
    numbers = values.astype(np.float64)
    interval = bootstrap_interval(lambda rows: float(numbers[rows].mean()), len(numbers))
    return figure(float(numbers.mean()), (interval.low, interval.high))


def figure_of(
    statistic: Callable[[Probabilities, Labels], float], probabilities: Probabilities, labels: Labels
) -> dict[str, float]:
    """Gives a figure of answers (N, K) to labels (N,) with its interval."""
    interval = bootstrap_interval(lambda rows: statistic(probabilities[rows], labels[rows]), len(labels))
    return figure(statistic(probabilities, labels), (interval.low, interval.high))


def right(probabilities: Probabilities, labels: Labels) -> NDArray[np.bool_]:
    """Says of each answer (N, K) whether it is the label (N,)."""
    return np.asarray(probabilities.argmax(axis=1) == labels)


def mapped(probabilities: Probabilities) -> Probabilities:
    """Gives FER+'s eight (N, 8) in FER2013's order (N, 7): what a model without a second head would answer."""
    return probabilities[:, [EXPRESSIONS.index(name) for name in FER2013]]


def milliseconds(classify: Classify, faces: Faces, batch: int, times: int) -> float:
    """Gives the median processor time of ``batch`` faces at a time: what others run meanwhile does not count."""
    spent = []
    for first in range(times):
        part = faces[first : first + batch]
        began = time.process_time()
        classify(part)
        spent.append(time.process_time() - began)
    return round(float(np.median(spent)) * 1000, 3)


@dataclass(frozen=True)
class Validation:
    """Validation faces under FER+'s majority protocol.

    Attributes:
        faces: uint8 (N, 48, 48).
        labels: The majority's label (N,).
    """

    faces: Faces
    labels: Labels


def of_expressions(answers: Probabilities, labels: Labels) -> dict[str, Any]:
    """Gives accuracy, recall and calibration of the eight expressions."""
    _, odd = halves(len(labels))
    return {
        "accuracy": mean_of(right(answers, labels)),
        "mean_recall": figure_of(mean_recall, answers, labels),
        "recall": {
            name: mean_of(right(answers, labels)[labels == i]) | {"faces": int((labels == i).sum())}
            for i, name in enumerate(EXPRESSIONS)
        },
        "calibration_error": figure_of(calibration_error, answers[odd], labels[odd]),
        "calibration_error_on": "the half that the temperature was not fitted on; 15 equal bins",
    }


def of_original(model: Path, data: Path) -> dict[str, Any]:
    """Gives the accuracy against FER2013's own seven labels, by the second head and by mapping the first."""
    faces, labels = load_split(data, VALID_SPLIT).original()
    return {
        "faces": len(labels),
        "accuracy": mean_of(right(classifier(model, "fer2013")(faces), labels)),
        "accuracy_mapped_from_the_eight": mean_of(right(mapped(classifier(model)(faces)), labels)),
    }


def of_sizes(classify: Classify, valid: Validation) -> dict[str, Any]:
    """Gives the accuracy of faces that are as small as from afar."""
    return {str(side): mean_of(right(classify(from_afar(valid.faces, side)), valid.labels)) for side in DISTANCES_PX}


def of_product(classify: Classify, valid: Validation, detector: Detector) -> dict[str, Any]:
    """Gives what is lost when the product finds and cuts the faces, against the same faces as they are."""
    seen, found = all_as_seen(valid.faces, detector)
    labels = valid.labels[found]
    direct, product = right(classify(valid.faces[found]), labels), right(classify(seen), labels)
    return {
        "not_found": int((~found).sum()),
        "found": int(found.sum()),
        "accuracy_direct": mean_of(direct),
        "accuracy": mean_of(product),
        "points_lost": mean_of(direct.astype(float) - product.astype(float)),
    }


def of_speed(classify: Classify, faces: Faces) -> dict[str, float]:
    """Gives what a face takes alone, and 32 at a time."""
    return {
        "ms_per_face_one_thread": milliseconds(classify, faces, 1, TIMED),
        "ms_per_32_faces_one_thread": milliseconds(classify, faces, BATCH, TIMED // BATCH),
    }


def of_eight_bits(model: Path, valid: Validation, direct: NDArray[np.bool_]) -> dict[str, Any]:
    """Gives the figures of the form in eight bits, and what it loses against the other's right answers (N,)."""
    classify = classifier(model, file=INT8)
    answers = classify(valid.faces)
    lost = direct.astype(float) - right(answers, valid.labels).astype(float)
    return {
        **of_expressions(answers, valid.labels),
        "points_lost": mean_of(lost),
        "accuracy_at_px": of_sizes(classify, valid),
        **of_speed(classify, valid.faces),
    }


def measured(model: Path, data: Path, yunet: Path | None) -> dict[str, Any]:
    """Gives every figure of the model card."""
    valid = Validation(*load_split(data, VALID_SPLIT).majority())
    classify = classifier(model)
    answers = classify(valid.faces)
    copies = are_copies(valid.faces, load_split(data, TRAIN_SPLIT).faces)
    detectors = [open_detector(file, min_face_px=MIN_FACE_PX) for file in dict.fromkeys((yunet, None))]
    return {
        "command": "python -m training.evaluate",
        "protocol": "FER+ validation split, eight expressions, majority of the votes without outliers",
        "intervals": "95 %, percentile bootstrap over faces",
        "faces": len(valid.labels),
        **of_expressions(answers, valid.labels),
        "copies_of_training_faces": int(copies.sum()),
        "accuracy_without_copies": mean_of(right(answers, valid.labels)[~copies]),
        "fer2013": of_original(model, data),
        "accuracy_at_px": of_sizes(classify, valid),
        "as_the_product_sees_them": {detector.name: of_product(classify, valid, detector) for detector in detectors},
        **of_speed(classify, valid.faces),
        **({"int8": of_eight_bits(model, valid, right(answers, valid.labels))} if (model / INT8).exists() else {}),
    }


def main() -> None:
    """Measures, prints, records and draws."""
    parser = argparse.ArgumentParser(description="Measure the exported expression model.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--plot", type=Path, default=DEFAULT_PLOT)
    parser.add_argument("--yunet", type=Path, help="YuNet's .onnx file; without it Haar alone is measured")
    options = parser.parse_args()
    figures = measured(options.model, options.data, options.yunet)
    print(json.dumps(figures, indent=1))
    description = options.model / "model.json"
    facts = json.loads(description.read_text())
    facts["metrics"] = figures
    partial = description.with_suffix(".partial")
    partial.write_text(json.dumps(facts, indent=1) + "\n")
    partial.replace(description)
    faces, labels = load_split(options.data, VALID_SPLIT).majority()
    picture = drawn(confusion(classifier(options.model)(faces), labels), EXPRESSIONS)
    cv2.imwrite(str(options.plot), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"wrote {description} and {options.plot}")


if __name__ == "__main__":
    main()
