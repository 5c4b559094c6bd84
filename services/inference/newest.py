"""What waits to be classified: of every face the newest crop when we are behind, and nothing that is too old."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from prometheus_client import Counter

from services.contracts.channels import FACES, MAX_FACES
from services.contracts.moodring_pb2 import Face, FaceCrops
from services.inference.litert import MAX_BATCH
from services.runtime.bus import Delivery
from services.runtime.measures import from_zero

MAX_AGE_S: Final = float(FACES.expires_s or 0)
"""A frame older than this says nothing about now."""
MAX_AHEAD_S: Final = 2.0
"""A frame may be newer than our clock by this much, as the aggregator takes it, before clocks are said to differ."""
MAX_CAMERAS: Final = 64
MAX_FRAMES: Final = 8
"""Frames of a camera that wait at most."""
WINDOW_S: Final = 0.01
BEHIND_S: Final = 0.05
"""Frames that have waited so long, or are so many that none fits beside them, say that more comes than is classified:
newer crops of their faces replace them."""
LIVE_S: Final = 1.0
"""A camera that has sent nothing for so long is not waited for."""

LATE_FRAMES: Final = 5
"""So many frames in a row that arrive too old, or from the future, are no hiccup of the network."""
FORGET_S: Final = 30.0
"""A camera that has sent nothing for so long is not complained of any more."""

BEHIND, STALE, TOO_MANY, NO_ANSWER = "behind", "stale", "too many cameras", "no answer"
DROPPED = from_zero(
    Counter("moodring_inference_frames_dropped", "Frames that were not classified, by reason", ["reason"]),
    [BEHIND, STALE, TOO_MANY, NO_ANSWER],
)

Key = tuple[str, str]
"""A camera: its room and its name."""


class _Apart(NamedTuple):
    """How many frames of a camera in a row came too late or too early, the last one's age and arrival in seconds."""

    frames: int
    age_s: float
    at: float


@dataclass(eq=False)
class Frame:
    """A frame that waits, and the faces in it that no newer frame of its camera shows.

    Attributes:
        delivery: The frame as it came.
        arrived: When it came, in seconds of the timer.
        captured: When it was seen, in seconds of the timer: by our clock at its arrival, and not after that.
        faces: What is to be classified of it.
    """

    delivery: Delivery[FaceCrops]
    arrived: float
    captured: float
    faces: list[Face]


