"""Faces kept as files for some hours, for who looks for a fault and asked for it (`privacy.debug_crops_hours`)."""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from services.contracts.moodring_pb2 import FaceCrops
from services.runtime.state import replace_file

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""Faces of one frame a second are kept, of each camera."""
MAX_FILES = 20_000
"""About 60 MB; the oldest go."""
PURGE_EVERY_S = 60.0


class DebugCrops:
    """The files of all cameras of this process.

    Args:
        folder: Where they lie; it is there only while there are any.
        hours: How long each lives; 0 keeps none, and deletes what an earlier setting kept.
        clock: Seconds since 1970.
    """

    def __init__(self, folder: Path, hours: float, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._hours = hours
        self._clock = clock
        self._due_at: dict[str, float] = {}
        self._writing: set[asyncio.Future[None]] = set()

    @property
    def hours(self) -> float:
        """How long faces are kept."""
        return self._hours

    def keep(self, crops: FaceCrops) -> None:
        """Write the faces of a frame, on a thread, where it is time for it and the last ones are written."""
        now = self._clock()
        if not self._hours or self._writing or now < self._due_at.get(crops.camera, 0):
            return
        self._due_at[crops.camera] = now + EVERY_S
        writing = asyncio.get_running_loop().run_in_executor(None, self._write, crops)
        self._writing.add(writing)
        writing.add_done_callback(self._written)

    async def run(self) -> None:
        """Delete what has lived its hours, until cancelled."""
        if self._hours:
            log.warning("faces are kept as files in %s for %g h (privacy.debug_crops_hours)", self._folder, self._hours)
        while True:
            await asyncio.to_thread(self.purge)
            await asyncio.sleep(PURGE_EVERY_S)

    def purge(self) -> None:
        """Delete what has lived its hours, and the oldest where there are too many."""
        if not self._hours:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        ages = sorted((self._clock() - each.stat().st_mtime, each) for each in self._files())
        for number, (age_s, file) in enumerate(ages):
            if age_s > self._hours * 3600 or number >= MAX_FILES:
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()

    def _files(self) -> Iterable[Path]:
        return self._folder.iterdir() if self._folder.is_dir() else ()

    def _write(self, crops: FaceCrops) -> None:
        for face in crops.faces:
            replace_file(self._folder / f"{crops.frame_id}-{face.track_id}.jpg", face.image.data)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing.discard(writing)
        if not writing.cancelled() and (error := writing.exception()):
            log.warning("faces cannot be kept in %s: %s", self._folder, error)
