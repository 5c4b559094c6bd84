"""A model in LiteRT on one core of the CPU (XNNPACK)."""

from typing import Any, Final, NamedTuple

import numpy as np

from services.inference.model_folder import ModelFolder
from services.inference.tensors import Array
from services.runtime.service import SetupError

SIGNATURE: Final = "serving_default"
INPUT: Final = "faces"
MAX_BATCH: Final = 64
"""Faces in one request."""


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
        """Load the library (0.3 s) and the model, and run it once, so that no request meets a cold start.

        Raises:
            SetupError: The file is missing, altered, or no model with the signature that serving needs.
        """
        from ai_edge_litert.interpreter import Interpreter

        content = folder.lite_model()
        self.name = folder.name
        self.version = folder.version
        self.shape = folder.description.input.shape
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            self._signature = self._interpreter.get_signature_runner(SIGNATURE)
            answer = self.run(np.zeros((1, *self.shape), np.uint8))
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise SetupError(f"{folder.lite_file} does not run in LiteRT: {reason}") from error
        if not all(np.isfinite(values).all() for values in answer.values()):
            raise SetupError(f"{folder.lite_file} answers with values that are no numbers; export it again")
        tensors = {name: one["name"] for name, one in self._signature.get_output_details().items()}
        self.outputs = {
            name: Output(tensors[name], values.dtype, (-1, *values.shape[1:])) for name, values in answer.items()
        }

    def run(self, faces: Array) -> dict[str, Array]:
        """Return every output for a batch.

        Args:
            faces: uint8 (N, *shape), grey, 0 to 255; N from 1.
        """
        return dict(self._signature(**{INPUT: faces}))
