"""The light model server: TensorFlow Serving's gRPC protocol over LiteRT, on any CPU."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import grpc
from fastapi import APIRouter
from google.protobuf.message import DecodeError, Message
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as grpc_health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from prometheus_client import Counter, Histogram

from services.contracts.tfserving_pb2 import (
    GetModelMetadataRequest,
    GetModelStatusRequest,
    PredictRequest,
)
from services.inference.servable import Code, RefusedError
from services.inference.serving import Serving
from services.runtime.bus import Bus
from services.runtime.connection_settings import at
from services.runtime.health import Health
from services.runtime.measures import from_zero
from services.runtime.service import SetupError
from services.runtime.settings import Inference

log = logging.getLogger(__name__)

STOP_GRACE_S: Final = 0.5
MAX_UNSEEN: Final = 10_000
"""Requests that gRPC may hold until they are looked at, and refused if too many wait. By default it cancels some of
those beyond 1,000, unseen and uncounted (gRPC's channel arguments, grpc.server.max_pending_requests)."""
MAX_REQUEST_BYTES: Final = 1 << 20
"""Of a request: three times what 64 faces take in the longest of `TensorProto`'s forms, two bytes a grey level."""
OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.so_reuseport", 0),
    ("grpc.server.max_pending_requests", MAX_UNSEEN),
    ("grpc.server.max_pending_requests_hard_limit", MAX_UNSEEN),
)
PREDICTION: Final = "tensorflow.serving.PredictionService"
MODEL: Final = "tensorflow.serving.ModelService"

REQUESTS = Counter("moodring_model_server_requests", "Requests by method and gRPC code", ["method", "code"])
GAVE_UP: Final = "CANCELLED"
"""The client went, or its deadline passed: it has another code for that, DEADLINE_EXCEEDED."""
UNFORESEEN: Final = "UNKNOWN"
"""What gRPC answers where a method fails as nobody foresaw."""
CODES: Final = ("OK", GAVE_UP, UNFORESEEN, *(code.name for code in Code))
REQUEST_SECONDS = Histogram(
    "moodring_model_server_request_seconds",
    "Time from a request to its answer or refusal",
    ["method"],
    buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1),
)


class ModelServer:
    """Lets the network ask a model while entered.

    Args:
        serving: The model; it is entered with this.
        host: Address to listen on.
        port: Port to listen on, 0 for any.
    """

    def __init__(self, serving: Serving, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.port = port
        """The port; while entered never 0."""
        self._serving = serving
        self._host = host
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Load the model, then listen.

        Raises:
            SetupError: The model does not load, or the port is taken.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._serving)
            await self._listen(stack)
            self._stack = stack.pop_all()
        log.info("the model server listens at %s", at(self._host, self.port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let running requests end, briefly."""
        await self._stack.aclose()

    async def _listen(self, stack: AsyncExitStack) -> None:
        server = grpc.aio.server(options=OPTIONS)
        predict = {
            "Predict": _method("Predict", PredictRequest, self._serving.predict),
            "GetModelMetadata": _method("GetModelMetadata", GetModelMetadataRequest, self._serving.metadata),
        }
        status = {"GetModelStatus": _method("GetModelStatus", GetModelStatusRequest, self._serving.status)}
        for service, methods in ((PREDICTION, predict), (MODEL, status)):
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
        healths = grpc_health.HealthServicer()
        add_HealthServicer_to_server(healths, server)
        try:
            self.port = server.add_insecure_port(at(self._host, self.port))
        except RuntimeError as error:
            raise SetupError(
                f"the model server cannot listen on {at(self._host, self.port)}: the port is taken or the address is "
                "not this machine's; change MOODRING_INFERENCE_PORT or MOODRING_INFERENCE_HOST"
            ) from error
        for service in ("", PREDICTION, MODEL, HEALTH):
            await healths.set(service, HealthCheckResponse.SERVING)
        await server.start()
        stack.push_async_callback(server.stop, STOP_GRACE_S)
        stack.push_async_callback(healths.enter_graceful_shutdown)


def _method(name: str, request_type: type[Message], method: Callable[[Any], Awaitable[Message]]) -> Any:
    """Return the gRPC handler of a method."""
    from_zero(REQUESTS, [name], CODES)
    from_zero(REQUEST_SECONDS, [name])

    async def answer(payload: bytes) -> bytes:
        try:
            return (await method(request_type.FromString(payload))).SerializeToString()
        except DecodeError as error:
            raise RefusedError(Code.INVALID_ARGUMENT, f"the request is no {request_type.__name__}") from error

    async def respond(payload: bytes, context: Any) -> bytes:
        outcome = UNFORESEEN
        try:
            with REQUEST_SECONDS.labels(name).time():
                response = await answer(payload)
        except RefusedError as error:
            outcome = error.code.name
            await context.abort(grpc.StatusCode[outcome], str(error))
            raise AssertionError("abort raises") from error
        except asyncio.CancelledError:
            outcome = GAVE_UP
            raise
        else:
            outcome = "OK"
            return response
        finally:
            REQUESTS.labels(name, outcome).inc()

    return grpc.unary_unary_rpc_method_handler(respond)


class ModelServerService:
    """The light model server as a service that runs alone: it answers already when it is made.

    Args:
        health: Hears of versions that cannot be served.
    """

    name = "model-server"

    def __init__(self, health: Health) -> None:
        self.router = APIRouter()
        self.health = health

    async def run(self, bus: Bus) -> None:
        """Go on until cancelled; the bus is not used."""
        del bus
        await asyncio.Event().wait()


@asynccontextmanager
async def open_model_server(settings: Inference) -> AsyncIterator[ModelServerService]:
    """Serve the model while the context is open, so that nobody is told that it is ready before it answers.

    Raises:
        SetupError: There is no usable model, or the port is taken.
    """
    health = Health()
    serving = Serving(settings.models, settings.model, keep=settings.versions, health=health)
    async with ModelServer(serving, host=settings.host, port=settings.port):
        yield ModelServerService(health)
