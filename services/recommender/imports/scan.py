"""One scan of a music folder into the library: what is new or changed is read, what vanished is marked missing."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import Counter

from services.contracts.messages import Message
from services.recommender.imports.folder import AudioFile, UnreadableError, audio_files, read_song
from services.recommender.songs import FoundSong, SongStore

log = logging.getLogger(__name__)

SOURCE = "folder"
CHUNK = 100
"""Files read in one go of the thread; also how often a scan can be stopped."""

UNREADABLE = Counter("moodring_recommender_unreadable_files_total", "Files that could not be read as audio.")


class VanishedError(Exception):
    """A folder without a file, of which songs are known: most likely a disk or share that is not mounted."""


class ScanReport(Message):
    """What a scan found."""

    folder: str
    files: int = 0
    read: int = 0
    """Files that were new or changed and are in the library now."""
    missing: int = 0
    unreadable: int = 0
    passed_over: int = 0
    """Folders and files that could not be looked at; their songs stay as they were."""


async def scan_folder(
    root: Path, store: SongStore, clock: Callable[[], float], stored: Callable[[], Awaitable[None]]
) -> ScanReport:
    """Bring the library in line with a folder.

    Files are read in no order, so that the first hundred of a large library are of all moods already.

    Args:
        root: The folder.
        store: The library.
        clock: Seconds since 1970.
        stored: Awaited when the songs read so far have doubled: music need not wait for the last one.

    Raises:
        OSError: The folder is not there or may not be read; the library stays as it is.
        VanishedError: Everything in it is gone at once; the library stays as it is.
        DatabaseAwayError: The database went away; a later scan goes on where this one stopped.
    """
    known = await store.stamps(SOURCE)
    passed_over: list[Path] = []
    place, files = await asyncio.to_thread(lambda: (root.resolve(), list(audio_files(root, passed_over.append))))
    here = sum(_below(uri, [place]) for uri in known)
    if here and not files:
        raise VanishedError(
            f"none of the {here} songs in {root} is there: is its disk mounted? They are kept until one is"
        )
    missing = sorted(uri for uri in known.keys() - {file.uri for file in files} if not _below(uri, passed_over))
    await store.mark_missing(SOURCE, missing)
    changed = [file for file in files if known.get(file.uri) != file.stamp]
    random.Random(0).shuffle(changed)  # noqa: S311 - any order will do
    read = 0
    unreadable: set[str] = set()
    for number, chunk in enumerate(_chunks(changed), 1):
        songs, damaged = await asyncio.to_thread(_read_chunk, chunk, root)
        await store.put(SOURCE, songs, datetime.fromtimestamp(clock(), UTC))
        read += len(songs)
        unreadable |= damaged
        if number.bit_count() == 1:
            log.info("%s: %d of %d new or changed files read", root, read + len(unreadable), len(changed))
            await stored()
    await store.mark_missing(SOURCE, sorted(unreadable))
    gone, bad = len(missing), len(unreadable)
    log.info("%s: %d files, %d read, %d vanished, %d unreadable", root, len(files), read, gone, bad)
    return ScanReport(
        folder=str(root), files=len(files), read=read, missing=gone, unreadable=bad, passed_over=len(passed_over)
    )


def _below(uri: str, places: list[Path]) -> bool:
    return any(f"{uri}/".startswith(f"{place.as_uri()}/") for place in places)


def _chunks(files: list[AudioFile]) -> list[list[AudioFile]]:
    return [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]


def _read_chunk(files: list[AudioFile], root: Path) -> tuple[list[FoundSong], set[str]]:
    songs, unreadable = [], set()
    for file in files:
        try:
            songs.append(read_song(file, root))
        except UnreadableError as error:
            unreadable.add(file.uri)
            UNREADABLE.inc()
            log.warning("%s cannot be read as audio (%s); it was skipped", file.path, error)
    return songs, unreadable
