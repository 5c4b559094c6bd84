# ruff: noqa: T201
"""Runs in the peers' environment: what `fer` makes of a clip, and of face crops.

    python -m tests.bench.peer_fer clip CLIP SECONDS
    python -m tests.bench.peer_fer crops FACES.npz

The first, with fer's defaults, prints `warm` when it has begun, then one line of JSON with the frames a second;
decoding the clip is part of the time, as it is of ours. The second prints one line of JSON.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from fer.fer import FER  # type: ignore[import-not-found]

from tests.bench.crops import Faces, Labels, Recognise, report


def frames(clip: str) -> Iterator[Any]:
    """Give the clip's frames, over and over."""
    while True:
        capture = cv2.VideoCapture(clip)
        while (read := capture.read())[0]:
            yield read[1]
        capture.release()


def watch(clip: str, seconds: float) -> None:
    """Measure the clip."""
    recogniser = FER()
    source = frames(clip)
    for _ in range(10):
        recogniser.detect_emotions(next(source))
    print("warm", flush=True)
    done = with_face = 0
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        with_face += bool(recogniser.detect_emotions(next(source)))
        done += 1
    print(json.dumps({"frames_per_second": done / elapsed, "with_face": with_face / done}), flush=True)


def crops_recogniser() -> Recognise:
    """Return fer as a function of crops: side by side in one picture, their places given and nothing added around."""
    recogniser = FER(offsets=(0, 0))

    def recognise(faces: Faces) -> Labels:
        count, height, width = faces.shape
        picture = cv2.cvtColor(np.concatenate(faces, axis=1), cv2.COLOR_GRAY2BGR)
        found = recogniser.detect_emotions(picture, [(i * width, 0, width, height) for i in range(count)])
        # Its labels are FER2013's in FER2013's order.
        labels: Labels = np.array([list(one["emotions"].values()) for one in found]).argmax(axis=1)
        return labels

    return recognise


def main(what: str, file: str, *seconds: str) -> None:
    """Measure."""
    if what == "clip":
        watch(file, float(seconds[0]))
    else:
        report(crops_recogniser(), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
