"""Finding faces: YuNet where its file is there, the Haar cascade inside OpenCV's wheel where not."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.vision.crops import BOX_HEIGHT, BOX_WIDTH
from services.vision.geometry import Box, Point
from services.vision.images import Bgr
from services.vision.opencv import cv2
from services.vision.views import View

YUNET_FILES = {
    "face_detection_yunet_2023mar.onnx": "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    "face_detection_yunet_2026may.onnx": "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
}
"""The files that are accepted, whatever their name, and their sha256 (the later one has a symbolic input size)."""

LONGEST_SIDE_PX = 960
"""A frame is never searched at more: at 16:9 that takes YuNet about 35 ms."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A face in a frame.

    Attributes:
        box: The face as YuNet frames it, in frame pixels.
        landmarks: Right eye, left eye, nose, right and left corner of the mouth; empty where there are none.
        score: The detector's certainty, 0 to 1.
    """

    box: Box
    landmarks: tuple[Point, ...]
    score: float


class Detector(Protocol):
    """Finds faces. An implementer keeps no frame, and need not be safe to call from two threads at once."""

    @property
    def name(self) -> str:
        """What it is called in states and logs."""
        ...

    @property
    def smallest_px(self) -> int:
        """Width of the smallest face that it finds reliably, in pixels of what it looks at."""
        ...

    @property
    def clear_px(self) -> int:
        """Width from which more pixels do not help it."""
        ...

    def detect(self, frame: Bgr, view: View | None = None) -> list[Detection]:
        """Return the faces of a frame, the largest first, and be they more than are read (`channels.MAX_FACES`).

        Args:
            frame: The whole frame.
            view: The part of it to look at, and how; by default all, as large as the smallest face asked for needs.
        """
        ...


class DetectorError(Exception):
    """A detector's file cannot be used; the text is one line that says what to do."""


class YuNet:
    """OpenCV Zoo's YuNet (Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023)."""

    name = "yunet"
    smallest_px = 12
    """Its training began at about 10."""
    clear_px = 24
    _LEAST_INPUT_PX = 64
    """OpenCV 4.14 reads memory that it never wrote where an input is 32 pixels or smaller."""
    _MIN_SCORE = 0.6
    _OVERLAP = 0.3
    _CANDIDATES = 1000
    """Of them the surest are looked at; each face is found as several, which are made one only then."""
    _SIZES = 3
    """Input sizes that are kept ready: a change of size costs as much as a small search."""

    def __init__(self, file: Path, *, min_face_px: int) -> None:
        self._data = np.frombuffer(file.read_bytes(), np.uint8)
        self._networks: dict[tuple[int, int], cv2.FaceDetectorYN] = {}
        self._network((320, 240))
        self._finest = self.smallest_px / min_face_px

    def detect(self, frame: Bgr, view: View | None = None) -> list[Detection]:
        """Return the faces of a frame, the largest first."""
        image, scale, left, top = looked_at(frame, view, self._finest)
        missing = [max(0, self._LEAST_INPUT_PX - side) for side in image.shape[:2]]
        if any(missing):
            image = cv2.copyMakeBorder(image, 0, missing[0], 0, missing[1], cv2.BORDER_CONSTANT)
        _, rows = self._network((image.shape[1], image.shape[0])).detect(image)
        return largest_first([] if rows is None else [self._detection(row, 1 / scale, left, top) for row in rows])

    def _network(self, size: tuple[int, int]) -> cv2.FaceDetectorYN:
        """Return a network that takes this size, the one that was used longest ago where there are too many."""
        network = self._networks.pop(size, None)
        if network is None and len(self._networks) < self._SIZES:
            network = cv2.FaceDetectorYN.create(
                "onnx", self._data, np.empty(0, np.uint8), size, self._MIN_SCORE, self._OVERLAP, self._CANDIDATES
            )
        elif network is None:
            network = self._networks.pop(next(iter(self._networks)))
            network.setInputSize(size)
        self._networks[size] = network
        return network

    @staticmethod
    def _detection(row: NDArray[np.float32], factor: float, left: int, top: int) -> Detection:
        """Read a row: x, y, width, height, five landmarks, score."""
        x, y, width, height, *points = (row[:14] * factor).tolist()
        landmarks = tuple(Point(left + points[at], top + points[at + 1]) for at in range(0, 10, 2))
        return Detection(Box(left + x, top + y, width, height), landmarks, min(1.0, float(row[14])))


