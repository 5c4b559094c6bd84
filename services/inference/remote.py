"""The classifier behind a network: gRPC in TensorFlow Serving's protocol."""

import json
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from services.contracts.tfserving_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    PredictRequest,
    PredictResponse,
)
from services.inference.predictor import Labels, PredictorAwayError, PredictorError, ServingPredictor

MAX_MESSAGE_BYTES: Final = 4 << 20

M = TypeVar("M", bound=Message)


class GrpcPredictor(ServingPredictor):
    """Asks a model server on the network; it connects while entered, and again whenever that breaks."""

    def __init__(self, address: str, *, model: str, labels: Labels, timeout_s: float) -> None:
        super().__init__(f"the model server at {address}", model=model, labels=labels)
        self._address = address
        self._timeout_s = timeout_s
        self._channel: Any = None
        self._predict: Any = None
        self._status: Any = None

    async def __aenter__(self) -> Self:
        """Open the channel; the server may be away."""
        self._channel = grpc.aio.insecure_channel(self._address, options=_OPTIONS)
        self._predict = self._channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        self._status = self._channel.unary_unary("/tensorflow.serving.ModelService/GetModelStatus")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the channel."""
        await self._channel.close()

    async def _ask_prediction(self, request: PredictRequest, within_s: float | None) -> PredictResponse:
        """Ask; a server that is away for a moment is asked again within the deadline."""
        return await self._call(self._predict, request, PredictResponse, within_s)

    async def _ask_status(self, request: GetModelStatusRequest) -> GetModelStatusResponse:
        return await self._call(self._status, request, GetModelStatusResponse)

    async def _call(self, method: Any, request: Message, answer: type[M], within_s: float | None = None) -> M:
        timeout_s = within_s or self._timeout_s
        try:
            # Read here: gRPC would make `None` of bytes that are no message.
            return answer.FromString(await method(request.SerializeToString(), timeout=timeout_s))
        except DecodeError as error:
            raise PredictorError(f"{self._server} answered no {answer.__name__}") from error
        except grpc.aio.AioRpcError as error:
            text = " ".join((error.details() or error.code().name).split())
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise PredictorAwayError(f"{self._server} has not answered within {timeout_s:g} s") from error
            if error.code() in _AWAY:  # gRPC names every attempt and layer; the cause comes last
                raise PredictorAwayError(f"{self._server} is away: {text.rpartition(': ')[2]}") from error
            raise PredictorError(f"{self._server} refuses: {error.code().name}, {text}") from error


_AWAY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

_RETRY: Final = {
    "methodConfig": [
        {
            "name": [{"service": "tensorflow.serving.PredictionService"}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.05s",
                "maxBackoff": "0.5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
"""gRPC's own retries, with its jitter (gRFC A6); they end at the deadline of the call."""

_OPTIONS: Final = (
    ("grpc.service_config", json.dumps(_RETRY)),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),
)
