"""A classifier, naps and frames for the tests of the inference service."""

import asyncio
import struct
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.contracts import moodring_pb2 as pb
from services.contracts.channels import EXPRESSIONS
from services.contracts.moods import EXPRESSIONS as LABELS
from services.inference.predictor import Prediction, PredictorError
from services.inference.service import InferenceService, build
from services.runtime.bus import Capability, Delivery
from services.runtime.memory import MemoryBus
from services.runtime.settings import Inference, Settings
from services.vision.detectors import Detector
from services.vision.images import crop_message

NOW = 1_800_000_000.0
FACES = Path(__file__).parents[2] / "services/demo/assets/faces"


class ScriptedPredictor:
    """Says `happy` more surely for brighter faces, or raises what the test sets: of both calls, or of one."""

    def __init__(self) -> None:
        self.error: PredictorError | None = None
        self.of_faces: PredictorError | None = None
        self.of_status: PredictorError | None = None
        self.batches: list[NDArray[np.uint8]] = []
        self.asked = asyncio.Semaphore(0)
        self.deadlines: list[float | None] = []
        self.open = asyncio.Event()
        self.open.set()
        self.version = 7

    async def predict(self, faces: NDArray[np.uint8], within_s: float | None = None) -> Prediction:
        self.batches.append(faces)
        self.asked.release()
        self.deadlines.append(within_s)
        await self.open.wait()
        if error := self.error or self.of_faces:
            raise error
        happy = faces.mean(axis=(1, 2, 3)).astype(np.float32) / 255
        probabilities = np.zeros((len(faces), len(LABELS)), np.float32)
        probabilities[:, 1], probabilities[:, 0] = happy, 1 - happy
        embeddings = np.stack([happy, 1 - happy, happy**2, np.ones_like(happy)], axis=1).astype(np.float32)
        return Prediction(LABELS, probabilities, embeddings, "expression", self.version)

    async def status(self) -> int:
        if error := self.error or self.of_status:
            raise error
        return self.version


class Naps:
    """A sleep that lasts until the test ends it; `started` gives how long each was meant to be."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[float] = asyncio.Queue()
        self.ended = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.started.put_nowait(seconds)
        await self.ended.acquire()


class Running:
    """A service at work on a bus, and what it published."""

    def __init__(
        self,
        bus: MemoryBus,
        predictor: ScriptedPredictor,
        data: Path,
        detector: Callable[[], Detector] | None,
    ) -> None:
        self.bus = bus
        self.predictor = predictor
        self.naps = Naps()
        self.now = NOW
        self.timer = 0.0
        self.published: asyncio.Queue[pb.Expressions] = asyncio.Queue()
        settings = Settings(data=data, inference=Inference(model_server="grpc://nowhere.invalid"))
        self.service: InferenceService = build(
            settings,
            clock=lambda: self.now,
            timer=lambda: self.timer,
            predictor=predictor,
            detector=detector,
            sleep=self.naps,
        )

    async def receive(self, delivery: Delivery[pb.Expressions]) -> None:
        self.published.put_nowait(delivery.message)


@asynccontextmanager
async def running(
    capabilities: frozenset[Capability] = frozenset(),
    data: Path | None = None,
    detector: Callable[[], Detector] | None = None,
) -> AsyncIterator[Running]:
    """Run the service on a `MemoryBus`; it has subscribed and looked at its classifier once."""
    with tempfile.TemporaryDirectory() as folder:
        async with MemoryBus() as bus:
            bus.capabilities = capabilities
            async with _at_work(Running(bus, ScriptedPredictor(), data or Path(folder), detector)) as run:
                yield run


@asynccontextmanager
async def _at_work(run: Running) -> AsyncIterator[Running]:
    run.bus.subscribe(EXPRESSIONS, run.receive)
    task = asyncio.create_task(run.service.run(run.bus))
    await run.naps.started.get()
    try:
        yield run
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def face(track_id: int = 1, grey: int = 255) -> pb.Face:
    """A face of one grey that fills a region of 100x100 pixels."""
    image = crop_message(np.full((100, 100), grey, np.uint8))
    region = pb.Box(x=10, y=20, width=100, height=100)
    return pb.Face(
        track_id=track_id, box=pb.Box(x=40, y=50, width=40, height=50), quality=0.5, image=image, image_box=region
    )


def frame(number: int = 1, *faces: pb.Face, camera: str = "camera", age_s: float = 0) -> pb.FaceCrops:
    """A frame that is `age_s` old at `NOW`."""
    message = pb.FaceCrops(frame_id=f"{camera}-{number}", camera=camera, frame_width=640, frame_height=480)
    message.captured_at.FromNanoseconds(int((NOW - age_s) * 1e9))
    message.faces.extend(faces or (face(),))
    return message


def huge_png() -> bytes:
    """A few bytes that claim to be 60,000 x 60,000 pixels."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60_000, 60_000, 8, 0, 0, 0, 0)
