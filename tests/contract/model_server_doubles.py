"""A light model server on a folder of the test's, and a client that knows nothing of ours but the messages."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from services.contracts.tfserving_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    ModelVersionStatus,
    PredictRequest,
    PredictResponse,
    TensorProto,
)
from services.inference.model_folder import latest
from services.inference.model_server import MODEL, PREDICTION, ModelServer
from services.inference.serving import Serving
from services.inference.tensors import Array, to_proto
from services.runtime.health import Health
from services.runtime.settings import Settings

RELEASED = latest(Settings().inference.models, "expression")
Code = grpc.StatusCode


class Client:
    """Calls by path; a test may ask for anything."""

    def __init__(self, channel: Any) -> None:
        def method(path: str, request: Any, response: Any) -> Any:
            return channel.unary_unary(
                path, request_serializer=request.SerializeToString, response_deserializer=response.FromString
            )

        self.raw = channel.unary_unary(f"/{PREDICTION}/Predict")
        self.predict = method(f"/{PREDICTION}/Predict", PredictRequest, PredictResponse)
        self.metadata = method(f"/{PREDICTION}/GetModelMetadata", GetModelMetadataRequest, GetModelMetadataResponse)
        self.status = method(f"/{MODEL}/GetModelStatus", GetModelStatusRequest, GetModelStatusResponse)
        self.health = method("/grpc.health.v1.Health/Check", HealthCheckRequest, HealthCheckResponse)

    async def served(self, **choice: Any) -> int:
        """Return the version that answers."""
        response = await self.predict(request(model=ModelSpec(name="expression", **choice)))
        return int(response.model_spec.version.value)

    async def states(self) -> dict[int, str]:
        """Return the state of every version, in the order of the answer."""
        response = await self.status(GetModelStatusRequest(model_spec=ModelSpec(name="expression")))
        name = ModelVersionStatus.State.Name
        return {one.version: name(one.state) for one in response.model_version_status}


class Server:
    """A server on a folder of the test's, whose looks at it the test starts."""

    def __init__(self, models: Path) -> None:
        self.models = models
        self.health = Health()
        self.client: Client
        self._slept: asyncio.Queue[float] = asyncio.Queue()
        self._wake = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        self._slept.put_nowait(seconds)
        await self._wake.acquire()

    async def look(self) -> None:
        """Let the server look at its folder once."""
        await self._slept.get()
        self._wake.release()
        self._slept.put_nowait(await self._slept.get())


@asynccontextmanager
async def serving(models: Path, **options: Any) -> AsyncIterator[Server]:
    server = Server(models)
    async with (
        ModelServer(Serving(models, "expression", health=server.health, sleep=server.sleep, **options)) as running,
        grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel,
    ):
        server.client = Client(channel)
        yield server


def put(models: Path, version: int) -> Path:
    """Copy the released model as a version of its own."""
    folder = models / "expression" / str(version)
    folder.mkdir(parents=True)
    for name in ("model.tflite", "model.int8.tflite"):
        shutil.copy(RELEASED.path / name, folder / name)
    describe(folder)
    return folder


def describe(folder: Path, **changes: Any) -> None:
    """Write the released model's description as that of a folder's version."""
    description = json.loads((RELEASED.path / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(description | {"version": int(folder.name)} | changes))


def label(models: Path, **versions: Any) -> None:
    (models / "expression/labels.json").write_text(json.dumps(versions))


def request(batch: Array | TensorProto | None = None, model: ModelSpec | None = None, **rest: Any) -> PredictRequest:
    batch = np.zeros((1, 48, 48, 1), np.uint8) if batch is None else batch
    tensor = batch if isinstance(batch, TensorProto) else to_proto(batch)
    return PredictRequest(model_spec=model or ModelSpec(name="expression"), inputs={"faces": tensor}, **rest)


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details()
