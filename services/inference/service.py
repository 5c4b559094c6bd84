"""From faces to expressions: crops come off the bus, the model server classifies them."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.channels import CAMERA_STATUS, CUSTOM_MOODS, EXPRESSIONS, FACES
from services.contracts.moodring_pb2 import Face, FaceCrops, Timings
from services.inference import answers, api, model_folder
from services.inference.breaker import Breaker
from services.inference.classroom import Classroom
from services.inference.custom_moods import read
from services.inference.decoding import Crop, decoded
from services.inference.kept_moods import KeptMoods
from services.inference.measures import AGE_SECONDS, BAD_IMAGE, FACES_BAD, FACES_DONE, PREDICT_SECONDS, WAIT_SECONDS
from services.inference.newest import DROPPED, NO_ANSWER, Frame, NewestFrames
from services.inference.photo import Photos, detector_of
from services.inference.predictor import (
    Origin,
    Prediction,
    Predictor,
    PredictorAwayError,
    PredictorError,
    grpc_address,
)
from services.runtime.bus import Bus, Capability, Delivery
from services.runtime.health import Health
from services.runtime.logs import Throttle
from services.runtime.settings import MAIN, Settings
from services.runtime.state import UnreadableStateError
from services.vision.crops import face_input
from services.vision.detectors import Detector
from services.vision.images import BadImageError

log = logging.getLogger(__name__)

SHARE: Final = "inference"
PHOTO_S: Final = 20.0
"""Deadline of a photo's faces: unlike a frame a photo does not age, and somebody waits for it."""
WATCH_S: Final = 10.0
WATCH_AWAY_S: Final = 2.0
"""How often the model server is asked how it does, and how often while it is away."""
REFUSALS: Final = 3
"""Batches in a row without a usable answer from a server that is there: fewer are no more than an overload."""

Ask = Callable[[NDArray[np.uint8], float | None], Awaitable[Prediction]]
"""`Breaker.predict`, or `Breaker.insist`."""


