"""From a track's address to the file that may be played."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from services.contracts.audio import AUDIO_TYPES
from services.contracts.messages import Track


class UnplayableError(Exception):
    """A song that cannot be played; the text says which and why."""


def resolve(track: Track, roots: Iterable[Path]) -> Path:
    """Return the real path of a track's file.

    Raises:
        UnplayableError: The address is no `file:` address, the file is missing, is no sound file, or lies
            outside the `roots` (also by a symbolic link).
    """
    parts = urlsplit(track.uri)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        raise UnplayableError(f"{track.title}: {track.uri} is not the address of a file on this machine")
    name = unquote(parts.path)
    try:
        # A file's name is bytes, and those need not be UTF-8; `name` is for people only.
        path = Path(os.fsdecode(unquote_to_bytes(parts.path))).resolve(strict=True)
    except (OSError, ValueError) as error:
        raise UnplayableError(f"{track.title}: {name} is missing; import the music folder again") from error
    if not any(path.is_relative_to(root.resolve()) for root in roots):
        raise UnplayableError(f"{track.title}: {name} lies outside the music folder and is not played")
    if path.suffix.lower() not in AUDIO_TYPES or not path.is_file():
        raise UnplayableError(f"{track.title}: {name} is not a sound file")
    return path


class Music:
    """The folders whose files may be played."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self._roots = tuple(roots)

    def find(self, track: Track) -> Path:
        """Return a track's file; see `resolve`."""
        return resolve(track, self._roots)

    def has(self, track: Track) -> bool:
        """Whether a track has a file that may be played."""
        try:
            self.find(track)
        except UnplayableError:
            return False
        return True


def media_type(path: Path) -> str:
    """Return the MIME type of a sound file."""
    return AUDIO_TYPES.get(path.suffix.lower(), "application/octet-stream")
