"""Turns a training run's averaged weights into the version that both model servers read.

    python -m training.export --run build/training/run
    python -m training.export --check

Writes ``saved_model.pb`` and ``variables/`` with a warm-up request for TensorFlow Serving,
``model.tflite`` for the light server, ``golden.json`` with answers to fixed faces and ``model.json``;
then `quantise.py` adds a form in eight bits.
"""

import argparse
import datetime as dt
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from training import checkpoint as checkpoints
from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, VALID_SPLIT, digest, load_split
from training.golden import golden_faces, write_golden
from training.labels import EXPRESSIONS, FER2013, rarity
from training.lite import FLOAT, INT8
from training.metrics import fitted_temperature
from training.quantise import INPUT, Frozen, converter_of, quantise
from training.served import mirrored, served_network
from training.shape import FACE_PX
from training.versions import MODEL_NAME, following, numbers, released, run_of

RARITY: Final = 0.25
"""How far rare expressions are favoured: on validation it cost version 4 no accuracy and brought 6 of mean recall."""


@dataclass(frozen=True)
class Calibration:
    """What each head's logits are divided by, so that confidence is the share of right answers.

    Attributes:
        offsets: Added to the logits of FER+'s eight expressions before: rare ones are not overlooked.
        temperature: For FER+'s eight expressions.
        fer2013: For FER2013's seven labels.
    """

    offsets: NDArray[np.float32]
    temperature: float
    fer2013: float


class Served(tf.Module):  # type: ignore[misc]
    """The network with its calibration folded in, as a function from grey faces to probabilities."""

    def __init__(self, network: keras.Model, calibration: Calibration) -> None:
        """Keeps a float32 network and what turns its logits into probabilities."""
        super().__init__()
        self._network = network
        self._offsets = tf.constant(calibration.offsets, tf.float32)
        self._temperature = tf.constant(calibration.temperature, tf.float32)
        self._original = tf.constant(calibration.fer2013, tf.float32)

    @tf.function(input_signature=[INPUT])  # type: ignore[untyped-decorator]
    def predict(self, faces: Any) -> dict[str, Any]:
        """Maps uint8 (N, 48, 48, 1) to float32 (N, 8) and (N, 7) probabilities and (N, E) embeddings."""
        outputs = self._network(faces, training=False)
        return {
            "probabilities": tf.nn.softmax((outputs["logits"] + self._offsets) / self._temperature),
            "fer2013": tf.nn.softmax(outputs["fer2013"] / self._original),
            "embedding": outputs["embedding"],
        }


def trained_network(run: Path) -> keras.Model:
    """Builds the served network with a run's averaged weights, looking at both mirror images."""
    network = served_network(*checkpoints.finished(run))
    network.set_weights([rounded(weight) for weight in network.get_weights()])
    return mirrored(network)


