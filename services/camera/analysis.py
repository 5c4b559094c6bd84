"""From a frame to what is known of it: faces with numbers and qualities, and the message about them."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from services.camera.condition import Look, look
from services.camera.pace import Pace
from services.camera.quality import Flaw, assess
from services.camera.search import Search
from services.camera.sources import Frame
from services.camera.tracking import Tracker
from services.contracts import moodring_pb2 as pb
from services.runtime.service import SetupError
from services.runtime.settings import Camera, Settings
from services.vision.crops import cut, model_input
from services.vision.detectors import Detection, Detector, DetectorError, find_yunet, open_detector
from services.vision.geometry import Box
from services.vision.images import crop_message

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face of a frame.

    Attributes:
        track: Its number.
        box: Where it is.
        quality: Its fitness for classification, 0 to 1.
        flaw: Why it is not used; `None` where it is.
    """

    track: int
    box: Box
    quality: float
    flaw: Flaw | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame and what is in it.

    Attributes:
        frame: The frame.
        look: What it looks like as a whole.
        faces: The faces.
        hidden: People who were there before, and whose faces are not found.
        crops: The usable faces.
    """

    frame: Frame
    look: Look
    faces: tuple[SeenFace, ...]
    hidden: int
    crops: pb.FaceCrops


class Analyst:
    """Looks at one camera's frames, in order, on one thread.

    Args:
        detector: Finds the faces.
        settings: The camera's.
        run: What makes frame ids differ from those of an earlier run.
        pace: Which frames are looked at; all of them without it.
        cpu_s: Returns the time that this thread has computed for, in seconds.
    """

    def __init__(
        self,
        detector: Detector,
        settings: Camera,
        *,
        run: str,
        pace: Pace | None = None,
        cpu_s: Callable[[], float] = time.thread_time,
    ) -> None:
        self._search = Search(detector, min_face_px=settings.min_face_px)
        self._camera = settings.name
        self._run = run
        self._min_quality = settings.min_quality
        self._pace = pace
        self._cpu_s = cpu_s
        self.sparse = False
        """Whether pictures are few and chosen, so that each is looked at: a face follows a person from behind."""
        self._tracker = Tracker()
        self._scene = 0
        self._frames = 0

    def due(self, frame: Frame) -> bool:
        """Whether a frame is to be looked at; ask once for each."""
        at = frame.captured_at
        return self._pace is None or self.sparse or self._pace.due(at, idle=not self._tracker.expected(at))

    def analyse(self, frame: Frame) -> Seen:
        """Find, number, judge and cut the faces of a frame."""
        if self._pace is None:
            return self._seen(frame)
        began = self._cpu_s()
        seen = self._seen(frame)
        self._pace.spend(self._cpu_s() - began)
        return seen

    def _seen(self, frame: Frame) -> Seen:
        if frame.scene != self._scene:
            self._scene = frame.scene
            self._tracker.doubt()
        found = self._search.find(frame.image, self._tracker, frame.captured_at)
        self._frames += 1
        height, width = frame.image.shape[:2]
        seconds, fraction = divmod(frame.captured_at, 1)
        crops = pb.FaceCrops(
            frame_id=f"{self._camera}-{self._run}-{self._frames}",
            captured_at=Timestamp(seconds=int(seconds), nanos=int(fraction * 1e9)),
            camera=self._camera,
            frame_width=width,
            frame_height=height,
        )
        hidden = self._tracker.lost([each.box for each in found], frame.captured_at)
        return Seen(frame, look(frame.image), self._faces(frame, found, crops), hidden, crops)

    def _faces(self, frame: Frame, found: Sequence[Detection], crops: pb.FaceCrops) -> tuple[SeenFace, ...]:
        tracks = self._tracker.update([each.box for each in found], frame.captured_at)
        faces = []
        for track, each in zip(tracks, found, strict=True):
            crop = cut(frame.image, each.box)
            if crop is None:
                continue
            image, image_box = crop
            quality = assess(model_input(image, image_box, each.box), each.box, each.landmarks)
            used = quality.value >= self._min_quality
            faces.append(SeenFace(track, each.box, quality.value, None if used else quality.flaw))
            if used:
                crops.faces.add(
                    track_id=track,
                    box=each.box.message(),
                    landmarks=[point.message() for point in each.landmarks],
                    quality=quality.value,
                    detector_score=each.score,
                    image=crop_message(image),
                    image_box=image_box.message(),
                )
        return tuple(faces)


def detector_of(settings: Settings) -> Callable[[], Detector]:
    """Return what opens the detector that the settings and files call for.

    Raises:
        SetupError: The detector's file is not usable.
    """
    camera = settings.camera
    try:
        yunet = find_yunet(camera.detector, settings.yunet, settings.data / "models")
    except DetectorError as error:
        raise SetupError(str(error)) from error
    if yunet is None and camera.detector == "auto":
        log.warning("the slower Haar cascade finds the faces: YuNet's file is not there; `make models` fetches it")
    return lambda: open_detector(yunet, min_face_px=camera.min_face_px)


def pace_of(settings: Camera) -> Pace | None:
    """Return the pace that a camera's settings ask for; none where every frame is to be looked at."""
    if settings.as_fast_as_possible:
        return None
    return Pace(idle_fps=min(settings.idle_fps, settings.fps), budget=settings.cpu_percent / 100)
