"""The camera service: opens the source, has its frames analysed, publishes faces and how the camera does."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.camera.analysis import Analyst, Seen
from services.camera.api import routes
from services.camera.condition import WORDS, Condition
from services.camera.privacy import PrivacySwitch
from services.camera.reading import Reader
from services.camera.sources import Source, SourceError, open_source
from services.camera.status import STARTING, STOPPED, Announcer, Tally
from services.contracts.channels import FACES, PRIVACY, PRIVACY_SET
from services.contracts.messages import CameraState, CameraStatus, Privacy
from services.runtime.bus import Bus, Delivery
from services.runtime.health import Health
from services.runtime.service import SetupError
from services.runtime.settings import Settings, redact
from services.vision.detectors import Detector, DetectorError, find_yunet, open_detector

log = logging.getLogger(__name__)

REPORT_EVERY_S = 10.0
CLOSE_WITHIN_S = 1.0
"""A source that hangs longer when the service stops is left to end with the process."""
RETRY_S = (1.0, 30.0)
STEADY_S = 10.0
"""A source that worked for longer is opened again at once when it is lost, before anybody is told."""

PRIVATE = "The camera is switched off for privacy."
ENDED = "The video has ended and is not repeated (camera.loop)."


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    source: Callable[[], Source] | None = None,
    detector: Callable[[], Detector] | None = None,
    retry_s: tuple[float, float] = RETRY_S,
) -> "CameraService":
    """Compose the service.

    Args:
        settings: All of them.
        clock: Seconds since 1970.
        source: Makes the source; by default the one that the settings name.
        detector: Makes the detector; by default the one that the settings and files call for.
        retry_s: First and longest wait before a source is opened again, each cut by up to half at random.

    Raises:
        SetupError: No source takes the address, or the detector's file is not usable.
    """
    if source is None:
        open_source(settings.camera)  # a wrong address is better known now
    return CameraService(
        settings,
        clock=clock,
        source=source or (lambda: open_source(settings.camera)),
        detector=detector or _detector(settings),
        retry_s=retry_s,
    )


def _detector(settings: Settings) -> Callable[[], Detector]:
    camera = settings.camera
    try:
        yunet = find_yunet(camera.detector, settings.yunet, settings.data / "models")
    except DetectorError as error:
        raise SetupError(str(error)) from error
    return lambda: open_detector(yunet, min_face_px=camera.min_face_px)


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
    ) -> None:
        self.camera = settings.camera.name
        self.room = settings.room
        self.health = Health()
        self.router = routes(self)
        self._settings = settings.camera
        self._clock = clock
        self._make_source = source
        self._make_detector = detector
        self._retry_s = retry_s
        self._switch = PrivacySwitch(settings.data / "state" / "camera.json")
        self._tally = Tally(redact(settings.camera.source))
        self._announcer = Announcer(self._tally, self.health, camera=self.camera, room=self.room, clock=clock)
        self._closed = asyncio.Event()
        self._closed.set()
        self._turning = asyncio.Lock()
        self._reader: Reader | None = None
        self._last: Seen | None = None
        self._bus: Bus | None = None

    async def run(self, bus: Bus) -> None:
        """Watch until cancelled."""
        pool = ThreadPoolExecutor(1, "camera-detect")
        self._switch.load()
        self._bus = self._announcer.bus = bus
        bus.subscribe(PRIVACY_SET, self._on_privacy, room=self.room)
        bus.publish(PRIVACY, self.privacy, room=self.room)
        self._rest()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(bus, pool), name="camera-watch")
                tasks.create_task(self._report(), name="camera-report")
        finally:
            self._announcer.turn(CameraState.OFFLINE, STOPPED)  # else the last word stays "ok", and a room "nobody"
            self._bus = self._announcer.bus = self._last = None
            pool.shutdown(wait=False, cancel_futures=True)

    @property
    def running(self) -> bool:
        """Whether `run` is active: without it nothing can be switched or seen."""
        return self._bus is not None

    @property
    def privacy(self) -> Privacy:
        """How the privacy switch stands."""
        return self._switch.state

    @property
    def status(self) -> CameraStatus:
        """How the camera does now."""
        return self._tally.status()

    async def set_privacy(self, privacy: Privacy) -> None:
        """Turn the privacy switch; ON returns when the device is closed."""
        async with self._turning:
            self._switch.turn(privacy)
            if privacy is Privacy.ON:
                self._last = None
                if self._reader is not None:
                    self._reader.stop()
            elif self._tally.state is CameraState.PRIVATE:
                self._rest()
            problem = ""
            try:
                await self._switch.remember()
            except OSError as error:
                problem = f"Privacy is {privacy}, but a restart will forget it: {error}."
            self.health.report("privacy", problem)
            if privacy is Privacy.ON:
                await self._closed.wait()
                self._rest()
            if self._bus is not None:
                self._bus.publish(PRIVACY, privacy, room=self.room)

    def last(self) -> Seen | None:
        """Return the last frame and what is in it; `None` where the camera sees nothing or may not."""
        return self._last if self._switch.open else None

    async def _on_privacy(self, delivery: Delivery[Privacy]) -> None:
        await self.set_privacy(delivery.message)

    async def _watch(self, bus: Bus, pool: ThreadPoolExecutor) -> None:
        detector = await asyncio.get_running_loop().run_in_executor(pool, self._make_detector)
        self._tally.detector = detector.name
        run = f"{int(self._clock() * 1000):x}"
        analyst = Analyst(detector, camera=self.camera, run=run, min_quality=self._settings.min_quality)
        shortest, longest = self._retry_s
        pause = shortest
        while True:
            await self._switch.allowed()
            if not self._switch.open:
                continue
            self._closed.clear()
            problem, began = "", self._clock()
            try:
                await self._session(bus, pool, analyst)
            except SourceError as error:
                problem = str(error)
            finally:
                self._closed.set()
                self._last = None
            if not self._switch.open:
                continue
            if problem and self._tally.state is not CameraState.OFFLINE and self._clock() - began > STEADY_S:
                continue  # a network hiccup is no news; a camera that is gone is offline after the next try
            pause = shortest if self._tally.state is not CameraState.OFFLINE else min(longest, 2 * pause)
            self._announcer.turn(CameraState.OFFLINE, problem or ENDED)
            jitter = random.uniform(0.5, 1)  # noqa: S311 -- spreads retries, hides nothing
            await self._switch.pause(pause * jitter if problem else None)

    async def _session(self, bus: Bus, pool: ThreadPoolExecutor, analyst: Analyst) -> None:
        """Open the source and publish what its frames show, until it ends or `set_privacy` stops it.

        Raises:
            SourceError: It cannot be opened, or is lost.
        """
        loop, source = asyncio.get_running_loop(), self._make_source()
        every_s = None if self._settings.as_fast_as_possible else 1 / self._settings.fps
        reader = self._reader = Reader(source, every_s=every_s, clock=self._clock)
        seeing = Condition(live=source.live)

        def analyse_next() -> Seen | None:
            frame = reader.frames.take()
            return None if frame is None else analyst.analyse(frame)

        try:
            analysing = loop.run_in_executor(pool, analyse_next)
            while (seen := await analysing) is not None:
                # The next frame is analysed while this one's faces go out.
                analysing = loop.run_in_executor(pool, analyse_next)
                if self._switch.open:
                    self._publish(bus, seen, seeing)
            await reader.finished
        finally:
            reader.stop()
            self._reader = None
            await asyncio.wait({reader.finished}, timeout=CLOSE_WITHIN_S)

    def _publish(self, bus: Bus, seen: Seen, seeing: Condition) -> None:
        used = len(seen.crops.faces) > 0
        if used:
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
