"""From a frame to what is known of it: faces with numbers and qualities, and the message about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import Histogram

from services.camera.condition import Look, look
from services.camera.quality import Flaw, assess
from services.camera.sources import Frame
from services.camera.tracking import Tracker
from services.contracts import moodring_pb2 as pb
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.vision.crops import cut, model_input
from services.vision.detectors import Detection, Detector, DetectorError, find_yunet, open_detector
from services.vision.geometry import Box
from services.vision.images import crop_message

DETECTION = Histogram(
    "moodring_camera_detection_seconds",
    "Time to find the faces of one frame.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
)


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
    """A frame and what is in it; `crops` holds the usable faces."""

    frame: Frame
    look: Look
    faces: tuple[SeenFace, ...]
    crops: pb.FaceCrops


class Analyst:
    """Looks at one camera's frames, in order, on one thread.

    Args:
        detector: Finds the faces.
        camera: Name of the camera, for the messages.
        run: What makes frame ids differ from those of an earlier run.
        min_quality: Faces of lower quality are not used.
    """

    def __init__(self, detector: Detector, *, camera: str, run: str, min_quality: float) -> None:
        self._detector = detector
        self._camera = camera
        self._run = run
        self._min_quality = min_quality
        self._tracker = Tracker()
        self._frames = 0

    def analyse(self, frame: Frame) -> Seen:
        """Find, number, judge and cut the faces of a frame."""
        with DETECTION.time():
            found = self._detector.detect(frame.image)
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
        faces = self._faces(frame, found, crops)
        return Seen(frame, look(frame.image), faces, crops)

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
    return lambda: open_detector(yunet, min_face_px=camera.min_face_px)
