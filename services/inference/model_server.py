"""The light model server: TensorFlow Serving's gRPC protocol over LiteRT, on any CPU."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self

import grpc
from fastapi import APIRouter
from google.protobuf.message import DecodeError, Message
from prometheus_client import Counter, Histogram

from services.contracts.tfserving_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    PredictRequest,
    PredictResponse,
)
from services.inference import model_folder, servable
from services.inference.litert import LiteRtModel
from services.inference.model_folder import ModelFolder
from services.inference.servable import RefusedError
from services.inference.tensors import Array
from services.runtime.bus import Bus
from services.runtime.health import Health
from services.runtime.service import SetupError
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

MAX_IN_FLIGHT: Final = 64
"""Requests that wait or run; beyond them the answer is RESOURCE_EXHAUSTED."""
STOP_GRACE_S: Final = 0.5

REQUESTS = Counter("moodring_model_server_requests", "Requests by method and gRPC code", ["method", "code"])
RUN_SECONDS = Histogram(
    "moodring_model_server_run_seconds",
    "Time in the model for one request",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
)


class ModelServer:
    """Serves one version of one model while entered."""

    def __init__(
        self,
        folder: ModelFolder,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        load: Callable[[ModelFolder], LiteRtModel] = LiteRtModel,
    ) -> None:
        self.port = port
        """The port; while entered never 0."""
        self._folder = folder
        self._host = host
        self._load = load
        self._in_flight = 0
        self._thread: ThreadPoolExecutor
        self._model: LiteRtModel
        self._server: Any = None

    async def __aenter__(self) -> Self:
        """Load the model, then listen.

        Raises:
            SetupError: The model does not load, or the port is taken.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        try:
            self._model = await self._in_thread(self._load, self._folder)
            await self._listen()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        log.info("model %s, version %d, at %s:%d", self._model.name, self._model.version, self._host, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let running requests end, briefly."""
        await self._server.stop(STOP_GRACE_S)
        self._thread.shutdown(cancel_futures=True)

    async def predict(self, request: PredictRequest) -> PredictResponse:
        """Answer `PredictionService.Predict`.

        Raises:
            RefusedError: The request does not fit the model, or too many wait.
        """
        faces = servable.faces_of(request, self._model)
        if self._in_flight >= MAX_IN_FLIGHT:
            raise RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{MAX_IN_FLIGHT} requests wait already")
        self._in_flight += 1
        try:
            return servable.answer(request, self._model, await self._in_thread(self._run, faces))
        finally:
            self._in_flight -= 1

    async def status(self, request: GetModelStatusRequest) -> GetModelStatusResponse:
        """Answer `ModelService.GetModelStatus`.

        Raises:
            RefusedError: The model or version is not here.
        """
        return servable.status(request, self._model)

    def _run(self, faces: Array) -> dict[str, Array]:
        with RUN_SECONDS.time():
            return self._model.run(faces)

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _listen(self) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers(
            (
                _service("PredictionService", "Predict", PredictRequest, self.predict),
                _service("ModelService", "GetModelStatus", GetModelStatusRequest, self.status),
            )
        )
        try:
            self.port = self._server.add_insecure_port(f"{self._host}:{self.port}")
        except RuntimeError as error:
            raise SetupError(
                f"the model server cannot listen on {self._host}:{self.port}: the port is taken or the address is "
                "not this machine's; change MOODRING_INFERENCE_PORT or MOODRING_INFERENCE_HOST"
            ) from error
        await self._server.start()


def _service(service: str, name: str, request_type: type[Message], method: Callable[[Any], Awaitable[Message]]) -> Any:
    """Return the gRPC handler of a service with one method."""

    async def respond(payload: bytes, context: Any) -> bytes:
        try:
            response = await method(request_type.FromString(payload))
        except DecodeError:
            code, text = grpc.StatusCode.INVALID_ARGUMENT, f"the request is no {request_type.__name__}"
        except RefusedError as error:
            code, text = error.code, str(error)
        except (ValueError, RuntimeError) as error:
            log.exception("%s failed", name)
            code, text = grpc.StatusCode.INTERNAL, f"the model failed: {error}"
        else:
            REQUESTS.labels(name, "OK").inc()
            return response.SerializeToString()
        REQUESTS.labels(name, code.name).inc()
        await context.abort(code, text)
        raise AssertionError("abort raises")

    handlers = {name: grpc.unary_unary_rpc_method_handler(respond)}
    return grpc.method_handlers_generic_handler(f"tensorflow.serving.{service}", handlers)


class ModelServerService:
    """The light model server as a service that runs alone."""

    name = "model-server"

    def __init__(self, folder: ModelFolder, host: str, port: int) -> None:
        self.router = APIRouter()
        self.health = Health()
        self._folder = folder
        self._host = host
        self._port = port

    async def run(self, bus: Bus) -> None:
        """Serve until cancelled; the bus is not used."""
        del bus
        async with ModelServer(self._folder, host=self._host, port=self._port):
            await asyncio.Event().wait()


def build_model_server(settings: Settings) -> ModelServerService:
    """Make the service.

    Raises:
        SetupError: There is no usable model.
    """
    inference = settings.inference
    folder = model_folder.latest(inference.models, inference.model)
    folder.lite_model()
    return ModelServerService(folder, inference.host, inference.port)
