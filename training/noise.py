"""Samples what the released model says of FER+'s validation faces: the simulated streams are made of such answers.

It is asked as the light server asks it: in eight bits, where it has that form.

    python -m training.noise --data ferplus_train_valid.npz

Writes probabilities only, no faces, to ``services/aggregator/noise.json``.
"""

import argparse
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.dataset import DEFAULT_DATA, VALID_SPLIT, load_split
from training.labels import EXPRESSIONS
from training.lite import classifier, served_file
from training.metrics import confusion, recalls
from training.versions import released

Answers = NDArray[np.float32]

DEFAULT_TABLE: Final = Path("services/aggregator/noise.json")
ROWS: Final = 200
"""Most faces of a label that are kept; the rare labels have fewer."""
PARTS: Final = 1000
"""Probabilities are written as whole thousandths."""


def thinned(rows: Answers, column: int, most: int = ROWS) -> Answers:
    """Keeps at most ``most`` of the rows (N, K), evenly by what they give to ``column``: good and bad ones alike."""
    if len(rows) <= most:
        return rows
    order = np.argsort(rows[:, column], kind="stable")
    kept: Answers = rows[order[((np.arange(most) + 0.5) * len(rows) / most).astype(int)]]
    return kept


def in_parts(row: Answers) -> list[int]:
    """Gives a distribution (K,) in thousandths that sum to 1000; the greatest takes what rounding leaves."""
    parts = np.rint(row * PARTS).astype(int)
    parts[parts.argmax()] += PARTS - parts.sum()
    return [int(part) for part in parts]


def noise(probabilities: Answers, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Gives the table of answers (N, 8) to faces whose majority label is known (N,)."""
    recall = recalls(confusion(probabilities, labels))
    return {
        "labels": list(EXPRESSIONS),
        "frequency": {name: round(float((labels == i).mean()), 4) for i, name in enumerate(EXPRESSIONS)},
        "recall": dict(zip(EXPRESSIONS, (round(value, 3) for value in recall), strict=True)),
        "means": {
            name: [round(float(value), 4) for value in probabilities[labels == i].mean(axis=0)]
            for i, name in enumerate(EXPRESSIONS)
        },
        "answers": {
            name: [in_parts(row) for row in thinned(probabilities[labels == i], i)]
            for i, name in enumerate(EXPRESSIONS)
        },
    }


def main() -> None:
    """Classifies the faces and writes the table."""
    parser = argparse.ArgumentParser(description="Sample the released model's answers to validation faces.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--model", type=Path, default=released())
    parser.add_argument("--table", type=Path, default=DEFAULT_TABLE)
    options = parser.parse_args()
    faces, labels = load_split(options.data, VALID_SPLIT).majority()
    model = json.loads((options.model / "model.json").read_text())
    table = {"model_version": model["version"], "model_run": model["training"]["run"]}
    table |= noise(classifier(options.model, file=served_file(options.model))(faces), labels)
    options.table.write_text(json.dumps(table, separators=(",", ":")) + "\n")
    print(f"wrote {options.table}: {table['recall']}")


if __name__ == "__main__":
    main()
