"""Imports a folder of music: `mood/artist - title.ext`, or files in any order with tags.

A song's point comes from the first of these that is there: its VALENCE and AROUSAL tags; a folder on the way to it
that is called like a mood (the nearest one); a genre that is a mood, or a known genre. Otherwise it lies at the
origin as a song that is not placed, which ranking tries last.

Everything here blocks: not for an event loop.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from services.contracts.audio import AUDIO_TYPES
from services.contracts.moods import MOOD_POINTS, Point
from services.recommender.imports.tags import Tags, UnreadableError, clean, read_tags
from services.recommender.imports.words import genre_point, mood_of
from services.recommender.songs import FoundSong, PlacedBy
from services.recommender.tables import MAX_URI

log = logging.getLogger(__name__)

MAX_FILES = 200_000


@dataclass(frozen=True)
class AudioFile:
    """A file that may be a song; `stamp` changes with its content."""

    path: Path
    uri: str
    stamp: str


def audio_files(root: Path, unreadable: Callable[[Path], None] = lambda _path: None) -> Iterator[AudioFile]:
    """Walk a folder in the order of names, `MAX_FILES` at most; links and hidden names are passed over.

    Args:
        root: The folder.
        unreadable: Called with every folder and file that cannot be read now; the walk passes over it.

    Raises:
        OSError: The root itself cannot be read.
    """
    os.scandir(root).close()

    def pass_over(error: OSError) -> None:
        log.warning("%s cannot be read: %s; it was skipped", error.filename, error.strerror)
        unreadable(Path(error.filename))

    count = 0
    for folder, folders, names in os.walk(root.resolve(), onerror=pass_over):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            found = _audio_file(Path(folder, name), pass_over)
            if found and count == MAX_FILES:
                log.warning("%s holds more than %d songs; the rest is left out", root, MAX_FILES)
                return
            if found:
                count += 1
                yield found


def read_song(file: AudioFile, root: Path) -> FoundSong:
    """Read one file.

    Raises:
        UnreadableError: It cannot be read as audio.
    """
    tags = read_tags(file.path)
    if tags.problem:
        log.warning("%s: %s", file.path, tags.problem)
    artist, title = _named(file.path.stem)
    point, placed_by, mood = place(file.path.relative_to(root.resolve()), tags)
    return FoundSong(
        uri=file.uri,
        stamp=file.stamp,
        title=tags.title or title or "untitled",
        artist=tags.artist or artist,
        album=tags.album,
        duration_s=tags.duration_s,
        valence=point.valence,
        arousal=point.arousal,
        placed_by=placed_by,
        mood=mood,
    )


def place(path: Path, tags: Tags) -> tuple[Point, PlacedBy, str | None]:
    """Return a song's point, where that comes from, and its mood's name where one is said.

    Args:
        path: The file below the music folder.
        tags: Its tags.
    """
    folder_mood = next((mood for part in reversed(path.parts[:-1]) if (mood := mood_of(part))), None)
    genre_mood = mood_of(tags.genre)
    mood = folder_mood or genre_mood
    if tags.point:
        return tags.point, PlacedBy.TAGS, mood
    if folder_mood:
        return MOOD_POINTS[folder_mood], PlacedBy.FOLDER, mood
    point = MOOD_POINTS[genre_mood] if genre_mood else genre_point(tags.genre)
    return (point, PlacedBy.GENRE, mood) if point else (Point(0, 0), PlacedBy.NOTHING, mood)


def _audio_file(path: Path, pass_over: Callable[[OSError], None]) -> AudioFile | None:
    if path.name.startswith(".") or path.suffix.lower() not in AUDIO_TYPES:
        return None
    try:
        if path.is_symlink() or not path.is_file():
            return None
        status = path.stat()
    except OSError as error:
        pass_over(error)
        return None
    uri = path.as_uri()
    if len(uri) > MAX_URI:
        log.warning("%s: the path is too long for the library (%d characters); it was skipped", path, len(uri))
        return None
    return AudioFile(path, uri, f"{status.st_mtime_ns}-{status.st_size}")


def _named(stem: str) -> tuple[str, str]:
    """Return artist and title of `artist - title`, without a leading track number (`01 - title`, `01. title`)."""
    stem = re.sub(r"^\d{1,3}(\s*[-._]\s+|\.\s*|\s*-\s*)(?=\D)", "", clean(stem))
    artist, separator, title = stem.partition(" - ")
    return (artist.strip(), title.strip()) if separator and title.strip() else ("", stem.strip())


__all__ = ["AudioFile", "UnreadableError", "audio_files", "place", "read_song"]