class InferenceService:
    """Classifies the faces of every camera."""

    name = "inference"

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float],
        timer: Callable[[], float],
        predictor: Predictor | None,
        detector: Callable[[], Detector] | None,
        health: Health | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.health = health or Health()
        self.photos = Photos(detector or partial(detector_of, settings))
        self.router = api.routes(self)
        self.breaker: Breaker | None = None
        """Before the classifier, while `run` is active."""
        self.classroom: Classroom | None = None
        """The moods that the household taught, while `run` is active."""
        self._state = settings.data / "state" / "inference.json"
        self._first = settings.instance == MAIN
        self._places = settings.aggregator.places
        self._settings = settings.inference
        self._given = predictor
        self._sleep = sleep
        self._clock = clock
        self._timer = timer
        self._frames = NewestFrames(clock, timer=timer)
        self._throttle = Throttle()
        self._refused = 0  # batches in a row

    async def run(self, bus: Bus) -> None:
        """Classify what cameras publish, until cancelled."""
        share = SHARE if Capability.SHARED in bus.capabilities else ""
        async with AsyncExitStack() as stack:
            self.breaker = breaker = Breaker(self._given or await self._connect(stack), self._timer, self.health)
            stack.callback(setattr, self, "breaker", None)
            kept = KeptMoods(self._state, lambda moods: bus.publish(CUSTOM_MOODS, moods), first=self._first)
            await self._refresh(kept)
            self.classroom = classroom = Classroom(kept, self._places, clock=self._clock, timer=self._timer)
            stack.callback(setattr, self, "classroom", None)
            bus.subscribe(CAMERA_STATUS, classroom.hear)
            bus.subscribe(FACES, self._receive, share=share)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._classify_all(bus, breaker, classroom), name="classify")
                tasks.create_task(self._watch(breaker, classroom), name="watch the model server")
                tasks.create_task(classroom.run(), name="learn")

    @property
    def photo_s(self) -> float:
        """Deadline of a photo's faces, in seconds."""
        return max(PHOTO_S, self._settings.timeout_s)

    async def classify(self, faces: NDArray[np.uint8], ask: Ask, within_s: float | None = None) -> Prediction:
        """Classify faces, and say in the health where the model refuses them; how its server does its breaker says.

        Args:
            faces: uint8 (N, 48, 48, 1), grey.
            ask: How the breaker is asked.
            within_s: A deadline instead of the predictor's own, in seconds.

        Raises:
            PredictorError: There is no usable answer.
        """
        try:
            began = self._timer()
            prediction = await ask(faces, within_s)
            PREDICT_SECONDS.observe(self._timer() - began)
        except PredictorAwayError:
            raise  # told by the breaker
        except PredictorError as error:
            self._refused += 1
            self.health.report("model", str(error), hinders=self._refused >= REFUSALS)
            raise
        self._forget_refusals()
        FACES_DONE.inc(len(faces))
        return prediction

    async def _connect(self, stack: AsyncExitStack) -> Predictor:
        from services.inference.remote import GrpcPredictor

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

    async def _classify_all(self, bus: Bus, breaker: Breaker, classroom: Classroom) -> None:
        while True:
            frames = await self._frames.take()
            started = self._timer()
            usable = await decoded(frames, self._crop, self._timer)
            if not usable:
                continue
            batch = np.stack([crop for _, crops in usable for _, crop in crops])
            begun = self._timer()
            try:
                prediction = await self.classify(batch, breaker.predict)
            except PredictorError as error:
                DROPPED.labels(NO_ANSWER).inc(len(usable))
                cameras = ", ".join(sorted({frame.delivery.camera for frame, _ in usable}))
                self._warn("no answer", f"frames of {cameras} are not classified: {error}")
                continue
            took = Timings(decoding=1000 * (begun - started), predicting=1000 * (self._timer() - begun))
            took.batch_faces = len(batch)
            taught = {
                room: read(classroom.kept.readers, room, prediction)
                for room in {frame.delivery.room for frame, _ in usable}
            }
            first = 0
            for frame, crops in usable:
                faces = [face for face, _ in crops]
                rows = range(first, first + len(faces))
                first = rows.stop
                timings = self._timings(frame, started, took)
                room, camera = frame.delivery.room, frame.delivery.camera
                message = answers.expressions(
                    frame.delivery.message, faces, rows, prediction, taught=taught[room], timings=timings
                )
                bus.publish(EXPRESSIONS, message, room=room, camera=camera)
                classroom.see(frame, faces, prediction, rows)

    def _timings(self, frame: Frame, started: float, took: Timings) -> Timings:
        """Return a frame's own timings beside those of its batch, and measure them."""
        waited_s = started - frame.arrived
        WAIT_SECONDS.observe(waited_s)
        AGE_SECONDS.observe(self._timer() - frame.captured)
        timings = Timings(arriving=1000 * (frame.arrived - frame.captured), waiting=1000 * waited_s)
        timings.MergeFrom(took)
        return timings

    def _crop(self, face: Face, frame: FaceCrops) -> Crop | None:
        try:
            return face_input(face)
        except BadImageError as error:
            FACES_BAD.labels(BAD_IMAGE).inc()
            self._warn("bad image", f"a face of {frame.camera} is dropped: {error}")
            return None

    def _forget_refusals(self) -> None:
        self._refused = 0
        self.health.report("model")

    async def _watch(self, breaker: Breaker, classroom: Classroom) -> None:
        before = 0
        while True:
            classroom.look()
            await self._refresh(classroom.kept)
            late, ahead = self._frames.late(), self._frames.ahead()
            if late or ahead:
                self._warn("clocks", late or ahead)
            self.health.report("clocks", late or ahead, hinders=bool(late))
            with contextlib.suppress(PredictorError):  # which the breaker tells
                classroom.kept.serve(Origin(self._settings.model, await breaker.status()))
            if breaker.problem:
                self._warn("away", breaker.problem)
                await self._sleep(WATCH_AWAY_S)
            else:
                if self._refused == before:  # what was refused once is no problem of a house where nobody is seen
                    self._forget_refusals()
                before = self._refused
                await self._sleep(WATCH_S)

    async def _refresh(self, kept: KeptMoods) -> None:
        try:
            await kept.refresh()
            self.health.report("state", kept.damaged, hinders=False)  # faces are read
        except (UnreadableStateError, OSError) as error:
            self.health.report("state", f"the taught moods: {error}")

    def _warn(self, key: str, text: str) -> None:
        if count := self._throttle.count(key):
            log.warning("%s (%d since the last such line)", text, count)


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    timer: Callable[[], float] = time.monotonic,
    predictor: Predictor | None = None,
    detector: Callable[[], Detector] | None = None,
    health: Health | None = None,
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
) -> InferenceService:
    """Make the service.

    Args:
        settings: All settings.
        clock: Seconds since the epoch.
        timer: Seconds that never jump.
        predictor: Instead of a model server.
        detector: Makes the detector of photos; by default the one that the settings and files call for.
        health: Where the model that `predictor` asks is in this process: hears of its versions, too.
        sleep: Waits between looks at the model server.

    Raises:
        SetupError: The model server's address is none (an embedded one is started, and its address set, before).
    """
    if predictor is None:
        grpc_address(settings.inference.model_server)
    return InferenceService(
        settings, clock=clock, timer=timer, predictor=predictor, detector=detector, health=health, sleep=sleep
    )
