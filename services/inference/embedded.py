"""The classifier in the service's own process: asked in the same messages as a model server, without a network.

The way through gRPC and back takes about half as long as a face does in the model itself (measured).
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from services.contracts.tfserving_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    PredictRequest,
    PredictResponse,
)
from services.inference.predictor import Labels, PredictorAwayError, PredictorError, ServingPredictor
from services.inference.servable import RefusedError
from services.inference.serving import Serving

A = TypeVar("A")


class EmbeddedPredictor(ServingPredictor):
    """Asks a model that is served in this process, and entered by whoever made it.

    Args:
        serving: The model.
        model: Its name.
        labels: What its columns are of.
        timeout_s: Deadline of an answer that is not asked for within another.
    """

    def __init__(self, serving: Serving, *, model: str, labels: Labels, timeout_s: float) -> None:
        super().__init__("the model server in this process", model=model, labels=labels)
        self._serving = serving
        self._timeout_s = timeout_s

    async def _ask_prediction(self, request: PredictRequest, within_s: float | None) -> PredictResponse:
        return await self._within(within_s or self._timeout_s, self._serving.predict(request))

    async def _ask_status(self, request: GetModelStatusRequest) -> GetModelStatusResponse:
        return await self._within(self._timeout_s, self._serving.status(request))

    async def _within(self, seconds: float, answer: Awaitable[A]) -> A:
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError as error:
            raise PredictorAwayError(f"{self._server} has not answered within {seconds:g} s") from error
        except RefusedError as error:
            raise PredictorError(f"{self._server} refuses: {error.code.name}, {error}") from error
