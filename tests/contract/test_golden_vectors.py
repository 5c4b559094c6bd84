"""The committed LiteRT model gives the answers that it gave where it was exported."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from services.inference.model_folder import latest
from training.golden import golden_faces

FOLDER = latest(Path(__file__).parents[2] / "models", "expression").path


@pytest.mark.parametrize("file", ["model.tflite", "model.int8.tflite"])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_model_answers_the_golden_faces_as_recorded(file: str, batch: int) -> None:
    golden = json.loads((FOLDER / "golden.json").read_text())["int8" if "int8" in file else "exact"]
    runner = Interpreter(str(FOLDER / file), num_threads=1).get_signature_runner()
    answer = runner(faces=golden_faces()[:batch])
    for output in ("probabilities", "fer2013", "embedding"):
        np.testing.assert_allclose(answer[output], golden[output][:batch], atol=golden["tolerance"], err_msg=output)
    np.testing.assert_allclose(answer["probabilities"].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("form", ["exact", "int8"])
def test_each_golden_face_shows_the_label_in_its_place(form: str) -> None:
    golden = json.loads((FOLDER / "golden.json").read_text())
    described = json.loads((FOLDER / "model.json").read_text())
    best = np.argmax(golden[form]["probabilities"], axis=1)
    assert [described["labels"][place] for place in best] == golden["labels"]
    assert np.max(golden[form]["probabilities"], axis=1).min() > 0.5, "labels that changed places would show"


def test_the_embedding_has_the_described_size() -> None:
    description = json.loads((FOLDER / "model.json").read_text())
    runner = Interpreter(str(FOLDER / "model.tflite"), num_threads=1).get_signature_runner()
    assert runner(faces=golden_faces()[:2])["embedding"].shape == (2, description["embedding_size"])


def test_every_file_is_the_one_described() -> None:
    files = json.loads((FOLDER / "model.json").read_text())["files"]
    assert {"model.tflite", "model.int8.tflite", "saved_model.pb", "golden.json"} <= files.keys()
    for name, digest in files.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name
