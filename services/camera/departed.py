"""Cameras that this service had before it was set up anew: what they left on the bus is taken away."""

import asyncio
import logging
from collections.abc import Mapping

from services.camera.privacy import Memory
from services.contracts.channels import CAMERA_STATUS, PRIVACY
from services.contracts.messages import CameraStatus, Name
from services.runtime.bus import Bus, Delivery

log = logging.getLogger(__name__)


class Departed:
    """The cameras that were announced, and are not ours any more; they may be those of another process now.

    Args:
        memory: Where it is remembered which were announced.
        here: Our cameras, by room.
        listen_s: How long it takes at most until a camera that is somebody else's has said how it does.
    """

    def __init__(self, memory: Memory, here: Mapping[Name, tuple[Name, ...]], listen_s: float) -> None:
        self._memory = memory
        self._here = dict(here)
        self._listen_s = listen_s
        self._known: set[tuple[str, str]] = set()
        self._alive: set[tuple[str, str]] = set()

    async def run(self, bus: Bus) -> None:
        """Take away what is retained of them, once it is clear that nobody else speaks for them."""
        before = self._memory.announced
        gone = _pairs(before) - _pairs(self._here)
        if not gone:
            await self._remember(self._here)
            return
        rooms = sorted({room for room, _ in gone})
        await self._remember(
            before | {room: tuple({*before.get(room, ()), *ours}) for room, ours in self._here.items()}
        )
        for room in rooms:
            bus.subscribe(CAMERA_STATUS, self._hear, room=room)
        await bus.wait_connected()
        await asyncio.sleep(self._listen_s)
        for room, camera in sorted(gone - self._alive):
            bus.withdraw(CAMERA_STATUS, room=room, camera=camera)
            log.info("%s of %s is not there any more: its status is withdrawn", camera, room)
        for room in rooms:
            others = {one for one in self._known - (gone - self._alive) if one[0] == room}
            if room not in self._here and not others:
                bus.withdraw(PRIVACY, room=room)
        await self._remember(self._here)

    async def _hear(self, delivery: Delivery[CameraStatus]) -> None:
        camera = (delivery.room, delivery.camera)
        self._known.add(camera)
        if not delivery.retained:
            self._alive.add(camera)

    async def _remember(self, cameras: dict[Name, tuple[Name, ...]]) -> None:
        try:
            await self._memory.announce(cameras)
        except OSError as error:
            log.warning("which cameras there are cannot be remembered: %s", error)


def _pairs(cameras: Mapping[Name, tuple[Name, ...]]) -> set[tuple[Name, Name]]:
    return {(room, camera) for room, ours in cameras.items() for camera in ours}
