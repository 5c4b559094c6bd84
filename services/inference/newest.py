"""What waits to be classified: of every camera the newest frame, and nothing that is too old."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from prometheus_client import Counter

from services.contracts.channels import FACES
from services.contracts.moodring_pb2 import FaceCrops
from services.runtime.bus import Delivery

MAX_AGE_S: Final = float(FACES.expires_s or 0)
"""A frame older than this says nothing about now."""
MAX_CAMERAS: Final = 64

LATE_FRAMES: Final = 5
"""So many frames in a row that arrive too old are no hiccup of the network."""
FORGET_S: Final = 30.0
"""A camera that has sent nothing for so long is not complained of any more."""

DROPPED = Counter("moodring_inference_frames_dropped", "Frames that were not classified, by reason", ["reason"])


class _Late(NamedTuple):
    """How many frames of a camera in a row came too late, and the last one's age and arrival in seconds."""

    frames: int
    age_s: float
    at: float


class NewestFrames:
    """A queue with one place per camera, in the order in which cameras came to wait."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: dict[tuple[str, str], Delivery[FaceCrops]] = {}
        self._late: dict[tuple[str, str], _Late] = {}
        self._arrived = asyncio.Event()

    def put(self, delivery: Delivery[FaceCrops]) -> None:
        """Let a frame wait; it replaces an older one of its camera."""
        camera = (delivery.room, delivery.camera)
        self._note_age(camera, self.age_s(delivery.message))
        if camera in self._waiting:
            DROPPED.labels("behind").inc()
        elif len(self._waiting) >= MAX_CAMERAS:
            DROPPED.labels("too many cameras").inc()
            return
        self._waiting[camera] = delivery
        self._arrived.set()

    def late(self) -> str:
        """Return which cameras' frames always arrive too old to be read and what to do, or nothing."""
        now = self._clock()
        self._late = {key: one for key, one in self._late.items() if abs(now - one.at) < FORGET_S}
        late = {camera: one.age_s for (_, camera), one in self._late.items() if one.frames >= LATE_FRAMES}
        if not late:
            return ""
        return (
            f"frames of {', '.join(sorted(late))} arrive {max(late.values()):.0f} s old, so their faces are not read: "
            "set the clocks of the camera's machine and of this one (NTP), or look at the network between them"
        )

    def _note_age(self, camera: tuple[str, str], age_s: float) -> None:
        before = self._late.pop(camera, None)
        if age_s > MAX_AGE_S and len(self._late) < MAX_CAMERAS:
            self._late[camera] = _Late(before.frames + 1 if before else 1, age_s, self._clock())

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
