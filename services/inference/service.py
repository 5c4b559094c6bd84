"""From faces to expressions: crops come off the bus, the model server classifies them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter, Histogram

from services.contracts.channels import EXPRESSIONS, FACES
from services.contracts.moodring_pb2 import Expression, Expressions, Face, FaceCrops, LabelProbability
from services.inference import api, model_folder
from services.inference.newest import DROPPED, NewestFrames
from services.inference.photo import Photos
from services.inference.predictor import (
    GrpcPredictor,
    Prediction,
    Predictor,
    PredictorAwayError,
    PredictorError,
    grpc_address,
)
from services.runtime.bus import Bus, Capability, Delivery
from services.runtime.health import Health
from services.runtime.logs import Throttle
from services.runtime.settings import Settings
from services.vision.crops import face_input
from services.vision.images import BadImageError

log = logging.getLogger(__name__)

SHARE: Final = "inference"
MAX_FACES: Final = 32
"""Faces of one frame that are classified; a camera sends no more."""
WATCH_S: Final = 10.0
WATCH_AWAY_S: Final = 2.0
"""How often the model server is asked how it does, and how often while it is away."""

FACES_DONE = Counter("moodring_inference_faces", "Faces classified")
FACES_BAD = Counter("moodring_inference_faces_dropped", "Faces that were not classified", ["reason"])
PREDICT_SECONDS = Histogram(
    "moodring_inference_predict_seconds",
    "Time from a frame's crops to their probabilities",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1),
)
AGE_SECONDS = Histogram(
    "moodring_inference_frame_age_seconds",
    "Age of a frame when its expressions were published",
    buckets=(0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2),
)


class InferenceService:
    """Classifies the faces of every camera."""

    name = "inference"

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float],
        predictor: Predictor | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.health = Health()
        self.photos = Photos(settings)
        self.router = api.routes(self)
        self.predictor: Predictor | None = None
        """The classifier while `run` is active."""
        self._settings = settings.inference
        self._given = predictor
        self._sleep = sleep
        self._clock = clock
        self._frames = NewestFrames(clock)
        self._throttle = Throttle()

    async def run(self, bus: Bus) -> None:
        """Classify what cameras publish, until cancelled."""
        share = SHARE if Capability.SHARED in bus.capabilities else ""
        async with AsyncExitStack() as stack:
            predictor = self._given or await self._connect(stack)
            self.predictor = predictor
            stack.callback(setattr, self, "predictor", None)
            self._frames = NewestFrames(self._clock)
            bus.subscribe(FACES, self._receive, share=share)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._classify_all(bus, predictor), name="classify")
                tasks.create_task(self._watch(predictor), name="watch the model server")

    async def classify(self, faces: NDArray[np.uint8], predictor: Predictor) -> Prediction:
        """Classify faces and keep the health up to date.

        Args:
            faces: uint8 (N, 48, 48, 1), grey.
            predictor: Who classifies.

        Raises:
            PredictorError: There is no usable answer.
        """
        try:
            with PREDICT_SECONDS.time():
                prediction = await predictor.predict(faces)
        except PredictorAwayError as error:
            self.health.report("model_server", str(error))
            raise
        except PredictorError as error:
            self.health.report("model", str(error))
            raise
        self.health.report("model_server")
        self.health.report("model")
        FACES_DONE.inc(len(faces))
        return prediction

    async def _connect(self, stack: AsyncExitStack) -> Predictor:
        settings = self._settings
        predictor = GrpcPredictor(
            grpc_address(settings.model_server),
            model=settings.model,
            labels=model_folder.Labels(settings.models),
            timeout_s=settings.timeout_s,
        )
        return await stack.enter_async_context(predictor)

    async def _receive(self, delivery: Delivery[FaceCrops]) -> None:
        self._frames.put(delivery)

    async def _classify_all(self, bus: Bus, predictor: Predictor) -> None:
        while True:
            delivery = await self._frames.take()
            try:
                expressions = await self._expressions(delivery.message, predictor)
            except PredictorError as error:
                DROPPED.labels("no answer").inc()
                self._warn("no answer", f"frames of {delivery.camera} are not classified: {error}")
                continue
            if expressions is not None:
                bus.publish(EXPRESSIONS, expressions, room=delivery.room, camera=delivery.camera)
                AGE_SECONDS.observe(self._frames.age_s(delivery.message))

    async def _expressions(self, frame: FaceCrops, predictor: Predictor) -> Expressions | None:
        usable = [(face, crop) for face in frame.faces[:MAX_FACES] if (crop := self._crop(face, frame)) is not None]
        if not usable:
            return None
        prediction = await self.classify(np.stack([crop for _, crop in usable]), predictor)
        return Expressions(
            frame_id=frame.frame_id,
            captured_at=frame.captured_at,
            camera=frame.camera,
            faces=[
                _expression(face, prediction.labels, row)
                for (face, _), row in zip(usable, prediction.probabilities.tolist(), strict=True)
            ],
            model_name=prediction.model,
            model_version=prediction.version,
            frame_width=frame.frame_width,
            frame_height=frame.frame_height,
        )

    def _crop(self, face: Face, frame: FaceCrops) -> NDArray[np.uint8] | None:
        try:
            return face_input(face)
        except BadImageError as error:
            FACES_BAD.labels("bad image").inc()
            self._warn("bad image", f"a face of {frame.camera} is dropped: {error}")
            return None

    async def _watch(self, predictor: Predictor) -> None:
        while True:
            if late := self._frames.late():
                self._warn("late", late)
            self.health.report("clocks", late)
            try:
                await predictor.status()
            except PredictorError as error:
                self.health.report("model_server", str(error))
                self._warn("away", str(error))
                await self._sleep(WATCH_AWAY_S)
            else:
                self.health.report("model_server")
                await self._sleep(WATCH_S)

    def _warn(self, key: str, text: str) -> None:
        if count := self._throttle.count(key):
            log.warning("%s (%d since the last such line)", text, count)


def _expression(face: Face, labels: tuple[str, ...], probabilities: list[float]) -> Expression:
    rows = zip(labels, probabilities, strict=True)
    return Expression(
        track_id=face.track_id,
        probabilities=[LabelProbability(label=label, probability=value) for label, value in rows],
        box=face.box,
        quality=face.quality,
    )


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    predictor: Predictor | None = None,
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
) -> InferenceService:
    """Make the service.

    Args:
        settings: All settings.
        clock: Seconds since the epoch.
        predictor: Instead of a model server.
        sleep: Waits between looks at the model server.

    Raises:
        SetupError: The model server's address is none (an embedded one is started, and its address set, before).
    """
    if predictor is None:
        grpc_address(settings.inference.model_server)
    return InferenceService(settings, clock=clock, predictor=predictor, sleep=sleep)
