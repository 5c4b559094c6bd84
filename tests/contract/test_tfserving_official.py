"""Both sides against TensorFlow and the official `tensorflow-serving-api`, in the training environment."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.contracts.tfserving_pb2 import ModelSpec, PredictRequest, PredictResponse
from services.inference.model_folder import Labels
from services.inference.model_server import ModelServer
from services.inference.remote import GrpcPredictor
from services.inference.serving import Serving
from services.inference.tensors import to_proto
from services.runtime.settings import Settings
from tests.contract.model_server_doubles import RELEASED, label, put
from training.golden import golden_faces

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-training/bin/python"
MODELS = Settings().inference.models

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="needs TensorFlow and its Serving stubs: run `make train-env`"),
]


@asynccontextmanager
async def official(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        PYTHON, "-m", "tests.contract.official_stubs", *arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(*arguments: str, stdin: str = "") -> str:
    async with official(*arguments) as process:
        output, _ = await process.communicate(stdin.encode())
    assert process.returncode == 0
    return output.decode().strip()


def expect_golden(probabilities: Any, form: str = "exact") -> None:
    golden = json.loads((RELEASED.path / "golden.json").read_text())[form]
    np.testing.assert_allclose(probabilities, golden["probabilities"], atol=golden["tolerance"])


async def test_our_client_is_answered_by_a_saved_model_behind_official_stubs() -> None:
    async with official("serve", str(RELEASED.path.absolute())) as server:
        assert server.stdout is not None
        address = f"127.0.0.1:{int(await server.stdout.readline())}"
        async with GrpcPredictor(address, model="expression", labels=Labels(MODELS), timeout_s=60) as predictor:
            prediction = await predictor.predict(golden_faces())
            assert await predictor.status() == RELEASED.version
    expect_golden(prediction.probabilities)
    assert prediction.version == RELEASED.version
    assert prediction.embeddings is not None


async def test_an_official_client_is_answered_by_our_server(tmp_path: Path) -> None:
    put(tmp_path, 1)
    label(tmp_path, stable=1)
    async with ModelServer(Serving(tmp_path, "expression")) as server:
        answers = json.loads(await said("ask", str(server.port)))
    expect_golden(answers["golden"], "int8")
    assert answers["values_in_fill"] == 1
    assert answers["filled_by_one_value"] == answers["filled"]
    assert (answers["its_version"], answers["next_version"]) == ("OK", "NOT_FOUND")
    assert (answers["label"], answers["another_label"]) == ("OK", "INVALID_ARGUMENT")
    assert (answers["another_model"], answers["floats"]) == ("NOT_FOUND", "INVALID_ARGUMENT")
    assert answers["status"] == [1, "AVAILABLE"]
    assert answers["metadata"] == json.loads(await said("signature", str(RELEASED.path)))


async def test_requests_are_the_official_ones_byte_for_byte() -> None:
    ours = PredictRequest(model_spec=ModelSpec(name="expression"), inputs={"faces": to_proto(golden_faces())})
    assert ours.SerializeToString(deterministic=True).hex() == await said("request")


async def test_answers_are_the_official_ones_byte_for_byte() -> None:
    request = PredictRequest(model_spec=ModelSpec(name="expression"), inputs={"faces": to_proto(golden_faces())})
    async with Serving(MODELS, "expression") as server:
        response = await server.predict(request)
    assert isinstance(response, PredictResponse)
    ours = response.SerializeToString(deterministic=True).hex()
    assert ours == await said("again", stdin=ours)
