"""The camera service: the cameras of this process, each in its room, and the switches that close them."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from services.camera.analysis import detector_of
from services.camera.api import routes
from services.camera.camera import Camera
from services.camera.debug_crops import DebugCrops
from services.camera.departed import Departed
from services.camera.inbox import Inbox
from services.camera.openings import Openings
from services.camera.patience import Patience
from services.camera.privacy import Memory, PrivacySwitch
from services.camera.room import Room
from services.camera.sources import Source, open_source
from services.contracts.messages import BROWSER
from services.runtime.bus import Bus
from services.runtime.camera_settings import Camera as CameraSettings
from services.runtime.health import Health
from services.runtime.settings import Settings
from services.vision.detectors import Detector
from services.vision.images import Bgr


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    source: Callable[[], Source] | None = None,
    detector: Callable[[], Detector] | None = None,
    patience: Patience | None = None,
) -> "CameraService":
    """Compose the service.

    Args:
        settings: All of them.
        clock: Seconds since 1970.
        source: Makes the source; by default the one that the settings name.
        detector: Makes the detector; by default the one that the settings and files call for.
        patience: How long cameras are waited for.

    Raises:
        SetupError: No source takes an address, or the detector's file is not usable.
    """
    health = Health()
    patience = patience or Patience()
    memory = Memory(settings.data / "state" / "camera.json")
    make_detector = detector or detector_of(settings)
    switches = {
        room: PrivacySwitch(room, settings.privacy, memory, clock) for one in settings.watched if (room := one.room)
    }
    kept = DebugCrops(settings.data / "debug-crops", settings.privacy.debug_crops_hours, clock)
    openings = Openings()
    cameras: dict[str, Camera] = {}
    for one in settings.watched:
        inbox: Inbox[Bgr] | None = Inbox() if one.source == BROWSER else None
        cameras[one.name] = Camera(
            one,
            switches[one.room or ""],
            source=source or _source_of(one, inbox, openings),
            detector=make_detector,
            inbox=inbox,
            kept=kept,
            health=health,
            among_others=len(settings.watched) > 1,
            clock=clock,
            patience=patience,
        )
    of_room = {name: [one for one in cameras.values() if one.room == name] for name in switches}
    rooms = {name: Room(name, switch, of_room[name], health) for name, switch in switches.items()}
    here = {name: tuple(one.name for one in each) for name, each in of_room.items()}
    departed = Departed(memory, here, patience.others_s)
    return CameraService(cameras, rooms, kept, departed, health)


def _source_of(settings: CameraSettings, inbox: Inbox[Bgr] | None, openings: Openings) -> Callable[[], Source]:
    make = partial(open_source, settings, inbox=inbox, openings=openings)
    make()  # a wrong address is better known now
    return make


class CameraService:
    """See `build`.

    Attributes:
        cameras: The cameras by name.
        rooms: Their rooms by name.
    """

    name = "camera"

    def __init__(
        self, cameras: dict[str, Camera], rooms: dict[str, Room], kept: DebugCrops, departed: Departed, health: Health
    ) -> None:
        self.cameras = cameras
        self.rooms = rooms
        self.health = health
        self._kept = kept
        self._departed = departed
        self.running = False
        """Whether `run` is active: without it nothing can be switched or seen."""
        self.router = routes(self)

    async def run(self, bus: Bus) -> None:
        """Watch until cancelled."""
        for room in self.rooms.values():
            room.open(bus)
        self.running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._kept.run(), name="debug crops")
                tasks.create_task(self._departed.run(bus), name="departed cameras")
                entered = {name: asyncio.Event() for name in self.rooms}
                for camera in self.cameras.values():
                    tasks.create_task(camera.run(bus, entered[camera.room]), name=camera.name)
                for name, room in self.rooms.items():
                    tasks.create_task(_follow(room, entered[name]), name=f"privacy of {name}")
        finally:
            self.running = False
            for room in self.rooms.values():
                room.close()


async def _follow(room: Room, entered: asyncio.Event) -> None:
    await room.enter()
    entered.set()
    await room.keep()
