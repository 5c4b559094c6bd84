"""Gives a version that is being exported a form in eight bits, which the light server prefers: `model.int8.tflite`.

It is made of the SavedModel, and only where it loses less than half a point of accuracy.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from training.dataset import TRAIN_SPLIT, VALID_SPLIT, load_split
from training.golden import golden_faces, set_golden_int8
from training.lite import FLOAT, INT8, classifier
from training.metrics import accuracy
from training.shape import FACE_PX

INPUT: Final = tf.TensorSpec((None, FACE_PX, FACE_PX, 1), tf.uint8, name="faces")
MOST_LOST: Final = 0.5
"""Points of validation accuracy that eight bits may cost."""
EXAMPLES: Final = 500
"""Training faces that show the range of every layer's values."""
IN_FLOAT: Final = ["SUB", "SQUARED_DIFFERENCE", "SQRT", "DIV", "FULLY_CONNECTED", "SOFTMAX"]
"""What stays in floating point: the face's standardisation, where 256 steps of a dim face would be few, and what
follows the convolutions, which takes no time."""


class Frozen(tf.Module):  # type: ignore[misc]
    """A signature with its weights as constants: LiteRT would keep variables that nothing fills."""

    def __init__(self, signature: Any) -> None:
        """Freezes a concrete function with a dictionary of outputs."""
        super().__init__()
        self._names = sorted(signature.structured_outputs)
        self._function = convert_variables_to_constants_v2(signature)

    @tf.function(input_signature=[INPUT])  # type: ignore[untyped-decorator]
    def predict(self, faces: Any) -> dict[str, Any]:
        """Maps uint8 (N, 48, 48, 1) to float32 (N, 8) probabilities and (N, E) embeddings."""
        return dict(zip(self._names, self._function(faces), strict=True))


def converter_of(frozen: Frozen) -> Any:
    """Gives what converts a function to LiteRT."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen.predict.get_concrete_function()], frozen)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter


def in_eight_bits(frozen: Frozen, data: Path) -> bytes:
    """Gives the LiteRT model whose convolutions calculate in int8 (Jacob et al. 2018, arXiv:1712.05877)."""
    faces, _, _ = load_split(data, TRAIN_SPLIT).soft()
    rows = np.random.default_rng(0).choice(len(faces), EXAMPLES, replace=False)

    def examples() -> Iterator[list[NDArray[np.uint8]]]:
        for row in rows:
            yield [faces[row][None, ..., None]]

    converter = converter_of(frozen)
    converter.representative_dataset = examples
    # The converter by itself leaves no operation alone; the debugger that goes with it does.
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=examples,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=IN_FLOAT),
    )
    return bytes(debugger.get_nondebug_quantized_model())


def points_lost(version: Path, data: Path) -> float:
    """Gives what eight bits cost on validation."""
    faces, labels = load_split(data, VALID_SPLIT).majority()
    exact, fast = (accuracy(classifier(version, file=file)(faces), labels) for file in (FLOAT, INT8))
    return 100 * (exact - fast)


def quantise(version: Path, data: Path) -> None:
    """Writes the form in eight bits, its golden answers and its hash, or takes it away where it loses too much."""
    served = tf.saved_model.load(str(version))  # kept, and with it the weights, until it is frozen
    frozen = Frozen(served.signatures["serving_default"])
    (version / INT8).write_bytes(in_eight_bits(frozen, data))
    lost = points_lost(version, data)
    print(f"eight bits lose {lost:.2f} points of accuracy")
    if lost < MOST_LOST:
        outputs = json.loads((version / "model.json").read_text())["outputs"]
        answers = {name: classifier(version, name, INT8)(golden_faces()[..., 0]) for name in outputs}
        set_golden_int8(version / "golden.json", answers)
    else:
        (version / INT8).unlink()
        set_golden_int8(version / "golden.json", None)
        print(f"that is {MOST_LOST} or more: the light server stays with {FLOAT}")
    describe_files(version)


def describe_files(version: Path) -> None:
    """Writes into `model.json` what the two files that were made hash to; one taken away is not named there."""
    facts = json.loads((version / "model.json").read_text())
    made = [name for name in (INT8, "golden.json") if (version / name).exists()]
    hashes = {name: hashlib.sha256((version / name).read_bytes()).hexdigest() for name in made}
    facts["files"].pop(INT8, None)
    facts["files"] = dict(sorted((facts["files"] | hashes).items()))
    (version / "model.json").write_text(json.dumps(facts, indent=1) + "\n")
