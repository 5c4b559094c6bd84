"""From a track's address to the file that may be played."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from services.contracts.messages import Track

MEDIA_TYPES = {
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mka": "audio/x-matroska",
    ".mp3": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".webm": "audio/webm",
    ".wma": "audio/x-ms-wma",
}
"""MIME types of sound files (IANA's, or the usual ones); the platform's own table lacks some of them."""


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
        path = Path(name).resolve(strict=True)
    except (OSError, ValueError) as error:
        raise UnplayableError(f"{track.title}: {name} is missing; import the music folder again") from error
    if not any(path.is_relative_to(root.resolve()) for root in roots):
        raise UnplayableError(f"{track.title}: {name} lies outside the music folder and is not played")
    if path.suffix.lower() not in MEDIA_TYPES or not path.is_file():
        raise UnplayableError(f"{track.title}: {name} is not a sound file")
    return path


def media_type(path: Path) -> str:
    """Return the MIME type of a sound file."""
    return MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
