"""Writes what the cameras' faces express from the bus to a file, as `recording` describes it."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TextIO

from services.aggregator.recording import DIGITS, Line, seen
from services.aggregator.sieve import sifted
from services.contracts.channels import CAMERA_STATUS, CUSTOM_MOODS, EXPRESSIONS
from services.contracts.messages import CameraState, CameraStatus, CustomMoods
from services.contracts.moodring_pb2 import Expressions
from services.runtime.bus import Bus, Delivery
from services.runtime.complaints import Complaints

log = logging.getLogger(__name__)


class Recorder:
    """Records one room until its file, or the disk, is full; a private camera is not recorded.

    Args:
        file: Where to.
        room: The room.
        max_bytes: Size at which the file is full.
        clock: Seconds since 1970.

    Attributes:
        full: Set when nothing more is written.
        frames: Those that are written.
        failed: Why the file could not be written on; `None` where it could.
    """

    def __init__(self, file: TextIO, room: str, *, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.full = asyncio.Event()
        self.frames = 0
        self.failed: OSError | None = None
        self._complaints = Complaints(log)
        self._file, self._room, self._left, self._clock = file, room, max_bytes, clock
        self._private: set[str] = set()
        self._taught: Line | None = None  # written when the room is heard of: it is of the whole house

    def listen(self, bus: Bus) -> None:
        """Begin with the cameras' states, which the bus has kept."""
        bus.subscribe(CUSTOM_MOODS, self._custom_moods)
        bus.subscribe(CAMERA_STATUS, self._camera_status, room=self._room)
        bus.subscribe(EXPRESSIONS, self._expressions, room=self._room)

    async def _custom_moods(self, delivery: Delivery[CustomMoods]) -> None:
        self._taught = Line(heard_at=round(self._clock(), DIGITS), room=self._room, custom=delivery.message)

    async def _camera_status(self, delivery: Delivery[CameraStatus]) -> None:
        state = delivery.message.state
        if state is CameraState.PRIVATE:
            self._private.add(delivery.camera)
        else:
            self._private.discard(delivery.camera)
        self._write(Line(heard_at=round(self._clock(), DIGITS), room=self._room, camera=delivery.camera, state=state))

    async def _expressions(self, delivery: Delivery[Expressions]) -> None:
        good = sifted(delivery, self._complaints)
        if good and delivery.camera not in self._private:
            self.frames += self._write(seen(self._room, delivery.camera, good, self._clock()))

    def _write(self, line: Line) -> bool:
        """Write a line, and what was taught before it; return whether it is written whole."""
        text = (self._taught.written() if self._taught else "") + line.written()
        self._taught = None
        self._left -= len(text.encode())
        if self._left < 0:
            self.full.set()
        if self.full.is_set():
            return False
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            self.failed = error
            self.full.set()
        return self.failed is None
