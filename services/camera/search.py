"""Finds the faces of one camera's frames, with no more looking than that takes."""

from collections.abc import Sequence

from prometheus_client import Counter, Histogram

from services.camera.attention import Attention
from services.camera.motion import Motion
from services.camera.tracking import GONE_AFTER_S, Tracker
from services.contracts.channels import MAX_FACES
from services.runtime.measures import from_zero
from services.vision.detectors import Detection, Detector, largest_first
from services.vision.images import Bgr
from services.vision.views import View, without_doubles

DETECTION = Histogram(
    "moodring_camera_detection_seconds",
    "Time to find the faces of one frame.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
)
NOWHERE, NEAR_FACES, EVERYWHERE = "nowhere", "near faces", "everywhere"
LOOKS = from_zero(
    Counter("moodring_camera_looks_total", "Frames by how faces were looked for in them.", ["where"]),
    [NOWHERE, NEAR_FACES, EVERYWHERE],
)

OVERLAP = 0.3
"""Two detections that share more (intersection over union) are one face: YuNet's own limit."""
SOUGHT_S = 0.5
"""A face that is lost is looked for where it was, and everywhere, for so long, at least in the next frame; later it is
found as a new one is, and still is the same face within `tracking.GONE_AFTER_S`."""
LOOK_ANYWAY_S = 10.0
"""An empty room is looked at this often without any motion."""


class Search:
    """The search of one camera; call it from one thread.

    Args:
        detector: Finds faces.
        min_face_px: Width of the smallest that is to be found.
    """

    def __init__(self, detector: Detector, *, min_face_px: int) -> None:
        self._detector = detector
        self._attention = Attention(
            smallest_px=detector.smallest_px, clear_px=detector.clear_px, min_face_px=min_face_px
        )
        self._motion = Motion()
        self._looked_at = self._last = float("-inf")

    def find(self, frame: Bgr, tracker: Tracker, at: float) -> list[Detection]:
        """Return the faces of a frame, the largest first.

        Args:
            frame: The frame.
            tracker: Knows where faces were before it.
            at: When it was taken, in seconds.
        """
        with DETECTION.time():
            size = (frame.shape[1], frame.shape[0])
            sought_s, self._last = min(GONE_AFTER_S, max(SOUGHT_S, at - self._last)), at
            if sought := tracker.sought(at, within_s=sought_s):
                self._motion.forget()
                found = self._look(frame, self._attention.views(size, sought, at))
                lost = tracker.lost([each.box for each in found], at, within_s=sought_s)
                if not self._attention.may_look_everywhere(at, lost):
                    return found
                return _merged(found, self._look(frame, [self._attention.everywhere(size, at)]))
            if not self._motion.since_looked(frame) and 0 <= at - self._looked_at < LOOK_ANYWAY_S:
                LOOKS.labels(NOWHERE).inc()
                return []
            self._looked_at = at
            return self._look(frame, [self._attention.everywhere(size, at)])

    def _look(self, frame: Bgr, views: Sequence[View]) -> list[Detection]:
        whole = views[-1].width == frame.shape[1] and views[-1].height == frame.shape[0]
        LOOKS.labels(EVERYWHERE if whole else NEAR_FACES).inc()
        found: list[Detection] = []
        for view in views:
            found = _merged(found, self._detector.detect(frame, view)[:MAX_FACES])
        return found


def _merged(first: Sequence[Detection], more: Sequence[Detection]) -> list[Detection]:
    """Return all of the first, and what the others add, the largest first."""
    both = [*first, *more]
    kept = [both[place] for place in without_doubles([each.box for each in both], OVERLAP)]
    return largest_first(kept)[:MAX_FACES]