def rounded(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rounds to what float16 can hold, so that every format has the very weights that LiteRT's file holds."""
    return weight.astype(np.float16).astype(np.float32)


def offsets_of(data: Path) -> NDArray[np.float32]:
    """Gives what is added to the logits of the eight expressions: the rarer in training, the more.

    Logit adjustment (Menon et al. 2021, arXiv:2007.07314).
    """
    _, targets, _ = load_split(data, TRAIN_SPLIT).soft()
    return RARITY * rarity(targets)


def calibrated(network: keras.Model, data: Path) -> Calibration:
    """Fits both temperatures on validation; `evaluate.py` says how far such temperatures hold on other faces."""
    split, offsets = load_split(data, VALID_SPLIT), offsets_of(data)
    temperatures = []
    for head, shift, (faces, labels) in (("logits", offsets, split.majority()), ("fer2013", 0, split.original())):
        logits = network.predict(faces[..., None], batch_size=256, verbose=0)[head]
        temperatures.append(fitted_temperature(logits + shift, labels))
    return Calibration(offsets, *temperatures)


def write_warm_up(folder: Path) -> None:
    """Writes the request that TensorFlow Serving answers to itself before it says it is ready."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL_NAME
    request.model_spec.signature_name = "serving_default"
    request.inputs["faces"].CopyFrom(tf.make_tensor_proto(golden_faces()[:1]))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    folder.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())


def write_formats(served: Served, folder: Path) -> None:
    """Writes the SavedModel, its warm-up request and the LiteRT model in floating point."""
    signature = served.predict.get_concrete_function()
    tf.saved_model.save(served, str(folder), signatures={"serving_default": signature})
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    write_warm_up(folder / "assets.extra")
    converter = converter_of(Frozen(signature))
    converter.target_spec.supported_types = [tf.float16]  # half the size; the weights are rounded to it already
    (folder / FLOAT).write_bytes(converter.convert())


def described(
    run: Path, lineage: dict[str, Any], folder: Path, calibration: Calibration, embedding: int
) -> dict[str, Any]:
    """Says what the version is: labels, tensors, where it came from and what its files hash to."""
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "model.json")
    return {
        "name": MODEL_NAME,
        "version": int(folder.name),
        "labels": list(EXPRESSIONS),
        "input": {"name": "faces", "shape": [FACE_PX, FACE_PX, 1], "dtype": "uint8"},
        "outputs": {
            "probabilities": {"shape": [len(EXPRESSIONS)], "dtype": "float32"},
            "fer2013": {"shape": [len(FER2013)], "dtype": "float32", "labels": list(FER2013)},
            "embedding": {"shape": [embedding], "dtype": "float32"},
        },
        "embedding_size": embedding,
        "offsets": [round(float(offset), 4) for offset in calibration.offsets],
        "temperature": round(calibration.temperature, 4),
        "fer2013_temperature": round(calibration.fer2013, 4),
        "training": {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "made_by": "python -m training.train",
            "data": "FER+ training split (FER2013 faces, ten taggers' votes, original labels)",
            "seconds": history[-1]["seconds"],
            "epochs_done": history[-1]["epoch"],
            "epochs_planned": {
                line["of"]: f"from epoch {line['epoch']} on" for line in reversed(history) if "of" in line
            },
            **lineage,
        },
        "metrics": {},
        "files": {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
    }


def export(run: Path, out: Path, data: Path) -> None:
    """Writes a version beside ``out`` and moves it into place, so that no server sees half of one.

    Raises:
        SystemExit: The version is there already: servers and taught moods would take other weights for the same ones.
            Or the run has no checkpoint, was stopped, learnt from another archive than ``data``, or is a teacher only:
            its embedding tells whose a face is.
    """
    if out.exists():
        message = f"{out}: this version is there already; name the next one with --out, or remove it if nobody has it"
        raise SystemExit(message)
    lineage = checkpoints.lineage(run)
    if lineage.get("teacher_only"):
        message = f"{run} began as a network that knows whose faces they are: a teacher only, see `train --answers`"
        raise SystemExit(message)
    if checkpoints.archives(lineage) - {digest(data)}:
        message = f"{run} learnt from another archive than {data}: what it learnt may be what this one validates with"
        raise SystemExit(message)
    network = trained_network(run)
    calibration = calibrated(network, data)
    served = Served(network, calibration)
    partial = out.parent / f".{out.name}.partial" / out.name
    shutil.rmtree(partial.parent, ignore_errors=True)
    partial.mkdir(parents=True)
    write_formats(served, partial)
    answer = served.predict(tf.constant(golden_faces()))
    write_golden(partial / "golden.json", {name: values.numpy() for name, values in answer.items()})
    facts = described(run, lineage, partial, calibration, int(answer["embedding"].shape[-1]))
    (partial / "model.json").write_text(json.dumps(facts, indent=1) + "\n")
    quantise(partial, data)
    check(partial)
    partial.replace(out)
    partial.parent.rmdir()
    print(f"wrote {out}")


def check(out: Path) -> None:
    """Compares the SavedModel and each LiteRT model with its golden answers, for several batch sizes.

    Raises:
        SystemExit: One differs from them by more than they allow.
    """
    from ai_edge_litert.interpreter import Interpreter

    golden, faces = json.loads((out / "golden.json").read_text()), golden_faces()
    served = tf.saved_model.load(str(out)).signatures["serving_default"](faces=tf.constant(faces))
    _hold("the SavedModel", {name: value.numpy() for name, value in served.items()}, golden["exact"])
    for file, form in ((FLOAT, "exact"), (INT8, "int8")):
        if form in golden:
            runner = Interpreter(str(out / file)).get_signature_runner()
            for size in (1, 3, len(faces)):
                _hold(f"{file}, {size} at a time", runner(faces=faces[:size]), golden[form])


def _hold(what: str, answers: dict[str, NDArray[np.float32]], golden: dict[str, Any]) -> None:
    apart = [
        float(np.abs(values - np.array(golden[name], np.float32)[: len(values)]).max())
        for name, values in answers.items()
    ]
    worst = float(np.max(apart))
    print(f"{what}: largest difference {worst:.2e}")
    if not worst <= golden["tolerance"]:  # nor is it, where one is no number
        message = (
            f"{what} differs from golden.json by {worst:.2e}, more than {golden['tolerance']}: nothing is released"
        )
        raise SystemExit(message)


def main() -> None:
    """Reads the command line; exports or checks."""
    parser = argparse.ArgumentParser(description="Export or check the expression model.")
    parser.add_argument("--run", type=Path, help="a finished run; required to export")
    parser.add_argument("--out", type=Path, help="default: the next version, or with --check the newest")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="to fit the temperatures on")
    parser.add_argument("--check", action="store_true", help="compare what is exported; write nothing")
    options = parser.parse_args()
    if options.check:
        check(options.out or released())
        return
    if options.run is None:
        parser.error("name the finished run to export with --run")
    if options.out is None and numbers() and run_of(released()) == checkpoints.name_of(options.run):
        print(f"{released()} is this run already")
        return
    export(options.run, options.out or following(), options.data)


if __name__ == "__main__":
    main()
