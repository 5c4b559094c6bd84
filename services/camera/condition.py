"""Whether a camera sees anything: from a few numbers per frame to ok, dark, covered or frozen."""

from dataclasses import dataclass

import numpy as np

from services.contracts.messages import CameraState
from services.vision.images import Bgr, mean_and_deviation
from services.vision.opencv import cv2

HOLD_S = 1.0
"""A new condition must last this long: a lamp that is switched or a hand that passes is none."""
FROZEN_AFTER_S = 5.0
"""A sensor's noise makes two equal frames impossible; this many seconds of them mean that it hangs."""
COVERED_CONTRAST = 5.0
"""Standard deviation in grey steps below which there is nothing to see; a blank wall still has a gradient."""
DARK_BRIGHTNESS = 22.0
"""Grey mean, of 255, below which faces cannot be judged, where even the brightest tenth of the picture is below it."""
LEAVE = 1.25
"""Brightness or contrast must rise to so many times its bound before all is well again: else dusk would flicker."""
_SAMPLE_PX = 8
"""Only every eighth pixel of every eighth row is looked at."""
_PATCHES = (20, 15)
"""Brightness is that of patches, of which there are so many across and down: so that noise is no light."""
_BRIGHTEST_SHARE = 0.1

WORDS = {
    CameraState.OK: "",
    CameraState.DARK: "It is too dark to see a face; switch on a light, or uncover the lens.",
    CameraState.COVERED: "The camera sees only one colour; is its lens covered?",
    CameraState.FROZEN: "The camera sends the same picture over and over; unplug it and plug it in again.",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What a frame looks like as a whole.

    Attributes:
        brightness: Grey mean of the darkest patch of the brightest tenth: black borders make no picture dark.
        contrast: Standard deviation in grey steps.
        fingerprint: Equal for equal frames.
    """

    brightness: float
    contrast: float
    fingerprint: int


def look(frame: Bgr) -> Look:
    """Measure a frame, coarsely."""
    green = np.ascontiguousarray(frame[::_SAMPLE_PX, ::_SAMPLE_PX, 1])
    patches = cv2.resize(green, _PATCHES, interpolation=cv2.INTER_AREA)
    darkest = round((1 - _BRIGHTEST_SHARE) * patches.size)
    brightness = float(np.partition(patches, darkest, axis=None)[darkest])
    return Look(brightness, mean_and_deviation(green)[1], hash(green.tobytes()))


class Condition:
    """The condition of one camera, frame by frame.

    Args:
        live: Whether frames come from a sensor, so that equal ones mean that it hangs.
    """

    def __init__(self, *, live: bool) -> None:
        self.state = CameraState.OK
        self._live = live
        self._since: float | None = None
        self._candidate = CameraState.OK
        self._fingerprint: int | None = None
        self._changed_at = 0.0

    def update(self, frame: Look, at: float, *, face_seen: bool) -> CameraState:
        """Return the condition after a frame taken at `at` (seconds); a face in good light proves that all is well."""
        if frame.fingerprint != self._fingerprint:
            self._fingerprint, self._changed_at = frame.fingerprint, at
        now = self._judge(frame, at, face_seen=face_seen)
        if now is not self._candidate or self._since is None:
            self._candidate, self._since = now, at
        if face_seen or now is CameraState.FROZEN or at - self._since >= HOLD_S:
            self.state = now
        return self.state

    def _judge(self, frame: Look, at: float, *, face_seen: bool) -> CameraState:
        if self._live and at - self._changed_at >= FROZEN_AFTER_S:
            return CameraState.FROZEN
        if face_seen:
            return CameraState.OK
        if frame.brightness < self._bound(DARK_BRIGHTNESS, CameraState.DARK):
            return CameraState.DARK
        covered = frame.contrast < self._bound(COVERED_CONTRAST, CameraState.COVERED)
        return CameraState.COVERED if covered else CameraState.OK

    def _bound(self, bound: float, of: CameraState) -> float:
        return bound * LEAVE if self.state is of else bound
