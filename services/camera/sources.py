"""Where frames come from: the port, and the choice of an adapter by the settings."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from services.camera.inbox import Inbox
from services.camera.openings import Openings
from services.contracts.messages import BROWSER
from services.runtime.service import SetupError
from services.runtime.settings import Camera, redact
from services.vision.images import Bgr

READ_TIMEOUT_S = 1.0
"""`read` returns at least this often, so that privacy closes the device within about a second."""

LOST_AFTER_S = 4.0
"""A camera without a frame for so long is lost; some webcams need two or three seconds for their first."""


class SourceError(Exception):
    """A source cannot be opened or is lost; the text is one line for people, without any password."""


class SourceEnded(Exception):  # noqa: N818 -- nothing went wrong
    """A file or folder that is not repeated has no more frames."""


class Source(Protocol):
    """Frames, one after another. All calls of one open source come from one thread; it may be opened again.

    An implementer keeps these promises (`tests/integration/test_camera_sources.py` checks them).
    """

    @property
    def live(self) -> bool:
        """Whether frames come in their own time, so that an old one is worthless; others wait to be read."""
        ...

    @property
    def sparse(self) -> bool:
        """Whether frames come only while there is somebody to see, so that none means nobody."""
        ...

    @property
    def scene(self) -> int:
        """Number of the scene that the last frame is of: nobody of another is missed in it. A camera has one."""
        ...

    def open(self) -> None:
        """Take the device or file.

        Raises:
            SourceError: It is not there or cannot be read; nothing stays open.
        """
        ...

    def read(self) -> Bgr | None:
        """Return the next frame, the caller's to keep; `None` where none came within a second.

        Raises:
            SourceEnded: There are no more.
            SourceError: The source is lost.
        """
        ...

    def close(self) -> None:
        """Give back everything that was taken; closing twice is allowed."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, when it was read, in seconds since 1970, and the number of its scene."""

    image: Bgr
    captured_at: float
    scene: int = 0


def open_source(
    settings: Camera,
    *,
    inbox: Inbox[Bgr] | None = None,
    openings: Openings | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Source:
    """Choose the adapter for `settings.source`; nothing is opened yet.

    Args:
        settings: Those of the camera.
        inbox: Where pictures arrive that are sent to it.
        openings: What streams share; nothing without it.
        clock: Seconds, from any beginning.

    Raises:
        SetupError: No adapter takes such an address.
    """
    where = settings.source
    every_s = None if settings.as_fast_as_possible else 1 / settings.fps
    if where == "demo":
        from services.camera.pictures import DemoSource

        return DemoSource(1 / settings.fps)
    if where == BROWSER:
        from services.camera.sent import Sent

        return Sent(inbox or Inbox(), clock=clock)
    from services.camera import captures, pictures

    if where.isdecimal() or where.startswith("/dev/video"):
        return captures.Webcam(where, every_s, clock=clock)
    if "://" in where:
        return _on_the_network(where, every_s, openings, clock)
    path = Path(where).expanduser()
    if path.is_dir() or path.suffix.lower() in pictures.SUFFIXES:
        return pictures.Photos(path, every_s, loop=settings.loop)
    return captures.VideoFile(path, every_s, loop=settings.loop)


def _on_the_network(where: str, every_s: float | None, openings: Openings | None, clock: Callable[[], float]) -> Source:
    match where.partition("://")[0].lower():
        case "rtsp" | "rtsps" | "http" | "https":
            from services.camera.captures import Stream

            return Stream(where, every_s, clock=clock, openings=openings)
        case "frigate" | "frigates":
            from services.camera.frigate import Frigate

            return Frigate(where)
    raise SetupError(
        f"camera.source: {redact(where)} is not supported; use demo, a webcam's number, a file, a folder, rtsp://…, "
        "http://…, browser or frigate://broker/camera"
    )


class ScriptedSource:
    """A camera that does what a test or a rehearsal tells it: each step is a frame or an error.

    After the last step it is silent, as a camera that sees nothing new. Its counts may be read from any thread.

    Args:
        steps: What comes, over all openings; a `SourceError` before the first frame fails the opening.
        live: Whether it passes for a camera rather than for a file.
        sparse: Whether it passes for one that is silent while nobody is there.
    """

    def __init__(self, steps: Sequence[Bgr | Exception], *, live: bool = False, sparse: bool = False) -> None:
        self.live = live
        self.sparse = sparse
        self.scene = 0
        self.is_open = False
        self.opened = 0
        self._steps = list(steps)
        self._lock = threading.Condition()

    def show(self, *steps: Bgr | Exception) -> None:
        """Add steps."""
        with self._lock:
            self._steps.extend(steps)
            self._lock.notify()

    def open(self) -> None:
        """Count the opening, or fail it where an error is next."""
        with self._lock:
            self.opened += 1
            if self._steps and isinstance(self._steps[0], Exception):
                raise self._steps.pop(0)  # type: ignore[misc]
            self.is_open = True

    def read(self) -> Bgr | None:
        """Return the next frame or raise the next error."""
        with self._lock:
            if not self._steps:
                self._lock.wait(0.05)
            if not self._steps:
                return None
            step = self._steps.pop(0)
        if isinstance(step, np.ndarray):
            return step
        raise step

    def close(self) -> None:
        """Note the closing."""
        self.is_open = False
