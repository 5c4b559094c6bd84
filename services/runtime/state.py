"""State that survives a restart: one small JSON file, replaced in one piece."""

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from services.contracts.wrong import first_wrong
from services.runtime.salvage import salvage
from services.runtime.service import SetupError

log = logging.getLogger(__name__)

T = TypeVar("T", bound=BaseModel)

SAID = 20
"""Lost parts that are named in the log."""

Stamp = tuple[int, int] | None
"""What changes whenever a file is replaced, or becomes another's; `None` where there is none."""


class UnreadableStateError(SetupError):
    """A state file is there and may not be read: it is neither empty nor damaged, so nobody may write over it."""


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content in one piece; only its owner may read it, and it is on the disk when this returns.

    Raises:
        OSError: The disk is full or not writable.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_suffix(".new")
    with open(new, "wb", opener=private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def stamp_of(path: Path) -> Stamp:
    """Return a file's stamp.

    Raises:
        OSError: It cannot be looked at.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_ctime_ns


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read: an `opener` for `open`."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)  # one that was left behind may be anybody's to read
    return descriptor


class StateFile(Generic[T]):
    """A file that holds one model. A reader finds the old content or the new, never half of either.

    Args:
        path: Where it is.
        model: What it holds.
        parts: What of it may be missing, such as `rooms.*.mood`: where one is wrong, only that is lost.

    Attributes:
        aside: Where a damaged file is kept as it was, for whoever can mend it, until `replace_aside`.
    """

    def __init__(self, path: Path, model: type[T], parts: Sequence[str] = ()) -> None:
        self._path = path
        self._model = model
        self._parts = parts
        self._saving = Lock()
        self.aside = path.with_suffix(".broken")

    @property
    def stamp(self) -> Stamp:
        """The file's stamp."""
        return stamp_of(self._path)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other processes that claim the file too from changing it in between.

        Raises:
            OSError: The folder is not writable.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_suffix(".claim").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def load(self) -> T | None:
        """Return what was saved, without the parts that are wrong, or `None` where nothing usable is.

        A damaged file is kept aside as `*.broken`.

        Raises:
            UnreadableStateError: The file is there and may not be read.
        """
        try:
            text = self._path.read_bytes()
            value, left_out = salvage(self._model, text, self._parts)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableStateError(
                f"{self._path} cannot be read ({error.strerror}) and is left as it is: make it readable for user "
                f"{os.geteuid()}; `moodring doctor` says what to type"
            ) from error
        except ValidationError as error:
            self._path.replace(self.aside)
            said = "%s was not readable and is now %s; starting afresh: %s"
            log.warning(said, self._path, self.aside, first_wrong(error))
            return None
        if left_out:
            self._set_aside(text, left_out)
        return value

    def _set_aside(self, text: bytes, left_out: Mapping[str, str]) -> None:
        """Keep a copy of what is partly wrong, and say what is lost."""
        self.replace_aside(text)
        lost = [f"{place} ({why})" for place, why in left_out.items()]
        more = f" and {len(lost) - SAID} more" if len(lost) > SAID else ""
        said = "%s was not readable as a whole: left out is %s%s; the rest holds, and the file as it was is kept as %s"
        log.warning(said, self._path, ", ".join(lost[:SAID]), more, self.aside)

    def read_aside(self) -> bytes | None:
        """Return the damaged file that is kept, `None` where there is none.

        Raises:
            OSError: It cannot be read.
        """
        try:
            return self.aside.read_bytes()
        except FileNotFoundError:
            return None

    def replace_aside(self, left: bytes | None) -> None:
        """Replace the damaged file that is kept, by what is left of it, or take it away where nothing is.

        Raises:
            OSError: The disk is full or not writable.
        """
        with self._saving:
            if left is None:
                self.aside.unlink(missing_ok=True)
            else:
                replace_file(self.aside, left)

    def save(self, value: T) -> None:
        """Replace the file's content; it is on the disk when this returns.

        Raises:
            OSError: The disk is full or not writable.
        """
        with self._saving:  # a thread whose awaiter was cancelled goes on
            replace_file(self._path, value.model_dump_json(indent=1).encode())
