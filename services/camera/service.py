"""The camera service: opens the source, has its frames analysed, publishes faces and how the camera does."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.camera.analysis import Analyst, Seen, detector_of, pace_of
from services.camera.api import routes
from services.camera.condition import WORDS, Condition
from services.camera.pace import Limit
from services.camera.privacy import PrivacySwitch
from services.camera.reading import Reader
from services.camera.room import RoomPrivacy
from services.camera.session import ENDED, Session
from services.camera.sources import Source, open_source
from services.camera.status import STARTING, STOPPED, Announcer, Tally
from services.contracts.channels import FACES
from services.contracts.messages import CameraState, CameraStatus, FaceYield, Privacy
from services.runtime.bus import Bus
from services.runtime.health import Health
from services.runtime.settings import Settings, redact
from services.vision.detectors import Detector

log = logging.getLogger(__name__)

REPORT_EVERY_S = 10.0
PRIVATE_WITHIN_S = 3.0
"""A source that hangs longer when privacy is turned on is a problem that people have to know of."""
RETRY_S = (1.0, 30.0)
STEADY_S = 10.0
"""A source that worked for longer is opened again at once when it is lost, before anybody is told."""

PRIVATE = "The camera is switched off for privacy."
HANGS = "The device does not close, though no picture of it is used; unplug it to be sure, or restart Moodring."


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    source: Callable[[], Source] | None = None,
    detector: Callable[[], Detector] | None = None,
    retry_s: tuple[float, float] = RETRY_S,
    private_within_s: float = PRIVATE_WITHIN_S,
) -> "CameraService":
    """Compose the service.

    Args:
        settings: All of them.
        clock: Seconds since 1970.
        source: Makes the source; by default the one that the settings name.
        detector: Makes the detector; by default the one that the settings and files call for.
        retry_s: First and longest wait before a source is opened again, each cut by up to half at random.
        private_within_s: How long the device may take to close before that is a problem.

    Raises:
        SetupError: No source takes the address, or the detector's file is not usable.
    """
    if source is None:
        open_source(settings.camera)  # a wrong address is better known now
    return CameraService(
        settings,
        clock=clock,
        source=source or (lambda: open_source(settings.camera)),
        detector=detector or detector_of(settings),
        retry_s=retry_s,
        private_within_s=private_within_s,
    )


class CameraService:
    """One camera: see `build`."""

    name = "camera"

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float],
        source: Callable[[], Source],
        detector: Callable[[], Detector],
        retry_s: tuple[float, float],
        private_within_s: float,
    ) -> None:
        self.camera = settings.camera.name
        self.room = settings.room
        self.health = Health()
        self.router = routes(self)
        self._settings = settings.camera
        self._pace = pace_of(settings.camera)
        self._clock = clock
        self._make_source = source
        self._make_detector = detector
        self._retry_s = retry_s
        self._private_within_s = private_within_s
        self._switch = PrivacySwitch(settings.data / "state" / "camera.json")
        self._tally = Tally(redact(settings.camera.source))
        self._announcer = Announcer(self._tally, self.health, camera=self.camera, room=self.room, clock=clock)
        self._closed = asyncio.Event()
        self._closed.set()
        self._turning = asyncio.Lock()
        self._session: Session | None = None
        self._last: Seen | None = None
        self._room: RoomPrivacy | None = None

    async def run(self, bus: Bus) -> None:
        """Watch until cancelled."""
        pool = ThreadPoolExecutor(1, "camera-detect")
        self._switch.load()
        self._announcer.bus = bus
        self._room = RoomPrivacy(bus, room=self.room, camera=self.camera, turn=self.set_privacy)
        self._rest()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(bus, self._room, pool), name="camera-watch")
                tasks.create_task(self._report(), name="camera-report")
        finally:
            self._announcer.turn(CameraState.OFFLINE, STOPPED)  # else the last word stays "ok", and a room "nobody"
            self._room = self._announcer.bus = self._last = None
            pool.shutdown(wait=False, cancel_futures=True)

    @property
    def running(self) -> bool:
        """Whether `run` is active: without it nothing can be switched or seen."""
        return self._room is not None

    @property
    def privacy(self) -> Privacy:
        """How the privacy switch stands."""
        return self._switch.state

    @property
    def status(self) -> CameraStatus:
        """How the camera does now."""
        return self._tally.status()

    @property
    def face_yield(self) -> FaceYield:
        """How many of the faces in front of the camera can be read."""
        return self._tally.face_yield()

    async def ask_privacy(self, privacy: Privacy) -> None:
        """Turn the privacy switches of all cameras of the room; ON returns when this one's device is closed."""
        if self._room is not None:
            await self._room.ask(privacy)

    async def set_privacy(self, privacy: Privacy) -> None:
        """Turn the privacy switch of this camera; ON returns when the device is closed, or known to hang."""
        async with self._turning:
            if self._room is not None and self._room.told is privacy:
                return
            self._switch.turn(privacy)
            if privacy is Privacy.ON:
                self._last = None
                if self._session is not None:
                    self._session.stop()
            elif self._tally.state is CameraState.PRIVATE:
                self._rest()
            problem = ""
            try:
                await self._switch.remember()
            except OSError as error:
                problem = f"Privacy is {privacy}, but a restart will forget it: {error}."
            self.health.report("privacy", problem)
            if privacy is Privacy.ON:
                await self._close()
            if self._room is not None:
                self._room.tell(privacy)

    def last(self) -> Seen | None:
        """Return the last frame and what is in it, to who looks; `None` where the camera sees nothing or may not."""
        if self._pace is not None:
            self._pace.watch(self._clock())
        return self._last if self._switch.open else None

    async def _close(self) -> None:
        """Wait until the device is closed; one that hangs stays the session's, so that it is not opened again."""
        try:
            await asyncio.wait_for(self._closed.wait(), self._private_within_s)
        except TimeoutError:
            self._announcer.turn(CameraState.OFFLINE, HANGS)
        else:
            self._rest()

    async def _watch(self, bus: Bus, room: RoomPrivacy, pool: ThreadPoolExecutor) -> None:
        await room.hear(self._announcer.publish)
        async with self._turning:
            if room.told is None:
                room.enter(self.privacy)
        detector = await asyncio.get_running_loop().run_in_executor(pool, self._make_detector)
        self._tally.detector = detector.name
        run = f"{int(self._clock() * 1000):x}"
        analyst = Analyst(detector, self._settings, run=run, pace=self._pace)
        shortest, longest = self._retry_s
        pause = shortest
        while True:
            await self._switch.allowed()
            if not self._switch.open:
                continue
            self._closed.clear()
            began = self._clock()
            try:
                problem = await self._look(bus, analyst, pool)
            finally:
                self._closed.set()
                self._last = None
            if problem is None or not self._switch.open:
                self._rest()
                continue
            worked = self._tally.state is not CameraState.OFFLINE
            if problem is not ENDED and worked and self._clock() - began > STEADY_S:
                continue  # a network hiccup is no news; a camera that is gone is offline after the next try
            pause = shortest if worked else min(longest, 2 * pause)
            self._announcer.turn(CameraState.OFFLINE, problem)
            jitter = random.uniform(0.5, 1)  # noqa: S311 -- spreads retries, hides nothing
            await self._switch.pause(None if problem is ENDED else pause * jitter)

    async def _look(self, bus: Bus, analyst: Analyst, pool: ThreadPoolExecutor) -> str | None:
        """Open the source and publish what it shows; return as `Session.run`."""
        source = self._make_source()
        if self._pace is not None:
            self._pace.wake()
        every_s = None if self._settings.as_fast_as_possible else 1 / self._settings.fps
        seeing = Condition(live=source.live)
        limit = Limit(None if self._settings.as_fast_as_possible else self._settings.messages_per_s)
        session = self._session = Session(Reader(source, every_s=every_s, clock=self._clock), analyst, pool)
        try:
            return await session.run(lambda seen: self._publish(bus, seen, seeing, limit))
        finally:
            self._session = None

    def _publish(self, bus: Bus, seen: Seen, seeing: Condition, limit: Limit) -> None:
        if not self._switch.open:
            return
        used = len(seen.crops.faces) > 0
        if used and limit.allows(seen.frame.captured_at):
            bus.publish(FACES, seen.crops, room=self.room, camera=self.camera)
        self._last = seen
        self._tally.count(seen)
        state = seeing.update(seen.look, seen.frame.captured_at, face_used=used)
        self._announcer.turn(state, WORDS[state])

    async def _report(self) -> None:
        while True:
            self._announcer.publish()
            await asyncio.sleep(REPORT_EVERY_S)

    def _rest(self) -> None:
        if self.privacy is Privacy.ON:
            self._announcer.turn(CameraState.PRIVATE, PRIVATE)
        else:
            self._announcer.turn(CameraState.OFFLINE, STARTING)
