"""A model that answers TensorFlow Serving's requests on one core of this machine, however they come."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from services.contracts.tfserving_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    PredictRequest,
    PredictResponse,
)
from services.inference import servable
from services.inference.batches import Batches
from services.inference.litert import LiteRtModel
from services.inference.model_folder import ModelFolder
from services.inference.versions import Versions
from services.runtime.health import Health

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""How often the folder is looked at for versions; TensorFlow Serving does each second."""

Sleep = Callable[[float], Awaitable[Any]]


class Serving:
    """Answers with the versions of one model while entered.

    Args:
        models: The folder with a folder per model.
        name: The model.
        keep: How many of its newest versions are served; those with a label are, besides.
        health: Hears of versions that do not load, as the part `model_versions`.
        load: Makes a model of its folder.
        sleep: Waits between looks at the folder.
    """

    def __init__(
        self,
        models: Path,
        name: str,
        *,
        keep: int = 1,
        health: Health | None = None,
        load: Callable[[ModelFolder], LiteRtModel] = LiteRtModel,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._versions = Versions(models, name, keep=keep, load=load)
        self._batches = Batches()
        self._health = health or Health()
        self._sleep = sleep
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Load the model.

        Raises:
            SetupError: It does not load.
        """
        async with AsyncExitStack() as stack:
            stack.callback(self._versions.close)
            await self._versions.start()
            await stack.enter_async_context(self._batches)
            watching = asyncio.create_task(self._watch(), name="watch the versions")
            stack.callback(watching.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what waits."""
        await self._stack.aclose()

    async def predict(self, request: PredictRequest) -> PredictResponse:
        """Answer `PredictionService.Predict`.

        Raises:
            RefusedError: The request does not fit the model, or too many wait.
        """
        model, faces = servable.faces_of(request, self._versions)
        return servable.answer(request, model, await self._batches.run(model, faces))

    async def metadata(self, request: GetModelMetadataRequest) -> GetModelMetadataResponse:
        """Answer `PredictionService.GetModelMetadata`.

        Raises:
            RefusedError: The model or version is not here, or something else is asked for.
        """
        return servable.metadata(request, self._versions)

    async def status(self, request: GetModelStatusRequest) -> GetModelStatusResponse:
        """Answer `ModelService.GetModelStatus`.

        Raises:
            RefusedError: The model or version is not here.
        """
        return servable.status(request, self._versions)

    async def _watch(self) -> None:
        before = ""
        while True:
            await self._sleep(LOOK_S)
            unforeseen: Exception | None = None
            try:
                problem = await self._versions.look()
            except Exception as error:  # noqa: BLE001 -- whatever its folder does to us, later versions are to be seen
                problem, unforeseen = f"the model's folder cannot be followed ({error!r}); it is tried again", error
            if problem and problem != before:
                log.warning("not all that lies with the model is served: %s", problem, exc_info=unforeseen)
            self._health.report("model_versions", problem, hinders=self._versions.find(None) is None)
            before = problem
