"""What waits to be classified: of every camera the newest frame, and nothing that is too old."""

import asyncio
from collections.abc import Callable
from typing import Final

from prometheus_client import Counter

from services.contracts.channels import FACES
from services.contracts.moodring_pb2 import FaceCrops
from services.runtime.bus import Delivery

MAX_AGE_S: Final = float(FACES.expires_s or 0)
"""A frame older than this says nothing about now."""
MAX_CAMERAS: Final = 64

DROPPED = Counter("moodring_inference_frames_dropped", "Frames that were not classified, by reason", ["reason"])


class NewestFrames:
    """A queue with one place per camera, in the order in which cameras came to wait."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: dict[tuple[str, str], Delivery[FaceCrops]] = {}
        self._arrived = asyncio.Event()

    def put(self, delivery: Delivery[FaceCrops]) -> None:
        """Let a frame wait; it replaces an older one of its camera."""
        camera = (delivery.room, delivery.camera)
        if camera in self._waiting:
            DROPPED.labels("behind").inc()
        elif len(self._waiting) >= MAX_CAMERAS:
            DROPPED.labels("too many cameras").inc()
            return
        self._waiting[camera] = delivery
        self._arrived.set()

    async def take(self) -> Delivery[FaceCrops]:
        """Return the next frame that is fresh enough, when there is one."""
        while True:
            while not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            delivery = self._waiting.pop(next(iter(self._waiting)))
            if self.age_s(delivery.message) <= MAX_AGE_S:
                return delivery
            DROPPED.labels("stale").inc()

    def age_s(self, frame: FaceCrops) -> float:
        """Return how long ago a frame was captured, in seconds."""
        return self._clock() - frame.captured_at.seconds - frame.captured_at.nanos / 1e9
