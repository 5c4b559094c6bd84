"""The light server runs what waits together, within bounds, and says so in its figures."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from prometheus_client import REGISTRY

from services.contracts.tfserving_pb2 import (
    ModelSpec,
)
from services.inference import model_folder
from services.inference.batches import MAX_IN_FLIGHT, TOGETHER, Batches
from services.inference.litert import MAX_BATCH, LiteRtModel
from services.inference.model_folder import ModelFolder
from services.inference.model_server import MAX_REQUEST_BYTES
from services.inference.servable import RefusedError
from services.inference.tensors import Array, from_proto
from tests.contract.model_server_doubles import Server, put, refusal, request, serving


class HeldModel(LiteRtModel):
    """Answers when the test lets it, and remembers the sizes of its batches."""

    def __init__(self, folder: ModelFolder) -> None:
        self.go: threading.Event | None = None
        self.ran: list[int] = []
        self.entered = threading.Event()
        super().__init__(folder)
        self.go = threading.Event()

    def run(self, faces: Array) -> dict[str, Array]:
        if self.go is not None:
            self.ran.append(len(faces))
            self.entered.set()
            self.go.wait(30)
        return super().run(faces)


@asynccontextmanager
async def held(tmp_path: Path, *versions: int) -> AsyncIterator[tuple[Server, dict[int, HeldModel]]]:
    loaded: dict[int, HeldModel] = {}

    def load(folder: ModelFolder) -> HeldModel:
        loaded[folder.version] = HeldModel(folder)
        return loaded[folder.version]

    for version in versions:
        put(tmp_path, version)
    async with serving(tmp_path, keep=len(versions), load=load) as server:
        yield server, loaded


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a gauge has no event
            await asyncio.sleep(0)


def in_flight() -> float:
    return REGISTRY.get_sample_value("moodring_model_server_in_flight") or 0


async def test_requests_that_come_while_the_model_is_busy_share_its_next_run(tmp_path: Path) -> None:
    grey = [np.full((count, 48, 48, 1), 40 * count, np.uint8) for count in (1, 2, 3)]
    async with held(tmp_path, 1) as (server, loaded):
        first = asyncio.ensure_future(server.client.predict(request()))
        await asyncio.to_thread(loaded[1].entered.wait, 30)
        others = [asyncio.ensure_future(server.client.predict(request(batch))) for batch in grey]
        await until(lambda: in_flight() == 4)
        loaded[1].go.set()  # type: ignore[union-attr]
        answers = await asyncio.gather(first, *others)
        assert loaded[1].ran == [1, 6]
        for batch, answer in zip(grey, answers[1:], strict=True):
            alone = loaded[1].run(batch)["probabilities"]
            np.testing.assert_allclose(from_proto(answer.outputs["probabilities"]), alone, atol=1e-5)
    assert in_flight() == 0


async def test_a_run_is_shared_up_to_a_size_and_by_one_version_only(tmp_path: Path) -> None:
    small, large = (np.zeros((count, 48, 48, 1), np.uint8) for count in (TOGETHER - 1, MAX_BATCH))
    async with held(tmp_path, 1, 2) as (server, loaded):
        first = asyncio.ensure_future(server.client.predict(request()))
        await asyncio.to_thread(loaded[2].entered.wait, 30)
        older = ModelSpec(name="expression", version={"value": 1})
        sent = [request(small), request(large), request(small), request(model=older)]
        others = [asyncio.ensure_future(server.client.predict(one)) for one in sent]
        await until(lambda: in_flight() == 5)
        for model in loaded.values():
            model.go.set()  # type: ignore[union-attr]
        await asyncio.gather(first, *others)
        assert sorted(loaded[2].ran) == [1, TOGETHER - 1, TOGETHER - 1, MAX_BATCH]
        assert loaded[1].ran == [1]


class FailingModel(LiteRtModel):
    """Fails once, when it is served, in a way that nobody foresaw."""

    failures = 0

    def run(self, faces: Array) -> dict[str, Array]:
        if self.failures:
            self.failures -= 1
            raise MemoryError("out of memory")
        return super().run(faces)


async def test_a_run_that_fails_is_refused_and_the_next_one_is_answered(tmp_path: Path) -> None:
    loaded: list[FailingModel] = []

    def load(folder: ModelFolder) -> FailingModel:
        loaded.append(FailingModel(folder))
        return loaded[-1]

    put(tmp_path, 1)
    async with serving(tmp_path, load=load) as server:
        loaded[0].failures = 1
        with pytest.raises(grpc.aio.AioRpcError, match="out of memory") as refused:
            await server.client.predict(request(), timeout=30)
        assert refused.value.code() is grpc.StatusCode.INTERNAL
        assert await server.client.predict(request(), timeout=30)


class ForgetfulModel(LiteRtModel):
    """Loses something of its answers once it is served."""

    lose: Callable[[dict[str, Array]], dict[str, Array]] | None = None

    def run(self, faces: Array) -> dict[str, Array]:
        answer = super().run(faces)
        return self.lose(answer) if self.lose else answer


@pytest.mark.parametrize(
    ("lose", "text"),
    [
        (lambda all_: {name: values[0] for name, values in all_.items()}, "0th dimension does not equal the sum"),
        (lambda all_: {name: values[:0] for name, values in all_.items()}, "(0 rows for 1 faces)"),
        (lambda all_: {name: values.sum() for name, values in all_.items()}, "output tensor has 0 dimensions"),
        (lambda all_: all_ | {"probabilities": all_["probabilities"][:, :7]}, "float32 of shape (N, 8) is needed"),
        (lambda _: {}, "is missing"),
        (lambda _: None, "the model failed"),
    ],
)
async def test_an_answer_that_is_no_row_for_each_face_is_an_internal_error_and_the_next_one_is_answered(
    tmp_path: Path, lose: Callable[[dict[str, Array]], Any], text: str
) -> None:
    loaded: list[ForgetfulModel] = []

    def load(folder: ModelFolder) -> ForgetfulModel:
        loaded.append(ForgetfulModel(folder))
        return loaded[-1]

    put(tmp_path, 1)
    async with serving(tmp_path, load=load) as server:
        loaded[0].lose = lose
        code, said = await refusal(server.client.predict(request(), timeout=30))
        assert (code, text in said) == (grpc.StatusCode.INTERNAL, True), said
        loaded[0].lose = None
        assert await server.client.predict(request(), timeout=30)


async def test_what_is_in_the_model_when_the_server_ends_is_given_up_too(tmp_path: Path) -> None:
    put(tmp_path, 1)
    model = HeldModel(model_folder.read(tmp_path, "expression", 1))
    async with Batches() as batches:
        both = [asyncio.ensure_future(batches.run(model, np.zeros((1, 48, 48, 1), np.uint8))) for _ in range(2)]
        await asyncio.to_thread(model.entered.wait, 30)
    async with asyncio.timeout(30):
        ends = await asyncio.gather(*both, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
    model.go.set()  # type: ignore[union-attr]


async def test_faces_that_do_not_go_together_are_refused_and_the_next_are_answered(tmp_path: Path) -> None:
    async with held(tmp_path, 1) as (_, loaded):
        loaded[1].go.set()  # type: ignore[union-attr]
        async with Batches() as batches:
            wrong = np.zeros((1, 3), np.uint8), np.zeros((1, 48, 48, 1), np.uint8)
            ends = await asyncio.gather(*(batches.run(loaded[1], faces) for faces in wrong), return_exceptions=True)
            assert [type(end) for end in ends] == [RefusedError] * 2
            assert "probabilities" in await batches.run(loaded[1], wrong[1])


async def test_who_gave_up_is_not_worked_for(tmp_path: Path) -> None:
    async with held(tmp_path, 1) as (server, loaded):
        first = asyncio.ensure_future(server.client.predict(request()))
        await asyncio.to_thread(loaded[1].entered.wait, 30)
        gone = [asyncio.ensure_future(server.client.predict(request())) for _ in range(MAX_IN_FLIGHT - 1)]
        await until(lambda: in_flight() == MAX_IN_FLIGHT)
        for one in gone:
            one.cancel()
        await until(lambda: in_flight() == 1)
        loaded[1].go.set()  # type: ignore[union-attr]
        await first
        await server.client.predict(request())
        assert loaded[1].ran == [1, 1]


def outcomes() -> Counter[str]:
    """Return how many requests for a prediction have ended how."""
    found = Counter[str]()
    for family in REGISTRY.collect():
        for one in family.samples:
            if one.name == "moodring_model_server_requests_total" and one.labels["method"] == "Predict":
                found[one.labels["code"]] += int(one.value)
    return found


async def test_of_very_many_requests_at_once_each_is_answered_or_refused_and_counted(tmp_path: Path) -> None:
    async def ask(server: Server) -> str:
        try:
            await server.client.predict(request())
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "OK"

    put(tmp_path, 1)
    before = outcomes()
    async with serving(tmp_path) as server:
        got = Counter(await asyncio.gather(*(ask(server) for _ in range(3000))))
        assert got.keys() == {"OK", "RESOURCE_EXHAUSTED"}
        assert got["OK"] >= MAX_IN_FLIGHT
        await until(lambda: outcomes() - before == got)


async def test_what_no_batch_needs_is_refused_unread(tmp_path: Path) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path) as server:
        whole = request(np.zeros((MAX_BATCH, 48, 48, 1), np.uint8))
        assert len((await server.client.predict(whole)).outputs) == 3
        over = request(np.zeros((MAX_REQUEST_BYTES // 48**2 + 1, 48, 48, 1), np.uint8))
        code, why = await refusal(server.client.predict(over))
        assert (code, "larger than max" in why) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)


async def test_who_gave_up_is_counted_as_that_and_what_nobody_foresaw_too(tmp_path: Path) -> None:
    async with held(tmp_path, 1) as (server, loaded):
        before = outcomes()
        gone = [asyncio.ensure_future(server.client.predict(request())) for _ in range(2)]
        await until(lambda: in_flight() == 2)
        gone[0].cancel()
        late = asyncio.ensure_future(server.client.predict(request(), timeout=0.2))
        assert (await refusal(late))[0] is grpc.StatusCode.DEADLINE_EXCEEDED
        loaded[1].shape = None  # type: ignore[assignment]
        assert (await refusal(server.client.predict(request())))[0] is grpc.StatusCode.UNKNOWN
        await until(lambda: outcomes() - before == {"CANCELLED": 2, "UNKNOWN": 1})
        loaded[1].go.set()  # type: ignore[union-attr]
        await gone[1]
        assert outcomes() - before == {"CANCELLED": 2, "UNKNOWN": 1, "OK": 1}


async def test_what_the_server_does_can_be_measured(tmp_path: Path) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"moodring_model_server_{name}", labels) or 0

    put(tmp_path, 77)
    before = value("requests_total", method="Predict", code="OK"), value("batch_faces_sum")
    async with serving(tmp_path) as server:
        await server.client.predict(request(np.zeros((5, 48, 48, 1), np.uint8)))
        assert value("version_available", model="expression", version="77") == 1
    assert value("requests_total", method="Predict", code="OK") == before[0] + 1
    assert value("batch_faces_sum") == before[1] + 5
    assert value("request_seconds_count", method="Predict") > 0
