"""The light server speaks TensorFlow Serving's protocol; the client here knows nothing of ours but the messages."""

import asyncio
import hashlib
import json
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from services.assembly import assembled
from services.contracts.moods import EXPRESSIONS
from services.contracts.tfserving_pb2 import (
    GetModelStatusRequest,
    ModelSpec,
    ModelVersionStatus,
    PredictRequest,
    TensorProto,
    TensorShapeProto,
)
from services.inference.batches import MAX_IN_FLIGHT
from services.inference.litert import MAX_BATCH, LiteRtModel
from services.inference.model_folder import ModelFolder, latest
from services.inference.model_server import ModelServer, open_model_server
from services.inference.serving import Serving
from services.inference.tensors import Array, from_proto, to_proto
from services.runtime.connection_settings import Http
from services.runtime.memory import MemoryBus
from services.runtime.service import SetupError
from services.runtime.settings import Inference, Settings
from tests.contract.model_server_doubles import RELEASED, Client, Code, describe, put, refusal, request, serving
from training.golden import golden_faces

MODELS = Settings().inference.models


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(Serving(MODELS, "expression")) as running:
        yield running


@pytest.fixture
async def client(server: ModelServer) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield Client(channel)


def faces(count: int = 1) -> Array:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48, 1), np.uint8)


def spec(name: str = "expression", **choice: Any) -> ModelSpec:
    return ModelSpec(name=name, **choice)


async def test_probabilities_and_embeddings_come_with_the_version_that_made_them(client: Client) -> None:
    response = await client.predict(request(faces(3)))
    probabilities, embedding = (from_proto(response.outputs[name]) for name in ("probabilities", "embedding"))
    assert probabilities.shape == (3, len(EXPRESSIONS))
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert embedding.shape[0] == 3
    assert (response.model_spec.name, response.model_spec.version.value) == ("expression", RELEASED.version)
    assert response.model_spec.signature_name == "serving_default"


async def test_answers_are_those_the_model_was_released_with(client: Client) -> None:
    golden = json.loads((RELEASED.path / "golden.json").read_text())["int8"]
    response = await client.predict(request(golden_faces()))
    probabilities = from_proto(response.outputs["probabilities"])
    np.testing.assert_allclose(probabilities, golden["probabilities"], atol=golden["tolerance"])


async def test_a_version_without_eight_bits_answers_as_keras_does(tmp_path: Path) -> None:
    files = RELEASED.description.files
    describe(put(tmp_path, 2), files={name: files[name] for name in files if name != "model.int8.tflite"})
    golden = json.loads((RELEASED.path / "golden.json").read_text())["exact"]
    async with serving(tmp_path) as server:
        response = await server.client.predict(request(golden_faces()))
    probabilities = from_proto(response.outputs["probabilities"])
    np.testing.assert_allclose(probabilities, golden["probabilities"], atol=golden["tolerance"])


async def test_a_batch_answers_as_its_faces_do_one_by_one(client: Client) -> None:
    batch = faces(MAX_BATCH)
    together = from_proto((await client.predict(request(batch))).outputs["probabilities"])
    for row, one in list(zip(together, batch, strict=True))[:3]:
        alone = from_proto((await client.predict(request(one[None]))).outputs["probabilities"])
        np.testing.assert_allclose(alone[0], row, atol=1e-5)


async def test_one_value_fills_a_tensor(client: Client) -> None:
    dims = [TensorShapeProto.Dim(size=size) for size in (2, 48, 48, 1)]
    filled = TensorProto(dtype="DT_UINT8", tensor_shape=TensorShapeProto(dim=dims), int_val=[128])
    assert await client.predict(request(filled)) == await client.predict(
        request(np.full((2, 48, 48, 1), 128, np.uint8))
    )


async def test_only_the_outputs_asked_for_are_sent(client: Client) -> None:
    response = await client.predict(request(output_filter=["probabilities"]))
    assert list(response.outputs) == ["probabilities"]


async def test_the_version_there_is_can_be_asked_for(client: Client) -> None:
    response = await client.predict(request(model=spec(version={"value": RELEASED.version})))
    assert response.model_spec.version.value == RELEASED.version


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        (spec("moods"), Code.NOT_FOUND, "Servable not found for request: Latest(moods)"),
        (spec(version={"value": 99}), Code.NOT_FOUND, "Servable not found for request: Specific(expression, 99)"),
        (spec(version={}), Code.NOT_FOUND, "Servable not found for request: Specific(expression, 0)"),
        (spec(version_label="stable"), Code.INVALID_ARGUMENT, "Unrecognized servable version label: stable"),
        (spec(""), Code.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (spec(signature_name="regress"), Code.FAILED_PRECONDITION, 'Serving signature key "regress" not found.'),
    ],
)
async def test_a_model_that_is_not_here_is_refused(
    client: Client, model: ModelSpec, code: grpc.StatusCode, text: str
) -> None:
    assert await refusal(client.predict(request(model=model))) == (code, text)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (request(faces().astype(np.float32)), "it is float32 of shape (1, 48, 48, 1); uint8 of shape (N, 48, 48, 1)"),
        (request(np.zeros((1, 64, 64, 1), np.uint8)), "it is uint8 of shape (1, 64, 64, 1)"),
        (request(np.zeros((48, 48), np.uint8)), "it is uint8 of shape (48, 48)"),
        (request(np.zeros((0, 48, 48, 1), np.uint8)), "a batch of 0; 1 to 64"),
        (request(np.zeros((65, 48, 48, 1), np.uint8)), "a batch of 65; 1 to 64"),
        (request(TensorProto()), "DT_INVALID are not supported"),
        (PredictRequest(model_spec=spec()), "none given, faces needed"),
        (PredictRequest(model_spec=spec(), inputs={"images": to_proto(faces())}), "images given, faces needed"),
        (request(output_filter=["mood"]), "mood; outputs are embedding, fer2013, probabilities"),
    ],
)
async def test_a_request_that_does_not_fit_is_an_invalid_argument(
    client: Client, sent: PredictRequest, text: str
) -> None:
    code, details = await refusal(client.predict(sent))
    assert code == Code.INVALID_ARGUMENT
    assert text in details