class Haar:
    """The frontal-face cascade of Viola and Jones (2001), in R. Lienhart's training `alt2`.

    FER2013 was cropped by such a detector, so its square is FER2013's frame; it is turned into YuNet's box.
    It finds only faces that look at the camera.
    """

    name = "haar"
    smallest_px = 20
    clear_px = 45
    _WINDOW_PX = 24
    """The cascade's own window has 20 pixels; the first step up halves the time."""
    _MIN_SCORE = 0.5
    _LOWER_BY = 0.025
    """How far the middle of YuNet's box lies below the square's, in squares: the mean over our test clips."""

    def __init__(self, *, min_face_px: int) -> None:
        self._cascade = cv2.CascadeClassifier(
            str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml")
        )
        self._finest = self.smallest_px / min_face_px

    def detect(self, frame: Bgr, view: View | None = None) -> list[Detection]:
        """Return the faces of a frame, the largest first."""
        image, scale, left, top = looked_at(frame, view, self._finest)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        squares, _, weights = self._cascade.detectMultiScale3(
            grey, 1.1, 4, minSize=(self._WINDOW_PX, self._WINDOW_PX), outputRejectLevels=True
        )
        found = [self._detection(*each, 1 / scale, left, top) for each in zip(squares, weights, strict=True)]
        return largest_first([each for each in found if each.score >= self._MIN_SCORE])

    def _detection(self, square: NDArray[np.int32], weight: float, factor: float, left: int, top: int) -> Detection:
        x, y, width, height = map(float, square)
        box = Box(x, y + self._LOWER_BY * height, width, height).grown(BOX_WIDTH, BOX_HEIGHT).scaled(factor)
        box = box._replace(x=box.x + left, y=box.y + top)
        # The last stage's sum: about 55 where it is wrong as often as not, 57.5 for the clearest faces of our clips.
        return Detection(box, (), float(np.clip(0.5 + (weight - 55) / 5, 0, 1)))


def open_detector(yunet: Path | None, *, min_face_px: int) -> Detector:
    """Open YuNet where its file is given (see `find_yunet`), else the Haar cascade.

    Args:
        yunet: YuNet's file.
        min_face_px: Width of the smallest face to be found; it decides how far a frame may be reduced.
    """
    return Haar(min_face_px=min_face_px) if yunet is None else YuNet(yunet, min_face_px=min_face_px)


def find_yunet(kind: str, named: Path | None, folder: Path) -> Path | None:
    """Return YuNet's file for a kind of detector: the one that is named, else one in `folder`, else `None`.

    Raises:
        DetectorError: The file is needed and not there, or is not the one we know.
    """
    if kind == "haar":
        return None
    if named is not None and not named.is_file():
        raise DetectorError(f"yunet: there is no file {named}; unset it or fetch one with `make models`")
    found = named or next(iter(sorted(folder.glob("face_detection_yunet*.onnx"), reverse=True)), None)
    if found is not None and not is_yunet(found.read_bytes()):
        raise DetectorError(
            f"{found} is not YuNet as published (its sha256 is another); delete it and run `make models`"
        )
    if found is None and kind == "yunet":
        raise DetectorError("YuNet's file is not there; fetch it with `make models`, or set yunet")
    return found


def is_yunet(data: bytes) -> bool:
    """Say whether these bytes are one of the files that are accepted."""
    return hashlib.sha256(data).hexdigest() in YUNET_FILES.values()


def looked_at(frame: Bgr, view: View | None, finest: float) -> tuple[Bgr, float, int, int]:
    """Return the pixels that a detector looks at, their scale, and the frame's pixel at their upper left corner.

    Args:
        frame: The frame.
        view: The part of it; `None` for all, shrunk by the factor `finest`, or further down to the longest side that
            is searched.
        finest: 1 for as it is.
    """
    if view is not None:
        return view.of(frame), 1 / view.shrink, view.left, view.top
    return *reduced(frame, finest), 0, 0


def reduced(frame: Bgr, finest: float) -> tuple[Bgr, float]:
    """Shrink a frame by the factor `finest`, or further down to the longest side that is searched."""
    height, width = frame.shape[:2]
    scale = min(1.0, finest, LONGEST_SIDE_PX / max(height, width))
    if scale == 1:
        return frame, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: Bgr = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return small, scale


def largest_first(found: Iterable[Detection]) -> list[Detection]:
    """Return faces in the order of their size."""
    return sorted(found, key=lambda each: each.box.area, reverse=True)
