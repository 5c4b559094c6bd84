"""A model in LiteRT on one core of the CPU (XNNPACK)."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from services.inference.model_folder import Description, ModelFolder
from services.inference.tensors import Array, TensorError, expect, type_name
from services.runtime.service import SetupError

SIGNATURE: Final = "serving_default"
INPUT: Final = "faces"
MAX_BATCH: Final = 64
"""Faces in one request."""
TRIED: Final = (2, 1)
"""Faces in each of the runs that a model is tried with: two, so that an output without a batch axis is told from one
with it, and then one, as most requests have."""


class Output(NamedTuple):
    """An output of a model: its tensor's name, type and shape, in which -1 is the number of faces."""

    tensor: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class LiteRtModel:
    """A loaded model, for one thread at a time.

    Attributes:
        name: The model's name.
        version: Its version.
        shape: Height, width and channels of a face.
        outputs: Its outputs by name.
    """

    def __init__(self, folder: ModelFolder) -> None:
        """Load the library (0.3 s) and the model, and try it with empty faces, so that no request meets a cold start.

        Raises:
            SetupError: The file is missing, altered, or no model with the signature that serving needs; or what it
                answers is not what `model.json` describes, a row for each face.
        """
        from ai_edge_litert.interpreter import Interpreter

        content = folder.lite_model()
        self.name = folder.name
        self.version = folder.version
        self.shape = folder.description.input.shape
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._signature = self._interpreter.get_signature_runner(SIGNATURE)
            answers = {count: self.run(np.zeros((count, *self.shape), np.uint8)) for count in TRIED}
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise SetupError(f"{folder.lite_file} does not run in LiteRT: {reason}") from error
        try:
            self.outputs = self._described(folder.description, answers[TRIED[0]])
            for count, answer in answers.items():
                self.check(answer, count)
        except TensorError as error:
            raise SetupError(f"{folder.lite_file} was tried, and is not served: {error}; export it again") from error
        if not all(np.isfinite(values).all() for answer in answers.values() for values in answer.values()):
            raise SetupError(f"{folder.lite_file} answers with values that are no numbers; export it again")

    def run(self, faces: Array) -> dict[str, Array]:
        """Return every output for a batch.

        Args:
            faces: uint8 (N, *shape), grey, 0 to 255; N from 1.
        """
        return dict(self._signature(**{INPUT: faces}))

    def check(self, answer: Mapping[str, Array], count: int) -> None:
        """See that an answer has the outputs, a row for each face.

        Args:
            answer: What `run` returned.
            count: For how many faces.

        Raises:
            TensorError: It has not; of the batch axis in TensorFlow's words (batching_util/batching_session.cc).
        """
        for name, one in self.outputs.items():
            if name not in answer:
                raise TensorError(f"the output {name} is missing")
            values = answer[name]
            if values.ndim == 0:
                raise TensorError(f"output {name}: Batched output tensor has 0 dimensions")
            if len(values) != count:
                raise TensorError(
                    f"output {name}: Batched output tensor's 0th dimension does not equal the sum of the 0th dimension "
                    f"sizes of the input tensors ({len(values)} rows for {count} faces)"
                )
            try:
                expect(values, one.dtype, (None, *one.shape[1:]))
            except TensorError as error:
                raise TensorError(f"output {name}: {error}") from error

    def _described(self, description: Description, answer: Mapping[str, Array]) -> dict[str, Output]:
        """Return the outputs as they are described, and where they are not, as they were in an answer.

        Raises:
            TensorError: One of them cannot be sent.
        """
        tensors = {name: one["name"] for name, one in self._signature.get_output_details().items()}
        found = {name: (values.dtype, values.shape[1:]) for name, values in answer.items()}
        found |= {name: (np.dtype(one.dtype), one.shape) for name, one in description.answers.items()}
        for dtype, _ in found.values():
            type_name(dtype)
        return {name: Output(tensors.get(name, ""), dtype, (-1, *shape)) for name, (dtype, shape) in found.items()}
