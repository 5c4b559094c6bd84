# ruff: noqa: T201
"""What a recogniser makes of face crops. Needs NumPy alone, so that it runs in the peers' environment too.

    python -m tests.bench.crops FACES.npz

measures ours: the released model as the light server runs it, one thread. It prints one line of JSON.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Faces = NDArray[np.uint8]
Labels = NDArray[np.int64]
Recognise = Callable[[Faces], Labels]
"""From grey faces (N, 48, 48) to FER2013's labels (N,): angry, disgusted, fearful, happy, sad, surprised, neutral."""

MODELS = Path("models")
BATCH = 32
TIMED = 300
"""Faces that are timed one by one."""


def measure(recognise: Recognise, faces: Faces, labels: Labels) -> dict[str, float]:
    """Return how often a recogniser is right, how long a face takes it, how many it takes a second, and its memory.

    Args:
        recognise: Is asked for one face at a time, then for `BATCH`; the first call of each is not timed.
        faces: Grey, 0 to 255, shape (N, 48, 48).
        labels: FER2013's, shape (N,).
    """
    alone = [_timed(recognise, faces[i : i + 1])[1] for i in range(min(TIMED, len(faces)))]
    recognise(faces[:BATCH])
    parts = [_timed(recognise, faces[i : i + BATCH]) for i in range(0, len(faces), BATCH)]
    answers = np.concatenate([part for part, _ in parts])
    return {
        "fer2013_accuracy_percent": 100 * float((answers == labels).mean()),
        "ms_per_face": 1000 * statistics.median(alone[1:]),
        "faces_per_second": len(faces) / sum(seconds for _, seconds in parts),
        "recogniser_peak_resident_mb": _peak_resident_mb(),
    }


def report(recognise: Recognise, file: str) -> None:
    """Measure a recogniser on a file's `faces` and `labels` and print the figures."""
    with np.load(file) as archive:
        print(json.dumps(measure(recognise, archive["faces"], archive["labels"])))


def _timed(recognise: Recognise, faces: Faces) -> tuple[Labels, float]:
    began = time.perf_counter()
    labels = recognise(faces)
    return labels, time.perf_counter() - began


def _peak_resident_mb() -> float:
    # Linux's; what `getrusage` says includes the parent that this process was forked from.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def _ours() -> Recognise:
    from services.inference.litert import LiteRtModel
    from services.inference.model_folder import latest

    model = LiteRtModel(latest(MODELS, "expression"))

    def recognise(faces: Faces) -> Labels:
        labels: Labels = model.run(faces[..., None])["fer2013"].argmax(axis=1)
        return labels

    return recognise


if __name__ == "__main__":
    report(_ours(), sys.argv[1])
