"""Sources without a camera: a folder of photos, and the synthetic person."""

import logging
from pathlib import Path

from services.camera.sources import SourceEnded, SourceError
from services.camera.still import decode_still
from services.demo.faces import Person
from services.vision.images import PHOTO, BadImageError, Bgr

log = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
PHOTO_S = 2.0
"""How long a photo is shown."""


class Photos:
    """The photos of a folder in the order of their names, each for two seconds; or a single one.

    A photo that cannot be read is skipped with a line in the log, once.
    """

    live = False
    sparse = False

    def __init__(self, path: Path, every_s: float | None, *, loop: bool) -> None:
        self.scene = 0
        self._path = path
        self._times = 1 if every_s is None else max(1, round(PHOTO_S / every_s))
        self._loop = loop
        self._waiting: list[Path] = []
        self._left = 0
        self._photo: Bgr | None = None
        self._bad: set[Path] = set()

    def open(self) -> None:
        """See that there are photos."""
        self._waiting = self._list()
        if not self._waiting:
            raise SourceError(f"There is no JPEG or PNG photo in {self._path} that can be read.")

    def read(self) -> Bgr | None:
        """Return the photo of the moment."""
        if not self._left:
            self._photo, self._left = self._next(), self._times
            self.scene += 1
        self._left -= 1
        return None if self._photo is None else self._photo.copy()

    def close(self) -> None:
        """Forget the photo."""
        self._photo, self._left = None, 0

    def _list(self) -> list[Path]:
        try:
            files = sorted(self._path.iterdir()) if self._path.is_dir() else [self._path]
        except OSError as error:
            raise SourceError(f"The folder {self._path} cannot be read: {error.strerror}.") from error
        return [file for file in files if file.suffix.lower() in SUFFIXES and file.is_file() and file not in self._bad]

    def _next(self) -> Bgr:
        while True:
            if not self._waiting:
                if not self._loop:
                    raise SourceEnded
                self.open()
            file = self._waiting.pop(0)
            try:
                return _photo(file)
            except (BadImageError, OSError) as error:
                log.warning("%s is skipped: %s", file, error)
                self._bad.add(file)


def _photo(file: Path) -> Bgr:
    if file.stat().st_size > PHOTO.max_bytes:
        raise BadImageError(f"the file is larger than {PHOTO.max_bytes:,} bytes")
    return decode_still(file.read_bytes())


class DemoSource:
    """The synthetic person, `every_s` older with each frame."""

    live = False
    sparse = False
    scene = 0

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._person: Person | None = None
        self._frames = 0

    def open(self) -> None:
        """Draw the person; it begins anew."""
        self._person, self._frames = Person(), 0

    def read(self) -> Bgr | None:
        """Return the next frame."""
        if self._person is None:
            raise SourceError("the demo is not open")
        self._frames += 1
        return self._person.frame(self._frames * self._every_s)

    def close(self) -> None:
        """Forget the person."""
        self._person = None
