"""Writes down what finished networks say of each training face, for others to learn from (`train --answers`).

    python -m training.answers --teachers RUN RUN --files FILE --out build/training/answers.npz

`train --teachers` has its teachers look at every face as the student sees it, which on a processor doubles the time.
What they say of the faces as they are, and of their mirror images, is asked once and costs a run nothing.
"""

import argparse
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from training import checkpoint as checkpoints
from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, digest, load_split
from training.files import replace
from training.network import autocast, in_turn, network_of

PARTS: Final = 255
"""Probabilities are written in 255ths."""


@dataclass(frozen=True)
class Answers:
    """The mean of some networks' probabilities for each usable face of training, in the archive's order.

    Attributes:
        expressions: Of the eight expressions, float32 (N, 8), rows that sum to 1.
        fer2013: Of FER2013's seven labels, float32 (N, 7).
        teachers: What made the networks.
    """

    expressions: NDArray[np.float32]
    fer2013: NDArray[np.float32]
    teachers: list[dict[str, Any]]


@torch.inference_mode()
def asked(runs: Sequence[Path], data: Path) -> Answers:
    """Asks the networks of finished runs; their answers count alike."""
    faces, _, _ = load_split(data, TRAIN_SPLIT).soft()
    networks = [network_of(run, torch.device("cpu")) for run in runs]
    heads: tuple[list[NDArray[np.float32]], ...] = [], []
    for seen in in_turn(faces, "asked"):
        views = seen, seen.flip(3).contiguous(memory_format=torch.channels_last)
        with autocast(seen.device):
            said = [network(view) for network in networks for view in views]
        for head, rows in enumerate(heads):
            rows.append(torch.stack([each[head].float().softmax(1) for each in said]).mean(0).numpy())
    return Answers(*(np.concatenate(rows) for rows in heads), [checkpoints.lineage(run) for run in runs])


def write(path: Path, answers: Answers, data: Path) -> None:
    """Writes answers with the hash of the archive that they are about."""
    parts = {name: np.rint(PARTS * getattr(answers, name)).astype(np.uint8) for name in ("expressions", "fer2013")}
    content = io.BytesIO()
    np.savez_compressed(content, **parts, data_sha256=digest(data), teachers=json.dumps(answers.teachers))
    replace(path, content.getvalue())


def read(path: Path, data: Path) -> Answers:
    """Reads what `write` wrote.

    Raises:
        SystemExit: There is none, or it is about another archive.
    """
    if not path.is_file():
        message = f"{path}: no such file; `python -m training.answers` writes it"
        raise SystemExit(message)
    with np.load(path) as archive:
        if str(archive["data_sha256"]) != digest(data):
            message = f"{path} holds answers to other faces than those of {data}; write it anew for them"
            raise SystemExit(message)
        parts = [archive[name].astype(np.float32) for name in ("expressions", "fer2013")]
        shares = (part / part.sum(axis=1, keepdims=True) for part in parts)
        return Answers(*shares, json.loads(str(archive["teachers"])))


def together(several: Sequence[Answers]) -> Answers:
    """Gives the mean of answers, in which each teacher counts alike."""
    weights = [len(each.teachers) for each in several]
    means = (
        np.average([getattr(each, name) for each in several], axis=0, weights=weights).astype(np.float32)
        for name in ("expressions", "fer2013")
    )
    return Answers(*means, [teacher for each in several for teacher in each.teachers])


def main() -> None:
    """Reads the command line, asks and writes."""
    parser = argparse.ArgumentParser(description="Write down what finished networks say of the training faces.")
    parser.add_argument("--teachers", type=Path, nargs="*", default=(), help="finished runs")
    parser.add_argument("--files", type=Path, nargs="*", default=(), help="answers that were written before")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--out", type=Path, default=Path("build/training/answers.npz"))
    options = parser.parse_args()
    several = [read(path, options.data) for path in options.files]
    several += [asked(options.teachers, options.data)] if options.teachers else []
    if not several:
        parser.error("name --teachers to ask, or --files of answers, or both")
    write(options.out, together(several), options.data)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