class NewestFrames:
    """A bounded queue that gives what waits in batches, camera by camera; when behind, the newest crop of each face.

    Args:
        clock: Seconds since the epoch.
        timer: Seconds that never jump.
        window_s: How long a batch waits for cameras that send at present; one camera alone waits for none.
    """

    def __init__(
        self, clock: Callable[[], float], *, timer: Callable[[], float] = time.monotonic, window_s: float = WINDOW_S
    ) -> None:
        self._clock = clock
        self._timer = timer
        self._window_s = window_s
        self._waiting: dict[Key, list[Frame]] = {}
        self._seen: dict[Key, float] = {}
        self._apart: dict[Key, _Apart] = {}
        self._arrived = asyncio.Event()

    def put(self, delivery: Delivery[FaceCrops]) -> None:
        """Let a frame wait; where we are behind, its faces replace their older crops."""
        camera = (delivery.room, delivery.camera)
        age_s = self.age_s(delivery.message)
        self._note_age(camera, age_s)
        if camera not in self._waiting and len(self._waiting) >= MAX_CAMERAS:
            DROPPED.labels(TOO_MANY).inc()
            return
        now = self._timer()
        self._seen = {key: at for key, at in self._seen.items() if now - at < LIVE_S and key != camera}
        if len(self._seen) < MAX_CAMERAS:
            self._seen[camera] = now
        frame = Frame(delivery, now, now - max(0.0, age_s), list(delivery.message.faces[:MAX_FACES]))
        waiting = self._waiting.get(camera, [])
        behind = [one for one in waiting if len(waiting) >= MAX_FRAMES or now - one.arrived > BEHIND_S]
        older = [*_without(behind, {face.track_id for face in frame.faces}), *waiting[len(behind) :]]
        self._waiting[camera] = [*older, frame][-MAX_FRAMES:]
        DROPPED.labels(BEHIND).inc(max(0, len(older) + 1 - MAX_FRAMES))
        self._arrived.set()

    def late(self) -> str:
        """Return which cameras' frames always arrive too old to be read and what to do, or nothing."""
        if not (late := {camera: age_s for camera, age_s in self._ages_apart().items() if age_s > 0}):
            return ""
        return (
            f"frames of {', '.join(sorted(late))} arrive {max(late.values()):.0f} s old, so their faces are not read: "
            "set the clocks of the camera's machine and of this one (NTP); if they are right, one of them has too "
            "much to do, or the network between them is slow"
        )

    def ahead(self) -> str:
        """Return which cameras' frames always come from the future and what to do, or nothing; they are read."""
        if not (ahead := {camera: -age_s for camera, age_s in self._ages_apart().items() if age_s < 0}):
            return ""
        return (
            f"frames of {', '.join(sorted(ahead))} arrive {max(ahead.values()):.0f} s before they were seen, by this "
            "machine's clock: set the clocks of the camera's machine and of this one (NTP)"
        )

    def _ages_apart(self) -> dict[str, float]:
        """Return the age of the last frame of each camera whose clock seems to be another than ours."""
        now = self._clock()
        self._apart = {key: one for key, one in self._apart.items() if abs(now - one.at) < FORGET_S}
        many = {key: one.age_s for key, one in self._apart.items() if one.frames >= LATE_FRAMES}
        return {f"{camera} in {room}": age_s for (room, camera), age_s in many.items()}

    def _note_age(self, camera: Key, age_s: float) -> None:
        before = self._apart.pop(camera, None)
        if not -MAX_AHEAD_S <= age_s <= MAX_AGE_S and len(self._apart) < MAX_CAMERAS:
            self._apart[camera] = _Apart(before.frames + 1 if before else 1, age_s, self._clock())

    async def take(self) -> list[Frame]:
        """Return the frames that are fresh enough, at most `MAX_BATCH` faces in all, when there are any.

        Cameras come in the order in which they came to wait, a camera's frames from old to new.
        """
        while True:
            while not self._waiting:
                await self._next_arrival()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._window_s):
                    while self._seen.keys() - self._waiting.keys() and self._faces() < MAX_BATCH:
                        await self._next_arrival()
            if batch := self._pop():
                return batch

    async def _next_arrival(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()

    def _faces(self) -> int:
        return sum(len(frame.faces) for frames in self._waiting.values() for frame in frames)

    def _pop(self) -> list[Frame]:
        batch: list[Frame] = []
        room = MAX_BATCH
        for camera in list(self._waiting):
            frames = self._waiting[camera]
            while frames and len(frames[0].faces) <= room:
                frame = frames.pop(0)
                if self._timer() - frame.captured > MAX_AGE_S:
                    DROPPED.labels(STALE).inc()
                    continue
                room -= len(frame.faces)
                batch.append(frame)
            if not frames:
                del self._waiting[camera]
        return batch

    def age_s(self, frame: FaceCrops) -> float:
        """Return how long ago a frame was captured, in seconds."""
        return self._clock() - frame.captured_at.seconds - frame.captured_at.nanos / 1e9


def _without(frames: Iterable[Frame], tracks: set[int]) -> list[Frame]:
    """Return what is left of frames whose faces of these tracks have newer crops."""
    left = []
    for frame in frames:
        frame.faces = [face for face in frame.faces if face.track_id not in tracks]
        if frame.faces:
            left.append(frame)
        else:
            DROPPED.labels(BEHIND).inc()
    return left
