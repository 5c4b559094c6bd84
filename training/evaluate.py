"""Measures the exported model on FER+'s validation split, both forms that ship: through LiteRT on one thread.

    python -m training.evaluate --data ferplus_train_valid.npz --yunet PATH

Writes the figures into ``model.json``, those of the released version into the model card, too, and draws its confusion
matrix. Every interval is a 95 % bootstrap interval.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.vision.detectors import open_detector
from training import card
from training.copies import are_copies
from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, VALID_SPLIT, Faces, load_split
from training.files import replace
from training.labels import EXPRESSIONS, FER2013
from training.lite import FLOAT, INT8, Classify, classifier
from training.metrics import (
    Labels,
    Probabilities,
    bootstrap_interval,
    calibration_error,
    calibration_floor,
    confusion,
    crossfitted,
    mean_recall,
    right,
)
from training.picture import drawn
from training.versions import released
from training.views import all_as_seen, from_afar

DEFAULT_PLOT: Final = Path("models/confusion.png")
DISTANCES_PX: Final = (48, 32, 24, 16)
"""Sides that a face is reduced to, and enlarged from again, as if it were that small in the frame."""
MIN_FACE_PX: Final = 24
"""What the detectors are asked to find: the product's own setting."""
HALF: Final = 0.5
"""More than this share of the votes is a majority."""
LEAST: Final = 1e-12
"""Keeps the logarithm of a probability finite."""
TIMED: Final = 300
BATCH: Final = 32


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
    """The validation split as each figure needs it.

    Attributes:
        faces: uint8 (N, 48, 48), those on which most taggers agree.
        labels: The majority's label (N,).
        copies: Which of them (N,) are near-copies of training faces.
        original: FER2013's faces (M, 48, 48) and its own labels (M,).
        voted: All usable faces (K, 48, 48), and the shares of the votes (K, 8).
        seen: For each detector's name what the product makes of the first faces, and which (N,) it found.
    """

    faces: Faces
    labels: Labels
    copies: NDArray[np.bool_]
    original: tuple[Faces, Labels]
    voted: tuple[Faces, NDArray[np.float32]]
    seen: dict[str, tuple[Faces, NDArray[np.bool_]]]


def validation(data: Path, yunet: Path) -> Validation:
    """Reads the validation split, and has each detector find its faces."""
    split = load_split(data, VALID_SPLIT)
    faces, labels = split.majority()
    detectors = [open_detector(file, min_face_px=MIN_FACE_PX) for file in (yunet, None)]
    return Validation(
        faces,
        labels,
        are_copies(faces, load_split(data, TRAIN_SPLIT).faces),
        split.original(),
        split.soft()[:2],
        {detector.name: all_as_seen(faces, detector) for detector in detectors},
    )


def of_calibration(answers: Probabilities, labels: Labels) -> dict[str, Any]:
    """Gives how far confidence is the share of right answers; what a temperature does to other faces is in it."""
    scored = crossfitted(np.log(np.maximum(answers, LEAST)), labels)
    floor = calibration_floor(scored)
    return {
        "calibration_error": figure_of(calibration_error, scored, labels),
        "calibration_error_where_perfect": {"low": round(floor.low, 4), "high": round(floor.high, 4)},
        "calibration_error_as_released": round(calibration_error(answers, labels), 4),
    }


def of_expressions(answers: Probabilities, labels: Labels) -> dict[str, Any]:
    """Gives accuracy, recall and precision of the eight expressions."""
    correct, said = right(answers, labels), answers.argmax(axis=1)
    return {
        "accuracy": mean_of(correct),
        "mean_recall": figure_of(mean_recall, answers, labels),
        "recall": {
            name: mean_of(correct[labels == i]) | {"faces": int((labels == i).sum())}
            for i, name in enumerate(EXPRESSIONS)
        },
        "precision": {
            name: mean_of(correct[said == i]) | {"answers": int((said == i).sum())}
            for i, name in enumerate(EXPRESSIONS)
            if (said == i).any()
        },
    }


def of_votes(answers: Probabilities, shares: NDArray[np.float32]) -> dict[str, Any]:
    """Gives how answers (K, 8) compare with the shares of the votes, on faces without a majority too."""
    agreed = shares[np.arange(len(shares)), answers.argmax(axis=1)]
    torn = shares.max(axis=1) <= HALF  # of the votes for the eight, as the shares are
    return {
        "faces": len(shares),
        "confidence": mean_of(answers.max(axis=1)),
        "votes_for_the_answer": mean_of(agreed),
        "without_majority": {
            "faces": int(torn.sum()),
            "confidence": mean_of(answers.max(axis=1)[torn]),
            "votes_for_the_answer": mean_of(agreed[torn]),
        },
    }


