"""Says what the product's own path makes of the demo's faces: found, cut, classified.

    python -m training.check_averages --yunet PATH

Each sprite is put on a plain frame of 640x480 at three sizes; the detector finds it, the product's crop
function cuts it and the exported model classifies it.
"""

import argparse
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from services.vision.crops import cut, model_input
from services.vision.detectors import Detector, open_detector
from services.vision.images import Bgr
from training.averages import BACKDROP, OUTPUT
from training.labels import EXPRESSIONS
from training.lite import Classify, classifier, served_file
from training.versions import released

SIDES_PX: Final = (150, 200, 260)


def framed(sprite: Path, side: int) -> Bgr:
    """Puts a sprite in the middle of a plain frame (480, 640, 3)."""
    frame = np.full((480, 640), BACKDROP, np.uint8)
    face = cv2.resize(cv2.imread(str(sprite), cv2.IMREAD_GRAYSCALE), (side, side), interpolation=cv2.INTER_CUBIC)
    top, left = (480 - side) // 2, (640 - side) // 2
    frame[top : top + side, left : left + side] = face
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)


def answer(frame: Bgr, detector: Detector, classify: Classify) -> str:
    """Names the expression of the frame's one face and its probability, or says what went wrong."""
    found = detector.detect(frame)
    if len(found) != 1:
        return f"{len(found)} faces found"
    crop = cut(frame, found[0].box)
    if crop is None:
        return "outside the frame"
    probabilities = classify(model_input(*crop, found[0].box)[None, :, :, 0])[0]
    best = int(probabilities.argmax())
    return f"{EXPRESSIONS[best]} {probabilities[best]:.2f}"


def main() -> None:
    """Prints one line per expression and detector."""
    parser = argparse.ArgumentParser(description="Classify the demo's faces as the product would.")
    parser.add_argument("--yunet", type=Path, required=True, help="YuNet's .onnx file")
    parser.add_argument("--faces", type=Path, default=OUTPUT)
    parser.add_argument("--model", type=Path, default=released())
    options = parser.parse_args()
    classify = classifier(options.model, file=served_file(options.model))
    for detector in (open_detector(options.yunet, min_face_px=24), open_detector(None, min_face_px=24)):
        for name in EXPRESSIONS:
            sprite = options.faces / f"{name}.png"
            answers = [answer(framed(sprite, side), detector, classify) for side in SIDES_PX]
            print(f"{detector.name:6} {name:13}", " | ".join(answers))


if __name__ == "__main__":
    main()