async def test_bytes_that_are_no_request_are_an_invalid_argument(client: Client) -> None:
    assert await refusal(client.raw(b"\xff\xff")) == (Code.INVALID_ARGUMENT, "the request is no PredictRequest")


async def test_status_says_which_version_is_available(client: Client) -> None:
    [version] = (await client.status(GetModelStatusRequest(model_spec=spec()))).model_version_status
    assert (version.version, version.state) == (RELEASED.version, ModelVersionStatus.State.AVAILABLE)
    assert version.status.error_code == 0


async def test_status_of_another_model_is_not_found(client: Client) -> None:
    code, _ = await refusal(client.status(GetModelStatusRequest(model_spec=spec("moods"))))
    assert code == Code.NOT_FOUND


class HeldModel(LiteRtModel):
    """Answers when the test lets it."""

    def __init__(self, folder: ModelFolder) -> None:
        super().__init__(folder)
        self.go = threading.Event()

    def run(self, faces: Array) -> dict[str, Array]:
        if hasattr(self, "go"):
            self.go.wait(30)
        return super().run(faces)


async def test_what_is_too_much_at_once_is_refused_and_the_rest_answered() -> None:
    loaded: list[HeldModel] = []

    def load(folder: ModelFolder) -> HeldModel:
        loaded.append(HeldModel(folder))
        return loaded[0]

    async with (
        ModelServer(Serving(MODELS, "expression", load=load)) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        client = Client(channel)
        calls = [asyncio.ensure_future(client.predict(request())) for _ in range(MAX_IN_FLIGHT + 1)]
        done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        code, text = await refusal(done.pop())
        loaded[0].go.set()
        assert len(await asyncio.gather(*waiting)) == MAX_IN_FLIGHT
    assert (code, text) == (Code.RESOURCE_EXHAUSTED, "64 requests wait already")


async def test_a_model_that_fails_is_an_internal_error_and_the_server_goes_on() -> None:
    class Failing(LiteRtModel):
        def run(self, faces: Array) -> dict[str, Array]:
            if faces.any():
                raise RuntimeError("out of memory")
            return super().run(faces)

    async with (
        ModelServer(Serving(MODELS, "expression", load=Failing)) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        client = Client(channel)
        failed = client.predict(request(np.ones((1, 48, 48, 1), np.uint8)))
        assert await refusal(failed) == (Code.INTERNAL, "the model failed: out of memory")
        assert (await client.predict(request())).outputs


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    put(tmp_path, RELEASED.version)
    return tmp_path


def alone(models: Path, port: int = 0) -> Inference:
    return Inference(models=models, port=port)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda folder: (folder / RELEASED.lite_file.name).write_bytes(b"TFL3"), "its sha256 differs"),
        (lambda folder: (folder / RELEASED.lite_file.name).unlink(), "tflite cannot be read"),
        (lambda folder: (folder / "model.json").write_text("{"), "model.json: Invalid JSON"),
        (shutil.rmtree, "holds no model"),
    ],
)
async def test_a_spoilt_model_stops_the_start(copied: Path, spoil: Callable[[Path], Any], text: str) -> None:
    spoil(copied / "expression" / RELEASED.path.name)
    with pytest.raises(SetupError, match=text):
        async with open_model_server(alone(copied)):
            pass


async def test_alone_it_is_said_to_be_ready_when_it_answers(copied: Path) -> None:
    port = free_port()
    settings = Settings(data=copied / "data", http=Http(port=0), inference=alone(copied, port))
    async with assembled(["model-server"], settings), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert (await Client(channel).health(HealthCheckRequest())).status == HealthCheckResponse.SERVING


async def test_what_is_no_model_stops_the_start(copied: Path) -> None:
    folder = latest(copied, "expression")
    file = folder.lite_file
    file.write_bytes(b"no model")
    description = json.loads((folder.path / "model.json").read_text())
    description["files"][file.name] = hashlib.sha256(b"no model").hexdigest()
    (folder.path / "model.json").write_text(json.dumps(description))
    with pytest.raises(SetupError, match="does not run in LiteRT"):
        async with ModelServer(Serving(copied, "expression")):
            pass


async def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with open_model_server(alone(MODELS, port)):
                pass


async def test_it_listens_on_an_address_of_ipv6_too() -> None:
    async with (
        ModelServer(Serving(MODELS, "expression"), host="::1") as server,
        grpc.aio.insecure_channel(f"[::1]:{server.port}") as channel,
    ):
        assert await Client(channel).status(GetModelStatusRequest(model_spec=spec()))


async def test_alone_it_serves_until_cancelled_and_again() -> None:
    port = free_port()
    async with MemoryBus() as bus, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for _ in range(2):
            async with open_model_server(alone(MODELS, port)) as service:
                task = asyncio.create_task(service.run(bus))
                await Client(channel).status(GetModelStatusRequest(model_spec=spec()), wait_for_ready=True, timeout=30)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
