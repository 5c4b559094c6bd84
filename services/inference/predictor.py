"""The classifier as the service sees it, and what all that ask one in TensorFlow Serving's messages share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from services.contracts.tfserving_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    ModelVersionStatus,
    PredictRequest,
    PredictResponse,
)
from services.inference.litert import INPUT
from services.inference.tensors import Array, TensorError, expect, from_proto, to_proto
from services.runtime.connection_settings import at
from services.runtime.service import SetupError
from services.runtime.settings import redact

DEFAULT_PORT: Final = 8500
"""TensorFlow Serving's own."""
SUM_TOLERANCE: Final = 0.01

Labels = Callable[[str, int], tuple[str, ...]]
"""The labels of a model's version, in the order of its probabilities; a `SetupError` where they cannot be known."""


class PredictorError(Exception):
    """No usable answer; the text says why. The next batch may well get one."""


class PredictorAwayError(PredictorError):
    """The server cannot be reached or does not answer in time."""


class Origin(NamedTuple):
    """Which model an embedding is of: those of another model, or of another of its versions, mean something else.

    Whether the model calculates in eight bits makes no such difference, and is left out. The embeddings that version
    4's two forms have of 3,191 validation faces of FER+ lie close together (cosine 0.9998, median; 0.998 at least). A
    head that was taught in eight bits judges 0.2 % of those faces otherwise where the exact form is read; its recall
    (78 %) and precision (84 %) stay what they are.
    """

    model: str
    version: int

    def __str__(self) -> str:
        """Name it in a sentence."""
        return f"{self.model}, version {self.version}"


@dataclass(frozen=True)
class Prediction:
    """What a model says of N faces.

    Attributes:
        labels: What the columns of `probabilities` are of.
        probabilities: float32 (N, labels); rows sum to 1.
        embeddings: float32 (N, E), or `None` from a model without.
        model: Name of the model.
        version: Its version.
    """

    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]
    embeddings: NDArray[np.float32] | None
    model: str
    version: int

    @property
    def origin(self) -> Origin:
        """Which model it is of."""
        return Origin(self.model, self.version)


class Predictor(Protocol):
    """Classifies faces. An implementer returns checked answers only, within a deadline of its own."""

    async def predict(self, faces: NDArray[np.uint8], within_s: float | None = None) -> Prediction:
        """Classify a batch.

        Args:
            faces: uint8 (N, size, size, 1), grey.
            within_s: A deadline instead of its own, in seconds.

        Raises:
            PredictorAwayError: The classifier is not there.
            PredictorError: It refused the batch, or its answer is wrong.
        """
        ...

    async def status(self) -> int:
        """Return the version that is being served.

        Raises:
            PredictorAwayError: The classifier is not there.
            PredictorError: It serves no such model.
        """
        ...


class ServingPredictor(ABC):
    """A `Predictor` that asks in TensorFlow Serving's messages; how they get there is told by its subclasses.

    Args:
        server: Who is asked, in words.
        model: The model's name.
        labels: What its columns are of.
    """

    def __init__(self, server: str, *, model: str, labels: Labels) -> None:
        self._server = server
        self._model = model
        self._labels = labels

    @abstractmethod
    async def _ask_prediction(self, request: PredictRequest, within_s: float | None) -> PredictResponse:
        """Return the answer to a request, within this deadline or its own.

        Raises:
            PredictorAwayError: There is none.
            PredictorError: It is a refusal, or no answer to such a request.
        """

    @abstractmethod
    async def _ask_status(self, request: GetModelStatusRequest) -> GetModelStatusResponse:
        """Return the answer to a request; see `_ask_prediction`."""

    async def predict(self, faces: NDArray[np.uint8], within_s: float | None = None) -> Prediction:
        """Classify a batch; see `Predictor`."""
        request = PredictRequest(model_spec=ModelSpec(name=self._model), inputs={INPUT: to_proto(faces)})
        response = await self._ask_prediction(request, within_s)
        try:
            return self._read(response, len(faces))
        except TensorError as error:
            raise PredictorError(f"{self._server} answered nonsense: {error}") from error
        except SetupError as error:
            raise PredictorError(f"{self._server} answers in labels that are not known here: {error}") from error

    async def status(self) -> int:
        """Return the highest version that is available."""
        response = await self._ask_status(GetModelStatusRequest(model_spec=ModelSpec(name=self._model)))
        available = [
            one.version for one in response.model_version_status if one.state == ModelVersionStatus.State.AVAILABLE
        ]
        if not available:
            raise PredictorError(f"{self._server} is still loading the model {self._model}")
        return max(available)

    def _read(self, response: PredictResponse, count: int) -> Prediction:
        version = response.model_spec.version.value
        labels = self._labels(self._model, version)
        probabilities = _output(response, "probabilities", (count, len(labels)))
        if not np.abs(probabilities.sum(axis=1) - 1).max() <= SUM_TOLERANCE:  # nor is it, where one is no number
            raise TensorError("probabilities do not sum to 1")
        if probabilities.min() < -SUM_TOLERANCE:
            raise TensorError("a probability is negative")
        embeddings = _output(response, "embedding", (count, None)) if "embedding" in response.outputs else None
        if embeddings is not None and not np.isfinite(embeddings).all():
            raise TensorError("the embedding is not of numbers")
        return Prediction(labels, probabilities.clip(0, 1), embeddings, self._model, version)


def grpc_address(url: str) -> str:
    """Return `host:port` of a `grpc://host[:port]` URL.

    Raises:
        SetupError: It is none.
    """
    shown = "not a URL"
    try:
        shown, parts = redact(url), urlsplit(url)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme != "grpc":
        raise SetupError(
            f"the setting inference.model_server is {shown!r}; it has to be grpc://host:port, or embedded: for a model "
            "server in this process"
        )
    return at(host, port)


def _output(response: PredictResponse, name: str, shape: tuple[int | None, ...]) -> Array:
    if name not in response.outputs:
        raise TensorError(f"the output {name} is missing")
    try:
        return expect(from_proto(response.outputs[name]), np.float32, shape)
    except TensorError as error:
        raise TensorError(f"{name}: {error}") from error
