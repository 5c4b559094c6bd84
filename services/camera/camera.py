"""One camera: opens its source, has its frames analysed, publishes faces and how it does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.camera.analysis import Analyst, Seen, pace_of
from services.camera.condition import WORDS, Condition
from services.camera.debug_crops import DebugCrops
from services.camera.glance import Glance
from services.camera.inbox import Inbox
from services.camera.pace import Limit
from services.camera.patience import Patience
from services.camera.privacy import PrivacySwitch
from services.camera.quality import Flaw
from services.camera.reading import Reader
from services.camera.session import ENDED, Session
from services.camera.silence import Silence
from services.camera.sources import Source
from services.camera.status import STARTING, STOPPED, Announcer, Tally
from services.contracts.channels import FACES, STATUS_EVERY_S
from services.contracts.messages import CameraState, CameraStatus, FaceYield
from services.runtime.backoff import Backoff
from services.runtime.bus import Bus
from services.runtime.camera_settings import Camera as CameraSettings
from services.runtime.health import Health
from services.runtime.settings import redact
from services.vision.detectors import Detector
from services.vision.images import Bgr

HANGS = "The device does not close, though no picture of it is used; unplug it to be sure, or restart Moodring."
SILENT = "The camera sends no more pictures; it is opened again until it does."


class Camera:
    """See the module.

    Args:
        settings: Its own, with its room.
        switch: The switch of its room.
        source: Makes the source.
        detector: Makes the detector.
        inbox: Where pictures arrive that are sent to it, for a source that reads them there.
        kept: Keeps faces where that was asked for.
        health: Hears of a camera that is lost or hangs.
        among_others: Whether there are other cameras in this process.
        clock: Seconds since 1970.
        patience: How long it is waited for.
    """

    def __init__(
        self,
        settings: CameraSettings,
        switch: PrivacySwitch,
        *,
        source: Callable[[], Source],
        detector: Callable[[], Detector],
        inbox: Inbox[Bgr] | None,
        kept: DebugCrops,
        health: Health,
        among_others: bool,
        clock: Callable[[], float],
        patience: Patience,
    ) -> None:
        assert settings.room is not None
        self.name = settings.name
        self.room = settings.room
        self._settings = settings
        self._pace = pace_of(settings)
        self._switch = switch
        self._make_source = source
        self._make_detector = detector
        self._inbox = inbox
        self._kept = kept
        self._clock = clock
        self._patience = patience
        self._tally = Tally(redact(settings.source), kept_hours=kept.hours)
        self._announcer = Announcer(
            self._tally, health, camera=self.name, room=self.room, among_others=among_others, clock=clock
        )
        self._closed = asyncio.Event()
        self._closed.set()
        self._wake = asyncio.Event()
        self._every_s = None if settings.as_fast_as_possible else 1 / settings.fps
        self._due_at = 0.0
        self._session: Session | None = None
        self._silence = Silence()
        self._glance = Glance(patience.shown_s)

    @property
    def status(self) -> CameraStatus:
        """How the camera does now."""
        return self._tally.status()

    @property
    def face_yield(self) -> FaceYield:
        """How many of the faces in front of it can be read."""
        return self._tally.face_yield()

    @property
    def takes_pictures(self) -> bool:
        """Whether pictures can be sent to it."""
        return self._inbox is not None

    def last(self) -> Seen | None:
        """Return the last frame and what is in it, to who looks; `None` where it is old, or the camera may not see."""
        if self._pace is not None:
            self._pace.watch(self._clock())
        return self._glance.seen if self._switch.open else None

    async def drawn(self, seen: Seen) -> bytes:
        """Return a frame as JPEG with its faces marked."""
        return await self._glance.drawn(seen)

    def wants_picture(self) -> bool:
        """Say whether a picture that is sent now comes at the camera's pace: before anybody decodes it."""
        now = asyncio.get_running_loop().time()
        if now < self._due_at:
            return False
        self._due_at = now + (self._every_s or 0) / 2  # half a frame early is better than a whole one late
        return True

    def send(self, picture: Bgr) -> None:
        """Take a picture that was sent; it is forgotten where the camera may not see."""
        if self._inbox is not None and self._switch.open:
            self._inbox.put(picture)
            self._wake.set()

    def publish(self) -> None:
        """Publish the status as it is."""
        self._announcer.publish()

    def rest(self) -> None:
        """Say that nothing is seen, and why."""
        if self._switch.open:
            self._announcer.turn(CameraState.OFFLINE, STARTING)
        else:
            self._announcer.turn(CameraState.PRIVATE, self._switch.reason)

    def obey(self) -> None:
        """Do what the switch says now: begin to close, or be ready to open."""
        self._wake.set()
        if not self._switch.open:
            self._glance.forget()
            if self._inbox is not None:
                self._inbox.clear()
            if self._session is not None:
                self._session.stop()
        elif self._tally.state is CameraState.PRIVATE:
            self.rest()

    async def closed(self) -> None:
        """Return when the device is closed; one that hangs stays the session's, so that it is not opened again."""
        try:
            async with asyncio.timeout(self._patience.private_within_s):
                await self._closed.wait()
        except TimeoutError:
            self._announcer.turn(CameraState.OFFLINE, HANGS)
        else:
            self.rest()

    async def run(self, bus: Bus, entered: asyncio.Event) -> None:
        """Watch until cancelled, and tell how it does.

        Args:
            bus: The bus.
            entered: Set when the room's privacy is known; nothing is opened before.
        """
        pool = ThreadPoolExecutor(1, f"{self.name}-detect")
        self._announcer.bus = bus
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._report(), name=f"{self.name}-report")
                tasks.create_task(self._listen(), name=f"{self.name}-silence")
                tasks.create_task(self._watch(bus, entered, pool), name=f"{self.name}-watch")
        finally:
            self._announcer.turn(CameraState.OFFLINE, STOPPED)  # else the last word stays "ok", and a room "nobody"
            self._announcer.bus = None
            self._glance.forget()
            self._silence.end()
            pool.shutdown(wait=False, cancel_futures=True)

    async def _watch(self, bus: Bus, entered: asyncio.Event, pool: ThreadPoolExecutor) -> None:
        await entered.wait()
        detector = await asyncio.get_running_loop().run_in_executor(pool, self._make_detector)
        self._tally.detector = detector.name
        run = f"{int(self._clock() * 1000):x}"
        analyst = Analyst(detector, self._settings, run=run, pace=self._pace)
        backoff = Backoff(*self._patience.retry_s)
        while True:
            await self._switch.allowed()
            if not self._switch.open:
                continue
            self._closed.clear()
            began = self._clock()
            try:
                problem, worked = await self._look(bus, analyst, pool)
            finally:
                self._tally.watching = False
                self._closed.set()
                self._glance.forget()
            if worked:
                backoff.reset()
            if problem is None or not self._switch.open:
                self._silence.end()
                self.rest()
                continue
            if worked and problem is not ENDED and self._clock() - began > self._patience.steady_s:
                continue  # a network hiccup is no news, as long as its silence is short
            self._silence.end()
            self._announcer.turn(CameraState.OFFLINE, problem)
            await self._pause(None if problem is ENDED else backoff.next_s())

    async def _look(self, bus: Bus, analyst: Analyst, pool: ThreadPoolExecutor) -> tuple[str | None, bool]:
        """Open the source and publish what it shows; return as `Session.run`, and whether it showed anything."""
        source = self._make_source()
        analyst.sparse = source.sparse
        if self._pace is not None:
            self._pace.wake()
        limit = Limit(None if self._settings.as_fast_as_possible else self._settings.messages_per_s)
        steady = source.live and not source.sparse
        seeing = Condition(live=steady)
        worked = False

        def opened() -> None:
            self._tally.watching = True
            if source.sparse:
                self._announcer.turn(CameraState.OK, "")
            self._announcer.publish()

        def take(seen: Seen) -> None:
            nonlocal worked
            worked = True
            self._publish(bus, seen, seeing, limit)

        hangs = steady and self._inbox is None  # what is sent to us can fall silent, and says so itself
        silence = self._silence if hangs else None
        reader = Reader(source, every_s=self._every_s, clock=self._clock, silence=silence, opened=opened)
        session = self._session = Session(reader, analyst, pool)
        try:
            return await session.run(take), worked
        finally:
            self._session = None

    def _publish(self, bus: Bus, seen: Seen, seeing: Condition, limit: Limit) -> None:
        if not self._switch.open:
            return
        used = len(seen.crops.faces) > 0
        if used and limit.allows(seen.frame.captured_at):
            bus.publish(FACES, seen.crops, room=self.room, camera=self.name)
            self._kept.keep(seen.crops)
        self._glance.take(seen)
        self._tally.count(seen)
        lit = any(face.flaw is not Flaw.DARK for face in seen.faces)
        state = seeing.update(seen.look, seen.frame.captured_at, face_seen=lit)
        self._announcer.turn(state, WORDS[state])

    async def _listen(self) -> None:
        """Tell of a camera that has fallen silent, until cancelled; the next frame that is seen says it is back."""
        longest_s = max(self._patience.silent_s, 2 * (self._every_s or 0))
        while True:
            left_s = longest_s - self._silence.lasts_s
            if left_s <= 0 and self._switch.open:
                self._announcer.turn(CameraState.OFFLINE, SILENT)
            await asyncio.sleep(max(left_s, longest_s / 16))

    async def _report(self) -> None:
        while True:
            self._announcer.publish()
            await asyncio.sleep(STATUS_EVERY_S)

    async def _pause(self, seconds: float | None) -> None:
        """Wait, but no longer than until something changes: the switch, or a picture that is sent."""
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
