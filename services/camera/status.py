"""How the camera does: counted, turned into a message, and told."""

import logging
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime

from prometheus_client import Counter as Metric
from pydantic import JsonValue

from services.camera.analysis import Seen
from services.camera.quality import Flaw
from services.camera.session import ENDED
from services.camera.yields import Yields
from services.contracts.channels import CAMERA_STATUS, EVENTS, spoken
from services.contracts.messages import CameraState, CameraStatus, Event, EventType, FaceYield, camera_part
from services.runtime.bus import Bus
from services.runtime.health import Health
from services.runtime.measures import from_zero

log = logging.getLogger(__name__)

FRAMES = Metric("moodring_camera_frames_total", "Frames in which faces were looked for.")
USED = "used"
FACES = from_zero(
    Metric("moodring_camera_faces_total", "Faces found, by what became of them.", ["outcome"]), [USED, *Flaw]
)

FPS_FRAMES = 50
"""The rate of frames is that of the last so many."""
STARTING = "The camera is starting."
STOPPED = "The camera service has stopped."
SETTLED_S = 60.0
"""A trouble that comes back sooner is no news: what flaps is one problem."""
BLIND = frozenset({CameraState.OFFLINE, CameraState.PRIVATE})


class Tally:
    """Counts since the service started, and the state of the moment.

    Args:
        source: Where the frames come from, without any password.
        kept_hours: How long faces are kept as files.
    """

    def __init__(self, source: str, *, kept_hours: float = 0) -> None:
        self.state = CameraState.OFFLINE
        self.detail = ""
        self.detector = ""
        self.watching = False
        self._source = source
        self._kept_hours = kept_hours
        self._since = datetime.now(UTC)
        self._seen = self._used = 0
        self._rejected: Counter[str] = Counter()
        self._times: deque[float] = deque(maxlen=FPS_FRAMES)
        self._yields = Yields()

    @property
    def well(self) -> bool:
        """Whether there is nothing to worry about: see `CameraStatus`."""
        return self.state in {CameraState.OK, CameraState.PRIVATE} or self.detail in {STARTING, STOPPED, ENDED}

    def turn(self, state: CameraState, detail: str, at: float) -> bool:
        """Set the state at `at` (seconds since 1970) and return whether that changed anything."""
        if (state, detail) == (self.state, self.detail):
            return False
        if state is not self.state:
            self._since = datetime.fromtimestamp(at, UTC)
        if state in BLIND:
            self._times.clear()
        self.state, self.detail = state, detail
        return True

    def count(self, seen: Seen) -> None:
        """Count a frame and its faces."""
        FRAMES.inc()
        self._times.append(seen.frame.captured_at)
        self._seen += len(seen.faces)
        for _ in range(seen.hidden):
            self._yields.add(Flaw.HIDDEN)
        for face in seen.faces:
            self._yields.add(face.flaw)
            FACES.labels(face.flaw or USED).inc()
            if face.flaw is None:
                self._used += 1
            else:
                self._rejected[face.flaw] += 1

    def face_yield(self) -> FaceYield:
        """Return how many of the faces can be read."""
        return self._yields.message()

    def status(self) -> CameraStatus:
        """Return the message."""
        elapsed = self._times[-1] - self._times[0] if self._times else 0
        return CameraStatus(
            state=self.state,
            well=self.well,
            watching=self.watching,
            detail=self.detail,
            source=self._source,
            kept_hours=self._kept_hours,
            fps=round((len(self._times) - 1) / elapsed, 1) if elapsed > 0 else 0,
            faces_seen=self._seen,
            faces_used=self._used,
            rejected=dict(self._rejected),
            detector=self.detector,
            since=self._since,
        )


class Announcer:
    """Tells the bus, the log and `Health` how the camera does; the bus while there is one.

    Args:
        tally: What is told.
        health: Hears of a camera that is lost or hangs.
        camera: Its name.
        room: Where it is.
        among_others: Whether people have to be told which camera it is.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        tally: Tally,
        health: Health,
        *,
        camera: str,
        room: str,
        among_others: bool,
        clock: Callable[[], float],
    ) -> None:
        self.bus: Bus | None = None
        self._tally = tally
        self._health = health
        self._camera = camera
        self._room = room
        self._who = f"{spoken(camera)} ({spoken(room).lower()}): " if among_others else ""
        self._clock = clock
        self._trouble: CameraState | None = None
        self._ended_at: dict[CameraState, float] = {}

    def turn(self, state: CameraState, detail: str) -> None:
        """Tell of a new state, once; `detail` is for people.

        A trouble is one event, however often its words change, or it comes and goes within a minute, until the camera
        is well for longer.
        """
        now = self._clock()
        if not self._tally.turn(state, detail, now):
            return
        well = self._tally.well
        lost = not well and state in {CameraState.OFFLINE, CameraState.FROZEN}
        self._health.report(camera_part(self._camera), self._who + detail if lost else "")
        log.log(
            logging.INFO if well else logging.WARNING,
            "%s is %s%s",
            self._camera,
            state,
            f": {detail}" if detail else "",
        )
        self.publish()
        before, self._trouble = self._trouble, None if well else state
        if before is not None:
            self._ended_at[before] = now
        if self._trouble is None or self._trouble is before or self._is_back(self._trouble, now):
            return
        if self.bus is not None:
            after: dict[str, JsonValue] = {"service": "camera", "camera": self._camera, "text": self._who + detail}
            self.bus.publish(EVENTS, Event(type=EventType.PROBLEM, after=after), room=self._room)

    def _is_back(self, trouble: CameraState, now: float) -> bool:
        """Whether a trouble has ended so shortly before that it is still the same."""
        return trouble in self._ended_at and 0 <= now - self._ended_at[trouble] < SETTLED_S

    def publish(self) -> None:
        """Publish the status as it is."""
        if self.bus is not None:
            self.bus.publish(CAMERA_STATUS, self._tally.status(), room=self._room, camera=self._camera)
