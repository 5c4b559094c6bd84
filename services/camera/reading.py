"""The thread that reads a source, and the bounded buffer between it and the detector."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from prometheus_client import Counter

from services.camera.silence import Silence
from services.camera.sources import Frame, Source, SourceEnded

DROPPED = Counter("moodring_camera_frames_dropped_total", "Frames that were replaced by newer ones unseen.")

BUFFERED = 8
"""Frames read ahead where none may be lost."""
REFILLED_AT = 4
"""Frames that are left when more are read: threads that wake each other for every frame take longer than to read it."""


class FrameBuffer:
    """Frames between two threads.

    Args:
        keep_all: Whether `put` waits for room; else only the newest frame is kept.
    """

    def __init__(self, *, keep_all: bool) -> None:
        self._keep_all = keep_all
        self._frames: deque[Frame] = deque(maxlen=BUFFERED if keep_all else 1)
        self._changed = threading.Condition()
        self._closed = False

    def put(self, frame: Frame) -> None:
        """Add a frame; it is dropped where the buffer is closed."""
        with self._changed:
            if self._keep_all:
                self._changed.wait_for(lambda: self._closed or len(self._frames) < BUFFERED)
            elif self._frames:
                DROPPED.inc()
            if not self._closed:
                self._frames.append(frame)
                if len(self._frames) == 1:
                    self._changed.notify_all()

    def take(self) -> Frame | None:
        """Wait for a frame and return it; `None` once the buffer is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._frames)
            frame = self._frames.popleft() if self._frames else None
            if len(self._frames) <= REFILLED_AT:
                self._changed.notify_all()
            return frame

    def close(self, *, discard: bool = False) -> None:
        """Let no more frames in, and forget those inside where `discard` says so."""
        with self._changed:
            self._closed = True
            if discard:
                self._frames.clear()
            self._changed.notify_all()


class Reader:
    """Reads one source from opening to closing, all on a thread of its own.

    Args:
        source: Is opened, read and closed on that thread.
        every_s: Time from one frame to the next, for sources that are not live; `None` for as fast as possible.
        clock: Stamps the frames, in seconds since 1970.
        silence: Begins when the source is open, and is broken by every frame.
        opened: Called, on the loop that runs now, when the source is open.
    """

    def __init__(
        self,
        source: Source,
        *,
        every_s: float | None,
        clock: Callable[[], float],
        silence: Silence | None = None,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        self.frames = FrameBuffer(keep_all=every_s is None)
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the source is closed: with its `SourceError` where it failed."""
        self._source = source
        self._every_s = None if source.live else every_s
        self._clock = clock
        self._opened = opened
        self._stopping = threading.Event()
        self._silence = silence or Silence()
        # A daemon, so that a camera that hangs cannot keep the process from ending.
        threading.Thread(target=self._run, name="camera-read", daemon=True).start()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Have the source closed, within a second where it keeps its promises; frames not yet taken are gone."""
        self._stopping.set()
        self.frames.close(discard=True)

    def _run(self) -> None:
        error: Exception | None = None
        try:
            self._read()
        except SourceEnded:
            pass
        except Exception as problem:  # noqa: BLE001 -- it is raised where `finished` is awaited
            error = problem
        self.frames.close()
        self._tell(self._finish, error)

    def _tell(self, call: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self.finished.get_loop().call_soon_threadsafe(call, *arguments)

    def _finish(self, error: Exception | None) -> None:
        if self.finished.done():
            return
        if error is None:
            self.finished.set_result(None)
        else:
            self.finished.set_exception(error)
            self.finished.exception()  # nobody has to ask after a `stop`

    def _read(self) -> None:
        try:
            if not self._stopping.is_set():
                self._source.open()
                self._silence.begin()
                self._tell(self._opened)
            due = time.monotonic()
            while not self._stopping.is_set():
                image = self._source.read()
                if image is not None and not self._stopping.is_set():
                    self._silence.broken()
                    self.frames.put(Frame(image, self._clock(), self._source.scene))
                if self._every_s is not None:
                    due = max(due + self._every_s, time.monotonic() - self._every_s)
                    self._stopping.wait(due - time.monotonic())
        finally:
            self._source.close()
