"""Doubles and helpers for tests of the camera service."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from services.camera.camera import Camera
from services.camera.room import Room
from services.camera.service import CameraService
from services.contracts import channels
from services.contracts.messages import CameraState
from services.runtime.bus import Delivery
from services.runtime.memory import MemoryBroker, MemoryBus
from services.vision.detectors import Detection
from services.vision.geometry import Box, Point
from services.vision.images import Bgr
from services.vision.views import View

TOLD_WITHIN_S = 5.0
"""What is promised of a camera that hangs."""
BOX = Box(280, 180, 64, 84)
LANDMARKS = (Point(297, 210), Point(327, 210), Point(312, 230), Point(300, 248), Point(324, 248))


class ScriptedDetector:
    """Finds what it is told to find, in every frame, wherever it is asked to look."""

    name = "scripted"
    smallest_px = 12
    clear_px = 24

    def __init__(self, *found: Detection) -> None:
        self.found: Sequence[Detection] = found
        self.frames = 0
        self.views: list[View | None] = []

    def detect(self, frame: Bgr, view: View | None = None) -> list[Detection]:
        """Return what was said."""
        self.views.append(view)
        self.frames += 1
        return list(self.found)


def face(box: Box = BOX) -> Detection:
    return Detection(box, LANDMARKS, 0.9)


def picture(seed: int = 0, *, gain: float = 1.0) -> Bgr:
    """Return a sharp picture that differs from one seed to another."""
    noise = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), np.uint8)
    image: Bgr = np.clip(noise.repeat(8, 0).repeat(8, 1) * gain, 0, 255).astype(np.uint8)
    return image


class Timer:
    """Rings five seconds after it was wound up last, on the loop that runs when it is made.

    What happens before it rings happens within five seconds: a busy machine holds up both, and their order stays.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self.rang: asyncio.Future[float] = self._loop.create_future()
        """When it rang, in seconds since 1970."""

    def wind(self) -> None:
        """Begin anew, unless it has rung; any thread may."""
        self._loop.call_soon_threadsafe(self._wind)

    def _wind(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_later(TOLD_WITHIN_S, self._ring)

    def _ring(self) -> None:
        if not self.rang.done():
            self.rang.set_result(time.time())


def only_camera(service: CameraService) -> Camera:
    """Return the camera of a service that has one."""
    (camera,) = service.cameras.values()
    return camera


def only_room(service: CameraService) -> Room:
    """Return the room of a service that has one."""
    (room,) = service.rooms.values()
    return room


class Watcher:
    """Hears everything that a camera says."""

    def __init__(self, bus: MemoryBus) -> None:
        self.said: dict[str, list[Any]] = {}
        self._changed = asyncio.Event()
        for channel in (channels.FACES, channels.CAMERA_STATUS, channels.PRIVACY, channels.EVENTS):
            bus.subscribe(channel, self._hear(channel.template.rpartition("/")[2]))

    def _hear(self, what: str) -> Callable[[Delivery[Any]], Any]:
        async def handle(delivery: Delivery[Any]) -> None:
            self.said.setdefault(what, []).append(delivery.message)
            self._changed.set()

        return handle

    def all(self, what: str) -> list[Any]:
        """Return what was said on a topic, by its last word."""
        return self.said.get(what, [])

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds after something was said."""
        async with asyncio.timeout(30):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def state(self, state: CameraState) -> None:
        """Return when the camera's last word is that state."""
        await self.until(lambda: bool(self.all("status")) and self.all("status")[-1].state is state)


@asynccontextmanager
async def running(
    service: CameraService, broker: MemoryBroker | None = None
) -> AsyncIterator[tuple[MemoryBus, Watcher]]:
    """Run a service on a bus of its own, with somebody who listens."""
    async with MemoryBus(broker=broker) as bus, MemoryBus(broker=bus.broker) as ears:
        watcher = Watcher(ears)
        task = asyncio.create_task(service.run(bus))
        try:
            yield bus, watcher
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()):
                raise error
