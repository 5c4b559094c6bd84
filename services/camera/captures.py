"""Sources on OpenCV's VideoCapture: webcams, network streams, video files."""

import math
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from services.camera.knock import REFUSED, knock
from services.camera.openings import Openings
from services.camera.sources import LOST_AFTER_S, READ_TIMEOUT_S, SourceEnded, SourceError
from services.runtime.settings import redact
from services.vision.images import PHOTO, Bgr
from services.vision.opencv import cv2

OPEN_TIMEOUT_S = 5.0
LEAST_OPEN_TIMEOUT_S = 1.0
"""What FFmpeg has of it, however late a camera answered us."""
LOST_AFTER_READS = 30
"""So is one whose reads fail at once: FFmpeg's do when the other side hung up, or was silent for a whole time-out."""
WEBCAM_SIZE = (640, 480)
"""Enough for faces at 4 m; more only costs."""
DEFAULT_FPS = 25.0
"""For files that do not say."""


def _size(capture: Any) -> tuple[int, int]:
    """Return width and height; FFmpeg has decoded a picture by then."""
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))


class TooLargeError(SourceError):
    """A source shows pictures that would fill the memory."""


def _check_size(size: tuple[int, int], name: object) -> None:
    """Refuse pictures that would fill the memory.

    Raises:
        TooLargeError: They are too large.
    """
    width, height = size
    if width * height > PHOTO.max_pixels:
        raise TooLargeError(f"{name} shows {width}x{height} pixels; at most {PHOTO.max_pixels:,} are looked at.")


@lru_cache(maxsize=64)
def _film_size(path: Path, changed_ns: int, size_bytes: int) -> tuple[int, int]:  # noqa: ARG001 -- they say which film it is
    """Return width and height of a film's pictures, decoding one only once for as long as the file stays as it is."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        return _size(capture)
    finally:
        capture.release()


class _Camera:
    """What webcam and stream share: read at the camera's pace, decode only what is due."""

    live = True
    sparse = False
    scene = 0

    def __init__(self, name: str, every_s: float | None, *, clock: Callable[[], float]) -> None:
        self._name = name
        self._every_s = every_s or 0.0
        self._lost_after_s = max(LOST_AFTER_S, 2 * self._every_s)
        self._clock = clock
        self._capture: Any = None
        self._due = 0.0
        self._seen_at = 0.0
        self._failed = 0

    def _opened(self, capture: Any, problem: str) -> None:
        if not capture.isOpened():
            capture.release()
            raise SourceError(problem)
        try:
            _check_size(_size(capture), self._name)
        except SourceError:
            capture.release()
            raise
        self._capture = capture
        self._due = self._seen_at = self._clock()
        self._failed = 0

    def _next(self, lost: str) -> Bgr | None:
        """Drop what the camera has buffered until a frame is due, so that it is the newest.

        A frame that comes after the time-out is one that FFmpeg's decoder held back, and gives out as nothing follows:
        the camera did not send it.
        """
        began = now = self._clock()
        while now - began < READ_TIMEOUT_S:
            asked = now
            grabbed, now = self._capture.grab(), self._clock()
            if not grabbed or now - asked >= READ_TIMEOUT_S:
                self._failed += 1
                break
            self._failed = 0
            if now >= self._due:
                # Half a frame early is better than a whole one late: cameras do not keep time to the millisecond.
                self._due = max(self._due + self._every_s, now + self._every_s / 2)
                ok, image = self._capture.retrieve()
                if ok:
                    self._seen_at = now
                    return cast("Bgr", image)
                break
        if self._failed >= LOST_AFTER_READS or self._clock() - self._seen_at > self._lost_after_s:
            raise SourceError(lost)
        return None

    def close(self) -> None:
        """Release the device or connection."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class Webcam(_Camera):
    """A camera of this machine, by number or device file."""

    def __init__(self, where: str, every_s: float | None, *, clock: Callable[[], float]) -> None:
        super().__init__(f"The webcam {where}", every_s, clock=clock)
        self._where: int | str = int(where) if where.isdecimal() else where

    def open(self) -> None:
        """Take the device."""
        interface = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
        capture = cv2.VideoCapture(self._where, interface)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, WEBCAM_SIZE[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, WEBCAM_SIZE[1])
        self._opened(capture, f"{self._name} cannot be opened; is it plugged in, and does no other program use it?")

    def read(self) -> Bgr | None:
        """Return the newest frame."""
        return self._next(f"{self._name} sends no more pictures; is it still plugged in?")


class Stream(_Camera):
    """A camera on the network, by RTSP or HTTP."""

    def __init__(
        self, url: str, every_s: float | None, *, clock: Callable[[], float], openings: Openings | None = None
    ) -> None:
        super().__init__(f"The camera {redact(url)}", every_s, clock=clock)
        self._url = url
        self._openings = openings or Openings()

    def open(self) -> None:
        """Connect, within five seconds of one's turn."""
        if problem := self._openings.problem(self._url):
            raise TooLargeError(problem)
        began = time.monotonic()
        try:
            status = knock(self._url, OPEN_TIMEOUT_S)
        except (OSError, ValueError) as error:  # a wrong port or host is a ValueError
            problem = f"{self._name} does not answer; is its address right, and is it switched on?"
            raise SourceError(problem) from error
        left_s = max(LEAST_OPEN_TIMEOUT_S, OPEN_TIMEOUT_S - (time.monotonic() - began))
        timeouts = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(left_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(READ_TIMEOUT_S * 1000),
        ]  # fmt: skip
        refused = f"{self._name} does not let us in; are user and password right?"
        broken = f"{self._name} answers, and shows no pictures that can be read; is its address right?"
        with self._openings.turn(self._url):
            capture = cv2.VideoCapture(self._url, cv2.CAP_FFMPEG, timeouts)
        try:
            self._opened(capture, refused if status in REFUSED else broken)
        except TooLargeError as error:
            self._openings.leave_alone(self._url, str(error))
            raise
        self._openings.well(self._url)

    def read(self) -> Bgr | None:
        """Return the newest frame."""
        return self._next(f"{self._name} sends no more pictures; is it still switched on?")


