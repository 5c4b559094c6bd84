"""Our predictor against servers of TensorFlow Serving's protocol: the light one, and scripted ones that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from services.contracts.moods import EXPRESSIONS
from services.contracts.tfserving_pb2 import GetModelStatusResponse, ModelSpec, PredictRequest, PredictResponse
from services.inference.breaker import FAILURES, Breaker
from services.inference.model_folder import Labels
from services.inference.model_server import ModelServer
from services.inference.predictor import PredictorAwayError, PredictorError, grpc_address
from services.inference.remote import GrpcPredictor
from services.inference.serving import Serving
from services.inference.tensors import from_proto, to_proto
from services.runtime.health import Health
from services.runtime.settings import Settings
from tests.contract.model_server_doubles import RELEASED, describe, put

MODELS = Settings().inference.models
FACES = np.zeros((2, 48, 48, 1), np.uint8)
UNIFORM = np.full((2, 8), 0.125, np.float32)

Answer = Callable[[bytes, Any], Any]


def predictor(port: int, timeout_s: float = 10, models: Path = MODELS) -> GrpcPredictor:
    return GrpcPredictor(f"127.0.0.1:{port}", model="expression", labels=Labels(models), timeout_s=timeout_s)


@asynccontextmanager
async def scripted(answer: Answer, timeout_s: float = 10, models: Path = MODELS) -> AsyncIterator[GrpcPredictor]:
    """Give a predictor on a server whose every method is `answer`."""
    handler = grpc.unary_unary_rpc_method_handler(answer)
    server = grpc.aio.server()
    for service, method in (("PredictionService", "Predict"), ("ModelService", "GetModelStatus")):
        name = f"tensorflow.serving.{service}"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with predictor(port, timeout_s, models) as client:
            yield client
    finally:
        await server.stop(0)


def response(**outputs: Any) -> bytes:
    tensors = {name: to_proto(values) for name, values in outputs.items()}
    spec = ModelSpec(name="expression", version={"value": RELEASED.version})
    return PredictResponse(outputs=tensors, model_spec=spec).SerializeToString()


def always(payload: bytes) -> Answer:
    async def answer(request: bytes, context: Any) -> bytes:
        return payload

    return answer


async def test_it_reads_what_the_light_server_says() -> None:
    async with ModelServer(Serving(MODELS, "expression")) as server, predictor(server.port) as client:
        prediction = await client.predict(FACES)
        assert await client.status() == RELEASED.version
    assert prediction.labels == EXPRESSIONS
    assert prediction.probabilities.shape == (2, 8)
    assert prediction.embeddings is not None
    assert (prediction.model, prediction.version) == ("expression", RELEASED.version)


async def test_it_asks_for_the_model_with_the_faces_as_they_are() -> None:
    asked: list[PredictRequest] = []

    async def answer(request: bytes, context: Any) -> bytes:
        asked.append(PredictRequest.FromString(request))
        return response(probabilities=UNIFORM)

    batch = np.arange(2 * 48 * 48, dtype=np.uint8).reshape(2, 48, 48, 1)
    async with scripted(answer) as client:
        await client.predict(batch)
    [request] = asked
    assert request.model_spec.name == "expression"
    np.testing.assert_array_equal(from_proto(request.inputs["faces"]), batch)


async def test_a_model_without_embeddings_is_fine() -> None:
    async with scripted(always(response(probabilities=UNIFORM, extra=UNIFORM))) as client:
        prediction = await client.predict(FACES)
    assert prediction.embeddings is None
    assert (prediction.version, prediction.labels) == (RELEASED.version, EXPRESSIONS)


async def test_a_model_of_which_nothing_is_here_has_the_eight(tmp_path: Path) -> None:
    async with scripted(always(response(probabilities=UNIFORM)), models=tmp_path) as client:
        assert (await client.predict(FACES)).labels == EXPRESSIONS


async def test_a_version_whose_description_is_not_here_is_not_read_until_it_is(tmp_path: Path) -> None:
    put(tmp_path, RELEASED.version + 1)
    async with scripted(always(response(probabilities=UNIFORM)), models=tmp_path) as client:
        with pytest.raises(PredictorError, match=rf"labels that are not known here: .*/{RELEASED.version}/model.json"):
            await client.predict(FACES)
        describe(put(tmp_path, RELEASED.version), labels=EXPRESSIONS[::-1])
        assert (await client.predict(FACES)).labels == EXPRESSIONS[::-1]


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (response(probabilities=UNIFORM * np.nan), "probabilities do not sum to 1"),
        (response(probabilities=UNIFORM * 2), "probabilities do not sum to 1"),
        (response(probabilities=UNIFORM + np.tile(np.array([0.5, -0.5], np.float32), 4)), "a probability is negative"),
        (response(probabilities=UNIFORM[:1]), "float32 of shape (1, 8); float32 of shape (2, 8) is needed"),
        (response(probabilities=UNIFORM[:, :7]), "float32 of shape (2, 7)"),
        (response(probabilities=UNIFORM.astype(np.float64)), "it is float64"),
        (response(probabilities=UNIFORM, embedding=UNIFORM[:1]), "embedding: it is float32 of shape (1, 8)"),
        (response(scores=UNIFORM), "the output probabilities is missing"),
        (response(), "the output probabilities is missing"),
    ],
)
async def test_a_wrong_answer_is_an_error_that_says_what_is_wrong(payload: bytes, text: str) -> None:
    async with scripted(always(payload)) as client:
        with pytest.raises(PredictorError) as caught:
            await client.predict(FACES)
    assert "answered nonsense: " in str(caught.value)
    assert text in str(caught.value)


async def test_bytes_that_are_no_answer_are_an_error() -> None:
    for payload, text in ((b"\xff\xff", "answered no PredictResponse"), (b"", "/0/model.json")):
        async with scripted(always(payload)) as client:
            with pytest.raises(PredictorError, match=text):
                await client.predict(FACES)


async def test_a_refusal_names_code_and_reason() -> None:
    async def answer(request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(expression)")
        raise AssertionError

    async with scripted(answer) as client:
        with pytest.raises(PredictorError, match="refuses: NOT_FOUND, Servable not found") as caught:
            await client.predict(FACES)
    assert not isinstance(caught.value, PredictorAwayError)


async def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    asked = 0

    async def answer(request: bytes, context: Any) -> bytes:
        nonlocal asked
        asked += 1
        if asked < 3:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return response(probabilities=UNIFORM)

    async with scripted(answer) as client:
        await client.predict(FACES)
    assert asked == 3


async def test_it_gives_up_after_three_times() -> None:
    asked = 0

    async def answer(request: bytes, context: Any) -> bytes:
        nonlocal asked
        asked += 1
        await context.abort(grpc.StatusCode.UNAVAILABLE, "never")
        raise AssertionError

    async with scripted(answer) as client:
        with pytest.raises(PredictorAwayError, match=r"is away: never$"):
            await client.predict(FACES)
    assert asked == 3


async def test_a_server_that_hangs_is_away_when_the_time_is_up() -> None:
    async def answer(request: bytes, context: Any) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async with scripted(answer, timeout_s=0.2) as client:
        with pytest.raises(PredictorAwayError, match=r"has not answered within 0\.2 s$"):
            await client.predict(FACES)


async def test_it_finds_a_server_again_that_was_gone() -> None:
    async with ModelServer(Serving(MODELS, "expression")) as first:
        port = first.port
        async with predictor(port) as client:
            await client.predict(FACES)
            await first.__aexit__(None, None, None)
            with pytest.raises(PredictorAwayError):
                await client.predict(FACES)
            async with ModelServer(Serving(MODELS, "expression"), port=port):
                await client._channel.channel_ready()
                assert await client.status() == RELEASED.version


async def test_a_server_that_is_gone_costs_no_waiting_and_is_found_when_it_is_back() -> None:
    async with ModelServer(Serving(MODELS, "expression")) as first:
        port = first.port
        async with predictor(port) as client:
            breaker = Breaker(client, lambda: 0.0, Health())
            await breaker.predict(FACES)
            await first.__aexit__(None, None, None)
            for _ in range(FAILURES + 1):
                with pytest.raises(PredictorAwayError):
                    await breaker.predict(FACES)
            assert breaker.is_open
            async with ModelServer(Serving(MODELS, "expression"), port=port):
                await client._channel.channel_ready()
                await breaker.status()
                await breaker.predict(FACES)
                assert not breaker.is_open


async def test_a_model_that_still_loads_is_not_ready() -> None:
    loading = GetModelStatusResponse(model_version_status=[{"version": 1, "state": "LOADING"}])
    async with scripted(always(loading.SerializeToString())) as client:
        with pytest.raises(PredictorError, match="is still loading the model expression"):
            await client.status()


async def test_the_highest_available_version_is_the_one_served() -> None:
    states = [{"version": 4, "state": "AVAILABLE"}, {"version": 5, "state": "LOADING"}, {"version": 3, "state": "END"}]
    payload = GetModelStatusResponse(model_version_status=states).SerializeToString()
    async with scripted(always(payload)) as client:
        assert await client.status() == 4


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("grpc://models:8501", "models:8501"),
        ("grpc://models", "models:8500"),
        ("grpc://[::1]:9", "[::1]:9"),
    ],
)
def test_an_address_is_a_url(url: str, address: str) -> None:
    assert grpc_address(url) == address
