"""What waits for the model, run together: requests that came while it was busy share its next run.

Nothing waits for company: on one core a model that idles makes no answer earlier.
"""

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np
from prometheus_client import Gauge, Histogram

from services.inference.litert import MAX_BATCH, LiteRtModel
from services.inference.servable import Code, RefusedError
from services.inference.tensors import Array

log = logging.getLogger(__name__)

MAX_IN_FLIGHT: Final = 64
"""Requests that wait or run; beyond them the answer is RESOURCE_EXHAUSTED."""
TOGETHER: Final = 16
"""Faces of several requests that share a run, which saves the way into the model and back. In it a face costs as much
among 32 as alone (measured: 1 ms on one core with VNNI, 5 ms with AVX2 alone): beyond this all would wait longer and
nobody gain."""

IN_FLIGHT = Gauge("moodring_model_server_in_flight", "Requests that wait for the model or are in it")
BATCH_FACES = Histogram(
    "moodring_model_server_batch_faces", "Faces in one run of the model", buckets=(1, 2, 4, 8, 16, 32, MAX_BATCH)
)
RUN_SECONDS = Histogram(
    "moodring_model_server_run_seconds",
    "Time in the model for one run",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
)

Outputs = dict[str, Array]
"""The outputs of a model by name, a row per face."""


@dataclass(eq=False)
class _Request:
    model: LiteRtModel
    faces: Array
    done: asyncio.Future[Outputs]


class Batches:
    """The queue before the models, and the one thread in which they run, while entered."""

    def __init__(self) -> None:
        self._waiting: deque[_Request] = deque()
        self._in_flight = 0
        self._arrived = asyncio.Event()
        self._thread: ThreadPoolExecutor
        self._worker: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Start the thread."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._worker = asyncio.create_task(self._work(), name="run the model")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what still waits, and let the run that is on end."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        for request in self._waiting:
            request.done.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def run(self, model: LiteRtModel, faces: Array) -> Outputs:
        """Return a model's outputs for a request's faces, uint8 (N, *shape), N from 1 to `MAX_BATCH`.

        Raises:
            RefusedError: Too many wait already, or the model failed.
        """
        if self._in_flight >= MAX_IN_FLIGHT:
            raise RefusedError(Code.RESOURCE_EXHAUSTED, f"{MAX_IN_FLIGHT} requests wait already")
        request = _Request(model, faces, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._arrived.set()
        self._count(1)
        try:
            return await request.done
        finally:
            self._count(-1)

    def _count(self, step: int) -> None:
        self._in_flight += step
        IN_FLIGHT.inc(step)

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            if batch := self._next():
                await self._answer(batch)
            else:
                self._arrived.clear()

    def _next(self) -> list[_Request]:
        """Take the longest waiting request and those after it that fit into one run; cancelled ones are forgotten."""
        waiting = [request for request in self._waiting if not request.done.done()]
        batch: list[_Request] = []
        left: deque[_Request] = deque()
        faces = 0
        for request in waiting:
            faces_with = faces + len(request.faces)
            if not batch or (request.model is batch[0].model and faces_with <= TOGETHER):
                faces = faces_with
                batch.append(request)
            else:
                left.append(request)
        self._waiting = left
        return batch

    async def _answer(self, batch: list[_Request]) -> None:
        count = sum(len(request.faces) for request in batch)
        BATCH_FACES.observe(count)
        try:
            parts = await self._parts(batch)
        except asyncio.CancelledError:
            for request in batch:
                request.done.cancel()
            raise
        except Exception as error:  # whatever is wrong with one run, the next ones are to be answered
            log.exception("the model failed on %d faces", count)
            for request in batch:
                if not request.done.done():
                    text = f"the model failed: {error}"
                    request.done.set_exception(RefusedError(Code.INTERNAL, text))
            return
        for request, part in zip(batch, parts, strict=True):
            if not request.done.done():
                request.done.set_result(part)

    async def _parts(self, batch: list[_Request]) -> list[Outputs]:
        """Run the requests together, and return the outputs of each."""
        loop, model = asyncio.get_running_loop(), batch[0].model
        faces = np.concatenate([request.faces for request in batch])
        outputs = await loop.run_in_executor(self._thread, self._run, model, faces)
        ends = np.cumsum([len(request.faces) for request in batch])[:-1]
        rows = {name: np.split(outputs[name], ends) for name in model.outputs}
        return [{name: parts[number] for name, parts in rows.items()} for number in range(len(batch))]

    @staticmethod
    def _run(model: LiteRtModel, faces: Array) -> Outputs:
        with RUN_SECONDS.time():
            outputs = model.run(faces)
        model.check(outputs, len(faces))
        return outputs
