"""Our predictor on a model in its own process: what it says, refuses and waits for is what a model server would."""

import asyncio
import threading

import numpy as np
import pytest

from services.contracts.moods import EXPRESSIONS
from services.inference.embedded import EmbeddedPredictor
from services.inference.litert import LiteRtModel
from services.inference.model_folder import Labels
from services.inference.model_server import ModelServer
from services.inference.predictor import PredictorAwayError, PredictorError
from services.inference.remote import GrpcPredictor
from services.inference.serving import Serving
from services.inference.tensors import Array
from services.runtime.settings import Settings
from tests.contract.model_server_doubles import RELEASED

MODELS = Settings().inference.models
FACES = np.arange(2 * 48 * 48).astype(np.uint8).reshape(2, 48, 48, 1)


def asking(serving: Serving, *, model: str = "expression", timeout_s: float = 10) -> EmbeddedPredictor:
    return EmbeddedPredictor(serving, model=model, labels=Labels(MODELS), timeout_s=timeout_s)


async def test_it_says_what_a_model_server_says() -> None:
    async with Serving(MODELS, "expression") as serving:
        here = asking(serving)
        prediction = await here.predict(FACES)
        assert await here.status() == RELEASED.version
    async with ModelServer(Serving(MODELS, "expression")) as server:
        address, labels = f"127.0.0.1:{server.port}", Labels(MODELS)
        async with GrpcPredictor(address, model="expression", labels=labels, timeout_s=10) as away:
            other = await away.predict(FACES)
    np.testing.assert_array_equal(prediction.probabilities, other.probabilities)
    assert prediction.embeddings is not None
    assert other.embeddings is not None
    np.testing.assert_array_equal(prediction.embeddings, other.embeddings)
    assert (prediction.labels, prediction.model, prediction.version) == (EXPRESSIONS, "expression", RELEASED.version)


async def test_a_refusal_says_who_refuses_and_why() -> None:
    async with Serving(MODELS, "expression") as serving:
        here = asking(serving, model="another")
        with pytest.raises(PredictorError) as refused:
            await here.predict(FACES)
        with pytest.raises(PredictorError, match="Could not find any versions of model another"):
            await here.status()
    text = "the model server in this process refuses: NOT_FOUND, Servable not found for request: Latest(another)"
    assert str(refused.value) == text
    assert not isinstance(refused.value, PredictorAwayError)


async def test_a_model_that_fails_is_a_refusal_and_the_next_faces_are_classified() -> None:
    class Failing(LiteRtModel):
        def run(self, faces: Array) -> dict[str, Array]:
            if faces.any():
                raise RuntimeError("out of memory")
            return super().run(faces)

    async with Serving(MODELS, "expression", load=Failing) as serving:
        here = asking(serving)
        with pytest.raises(PredictorError, match="INTERNAL, the model failed: out of memory"):
            await here.predict(FACES)
        assert len((await here.predict(np.zeros_like(FACES))).probabilities) == len(FACES)


async def test_a_model_that_hangs_is_away_at_the_deadline_and_what_waits_for_it_is_given_up() -> None:
    busy, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    runs: list[int] = []

    class Hanging(LiteRtModel):
        def run(self, faces: Array) -> dict[str, Array]:
            if faces.any():
                runs.append(len(faces))
                loop.call_soon_threadsafe(busy.set)
                go.wait()
            return super().run(faces)

    async with Serving(MODELS, "expression", load=Hanging) as serving:
        hasty, patient = asking(serving, timeout_s=0.05), asking(serving)
        first = asyncio.create_task(hasty.predict(FACES))
        await busy.wait()
        answers = await asyncio.gather(first, hasty.predict(FACES[:1]), return_exceptions=True)
        go.set()
        assert len((await patient.predict(np.zeros_like(FACES))).probabilities) == len(FACES)
    assert [type(answer) for answer in answers] == [PredictorAwayError] * 2
    assert str(answers[0]) == "the model server in this process has not answered within 0.05 s"
    assert runs == [len(FACES)]
