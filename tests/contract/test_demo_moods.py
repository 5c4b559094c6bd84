"""The demo's person is read by the released model, and each of its faces becomes the mood that it shows."""

from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from services.contracts.moods import EXPRESSIONS
from services.demo.faces import FADE_S, HOLD_S, SEQUENCE, Person
from services.inference.model_folder import latest
from services.vision.crops import cut, model_input
from services.vision.detectors import open_detector
from tests.unit.aggregator_doubles import FPS, Scene

RELEASED = latest(Path(__file__).parents[2] / "models", "expression")


@pytest.mark.parametrize("step", range(len(SEQUENCE)), ids=SEQUENCE)
@pytest.mark.parametrize("file", ["model.tflite", "model.int8.tflite"])
def test_each_face_of_the_demo_becomes_its_mood(file: str, step: int) -> None:
    person, detector = Person(), open_detector(None, min_face_px=24)
    inputs = []
    for at in np.linspace(step * HOLD_S, (step + 1) * HOLD_S - FADE_S, 12, endpoint=False):
        frame = person.frame(float(at))
        [found] = detector.detect(frame)
        crop = cut(frame, found.box)
        assert crop is not None
        inputs.append(model_input(*crop, found.box))
    runner = Interpreter(str(RELEASED.path / file), num_threads=1).get_signature_runner()
    answers = runner(faces=np.stack(inputs))["probabilities"]
    scene, faces = Scene(), cycle(dict(zip(EXPRESSIONS, row, strict=True)) for row in answers.tolist())
    for _ in range(30 * FPS):
        scene.play(1 / FPS, next(faces))
    assert scene.moods[-1] == SEQUENCE[step], answers.mean(axis=0).round(2)
