"""Streams of observations, and a room and a service whose time is the test's."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.aggregator.fusion import Evidence, fuse
from services.aggregator.room import Room
from services.aggregator.service import AggregatorService, build
from services.aggregator.window import Observation, TrackEvidence
from services.contracts.channels import CAMERA_STATUS, EVENTS, EXPRESSIONS, MOOD
from services.contracts.messages import CameraState, CameraStatus, Event, Mood
from services.contracts.moodring_pb2 import Expression, Expressions, LabelProbability
from services.contracts.moods import EXPRESSIONS as LABELS
from services.runtime.bus import Delivery
from services.runtime.memory import MemoryBroker, MemoryBus
from services.runtime.mood_settings import MoodRules
from services.runtime.settings import Aggregator, Settings

START = 1_790_000_000.0
FPS = 5


COMMON = dict(
    zip(("neutral", "happy", "surprised", "sad", "angry", "disgusted", "fearful", "contemptuous"),
        (0.37, 0.27, 0.13, 0.1, 0.09, 0.01, 0.02, 0.01), strict=True)
)  # fmt: skip
"""How common expressions are among a real model's answers, about."""


def sure(label: str, probability: float = 0.8) -> dict[str, float]:
    """Return a distribution with one leading label; what is left falls on the others as they are common."""
    others = sum(share for one, share in COMMON.items() if one != label)
    return {one: probability if one == label else (1 - probability) * share / others for one, share in COMMON.items()}


def shows(mood: str, odds: float = 50, slices: int = 10) -> dict[int, list[float]]:
    """Return slices of time in each of which a mood is by so much likelier than any other."""
    return {number: [1.0 if label == mood else 1 / odds for label in LABELS] for number in range(slices)}


def fused(tracks: Sequence[TrackEvidence], now: float, **options: Any) -> Evidence:
    """Fuse tracks whose window is cut into seconds, where moods hold four minutes."""
    return fuse(tracks, now, **({"changes": 1 / 240} | options))


def seen(
    at: float, probabilities: Mapping[str, float] | str = "happy", *, track: int = 1, camera: str = "camera",
    quality: float = 0.8, frame: str = "",
) -> Observation:  # fmt: skip
    """Return an observation; a word stands for a distribution that it leads."""
    if isinstance(probabilities, str):
        probabilities = sure(probabilities)
    return Observation(camera, track, frame or f"{camera}-{at:.3f}", at, quality, probabilities)


class Scene:
    """A room at a working camera: 5 frames a second, a look every second."""

    def __init__(self, settings: MoodRules | None = None, room: Room | None = None) -> None:
        self.now = START
        self.room = room or Room(settings or Aggregator(), self.now)
        self.room.hear("camera", CameraState.OK, self.now)
        self.moods = [self.room.mood().mood]
        self._frames = 0

    def play(
        self, seconds: float, *faces: Mapping[str, float] | str, state: CameraState | None = CameraState.OK
    ) -> str:
        """Let time pass with these faces in view and return the mood."""
        for _ in range(round(seconds * FPS)):
            self.now = START + (self._frames + 1) / FPS
            self._frames += 1
            for track, face in enumerate(faces):
                self.room.observe(seen(self.now, face, track=track), self.now)
            if self._frames % FPS == 0:
                self._second(state)
        return self.moods[-1]

    def _second(self, state: CameraState | None) -> None:
        if state and round(self.now - START) % 10 == 0:
            self.room.hear("camera", state, self.now)
        self.room.look(self.now)
        if self.room.mood().mood != self.moods[-1]:
            self.moods.append(self.room.mood().mood)

    def until(self, mood: str, *faces: Mapping[str, float] | str, at_most: int = 60) -> int:
        """Return the seconds after which the room has this mood."""
        for second in range(1, at_most + 1):
            if self.play(1, *faces) == mood:
                return second
        raise AssertionError(f"{mood} was not recognised within {at_most} s; {self.moods}")


def message(at: float, *faces: Mapping[str, float] | str, frame: str = "", model: int = 0) -> Expressions:
    """Return what the classifier publishes of a frame."""
    made = Expressions(
        frame_id=frame or f"camera-{at:.3f}", camera="camera", model_name="expression", model_version=model
    )
    made.captured_at.FromNanoseconds(round(at * 1e9))
    for track, face in enumerate(faces):
        probabilities = sure(face) if isinstance(face, str) else face
        made.faces.append(
            Expression(
                track_id=track,
                quality=0.8,
                probabilities=[LabelProbability(label=label, probability=p) for label, p in probabilities.items()],
            )
        )
    return made


@dataclass
class Running:
    """A service that runs, and a client beside it."""

    service: AggregatorService
    bus: MemoryBus
    settings: Settings
    now: float = START
    moods: list[Mood] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    frames: int = 0

    async def play(self, seconds: int, *faces: Mapping[str, float] | str, room: str = "home") -> None:
        """Let seconds pass with these faces in view."""
        for _ in range(seconds):
            for _ in range(FPS):
                self.now += 1 / FPS
                if faces:
                    self.frames += 1
                    self.bus.publish(EXPRESSIONS, message(self.now, *faces), room=room, camera="camera")
            self.status(CameraState.OK, room=room)
            await self.tick()

    def status(self, state: CameraState, *, room: str = "home") -> None:
        """Let the camera say how it does."""
        self.bus.publish(CAMERA_STATUS, CameraStatus(state=state), room=room, camera="camera")

    async def tick(self) -> None:
        """Have the service look at everything that was sent."""
        await self.bus.settle()
        await self.service.tick()
        await self.bus.settle()

    async def heard(self, delivery: Delivery[Mood]) -> None:
        """Note a mood."""
        self.moods.append(delivery.message)

    async def noted(self, delivery: Delivery[Event]) -> None:
        """Note an event."""
        self.events.append(delivery.message)


@asynccontextmanager
async def running(
    data: Path, *, now: float = START, broker: MemoryBroker | None = None, aggregator: Aggregator | None = None
) -> AsyncIterator[Running]:
    """Run the service on a bus; it looks only when the test ticks it."""
    settings = Settings(data=data, aggregator=aggregator or Aggregator())
    resting = asyncio.Event()

    async def rest(_seconds: float) -> None:
        resting.set()
        await asyncio.Event().wait()

    service = build(settings, clock=lambda: run.now, sleep=rest)
    async with MemoryBus(broker=broker) as bus:
        run = Running(service, bus, settings, now=now)
        bus.subscribe(MOOD, run.heard)
        bus.subscribe(EVENTS, run.noted)
        task = asyncio.create_task(service.run(bus))
        await resting.wait()
        await bus.settle()
        try:
            yield run
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