class VideoFile:
    """A clip or animated GIF, shown in its own time, or every frame of it where `every_s` is `None`."""

    live = False
    sparse = False

    def __init__(self, path: Path, every_s: float | None, *, loop: bool) -> None:
        self.scene = 0
        self._path = path
        self._every_s = every_s
        self._loop = loop
        self._capture: Any = None
        self._fresh = False
        self._step = 1.0
        self._forward = 1.0

    def open(self) -> None:
        """Open the file and see that there is a first frame in it."""
        if not self._path.is_file():
            raise SourceError(f"There is no file, folder or camera {self._path}; check camera.source.")
        file = self._path.stat()
        _check_size(_film_size(self._path, file.st_mtime_ns, file.st_size), self._path)
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened() or not self._capture.grab():
            self.close()
            raise SourceError(f"{self._path} cannot be read as a video; is it one, and is it complete?")
        self._fresh = True
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        fps = fps if math.isfinite(fps) and 0 < fps <= 1000 else DEFAULT_FPS  # noqa: PLR2004 -- beyond it a broken header speaks
        self._step = 1.0 if self._every_s is None else fps * self._every_s

    def read(self) -> Bgr | None:
        """Return the frame that is `every_s` further on; `None` where a slow clip has no new one yet."""
        frames, self._forward = divmod(self._forward, 1)
        self._forward += self._step
        for _ in range(int(frames)):
            self._grab()
        if not frames:
            return None
        ok, image = self._capture.retrieve()
        return image if ok else None

    def _grab(self) -> None:
        if self._fresh:
            self._fresh = False
        elif not self._capture.grab():
            if not self._loop:
                raise SourceEnded
            self.close()
            self.open()
            self._fresh = False
            self.scene += 1

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None