def of_original(model: Path, file: str, faces: Faces, labels: Labels) -> dict[str, Any]:
    """Gives the accuracy against FER2013's own seven labels, by the second head and by mapping the first."""
    answers = classifier(model, "fer2013", file)(faces)
    return {
        "faces": len(labels),
        "accuracy": mean_of(right(answers, labels)),
        "accuracy_mapped_from_the_eight": mean_of(right(mapped(classifier(model, file=file)(faces)), labels)),
        **of_calibration(answers, labels),
    }


def of_sizes(classify: Classify, valid: Validation) -> dict[str, Any]:
    """Gives the accuracy of faces that are as small as from afar."""
    return {str(side): mean_of(right(classify(from_afar(valid.faces, side)), valid.labels)) for side in DISTANCES_PX}


def of_product(classify: Classify, valid: Validation, detector: str) -> dict[str, Any]:
    """Gives what is lost when the product finds and cuts the faces, against the same faces as they are."""
    seen, found = valid.seen[detector]
    labels = valid.labels[found]
    direct, product = right(classify(valid.faces[found]), labels), right(classify(seen), labels)
    return {
        "not_found": int((~found).sum()),
        "found": int(found.sum()),
        "accuracy_direct": mean_of(direct),
        "accuracy": mean_of(product),
        "points_lost": mean_of(direct.astype(float) - product.astype(float)),
    }


def of_form(model: Path, file: str, valid: Validation) -> dict[str, Any]:
    """Gives every figure of one form of the model: of the file that the light server runs, or of the exact one."""
    classify = classifier(model, file=file)
    answers = classify(valid.faces)
    return {
        **of_expressions(answers, valid.labels),
        **of_calibration(answers, valid.labels),
        "accuracy_without_copies": mean_of(right(answers, valid.labels)[~valid.copies]),
        "votes": of_votes(classify(valid.voted[0]), valid.voted[1]),
        "fer2013": of_original(model, file, *valid.original),
        "accuracy_at_px": of_sizes(classify, valid),
        "as_the_product_sees_them": {detector: of_product(classify, valid, detector) for detector in valid.seen},
        "ms_per_face_one_thread": milliseconds(classify, valid.faces, 1, TIMED),
        "ms_per_32_faces_one_thread": milliseconds(classify, valid.faces, BATCH, TIMED // BATCH),
    }


def measured(model: Path, valid: Validation) -> dict[str, Any]:
    """Gives every figure of the model card."""
    forms = {file: of_form(model, file, valid) for file in (FLOAT, INT8) if (model / file).exists()}
    return {
        "command": "python -m training.evaluate",
        "protocol": "FER+ validation split, eight expressions, majority of the votes without outliers",
        "intervals": "95 %, percentile bootstrap over faces",
        "calibration": "top-1, 15 equal bins; each half at the temperature that fits the other half, both together",
        "processor": processor(),
        "faces": len(valid.labels),
        "copies_of_training_faces": int(valid.copies.sum()),
        **forms.pop(FLOAT),
        **({"int8": forms[INT8] | against_exact(model, valid)} if forms else {}),
    }


def against_exact(model: Path, valid: Validation) -> dict[str, Any]:
    """Gives how the form in eight bits compares with the exact one, face by face."""
    exact, fast = (classifier(model, file=file)(valid.faces) for file in (FLOAT, INT8))
    correct = [right(answers, valid.labels).astype(float) for answers in (exact, fast)]
    return {
        "points_lost": mean_of(correct[0] - correct[1]),
        "other_answers": mean_of(exact.argmax(axis=1) != fast.argmax(axis=1)),
        "largest_difference": round(float(np.abs(exact - fast).max()), 4),
    }


def processor() -> str:
    """Names this machine's processor, and whether it has what makes eight bits fast."""
    described = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    facts = dict(line.split(":", 1) for line in described.splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    vnni = any("vnni" in flag for flag in facts.get("flags", "").split())
    return f"{facts.get('model name', platform.machine())}, {'with' if vnni else 'without'} VNNI"


def main() -> None:
    """Measures, prints, records and draws."""
    parser = argparse.ArgumentParser(description="Measure the exported expression model.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--model", type=Path, default=released())
    parser.add_argument("--plot", type=Path, help=f"default: {DEFAULT_PLOT} of the released version, none of others")
    parser.add_argument("--yunet", type=Path, required=True, help="YuNet's .onnx file")
    options = parser.parse_args()
    ours = options.model.resolve() == released().resolve()
    if options.plot is None and ours:
        options.plot = DEFAULT_PLOT
    valid = validation(options.data, options.yunet)
    figures = measured(options.model, valid)
    print(json.dumps(figures, indent=1))
    description = options.model / "model.json"
    facts = json.loads(description.read_text())
    facts["metrics"] = figures
    replace(description, (json.dumps(facts, indent=1) + "\n").encode())
    print(f"wrote {description}")
    if options.plot is not None:
        picture = drawn(confusion(classifier(options.model)(valid.faces), valid.labels), EXPRESSIONS)
        cv2.imwrite(str(options.plot), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(f"wrote {options.plot}")
    if ours:
        card.write(options.model)


if __name__ == "__main__":
    main()
