# ruff: noqa: T201
"""Runs in the peers' environment: how many frames a second `fer` takes, with its defaults.

    python peer_fer.py CLIP SECONDS

Prints `warm` when it has begun, then one line of JSON. Decoding the clip is part of the time, as it is of ours.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import cv2
from fer.fer import FER  # type: ignore[import-not-found]


def frames(clip: str) -> Iterator[Any]:
    """Give the clip's frames, over and over."""
    while True:
        capture = cv2.VideoCapture(clip)
        while (read := capture.read())[0]:
            yield read[1]
        capture.release()


def main() -> None:
    """Measure."""
    clip, seconds = sys.argv[1], float(sys.argv[2])
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


if __name__ == "__main__":
    main()
