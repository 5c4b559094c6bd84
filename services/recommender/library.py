"""What can be played, held in memory: loaded when the database is there, renewed by every change and scan."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from prometheus_client import Gauge

from services.contracts.messages import Message
from services.recommender.database import Database, DatabaseAwayError
from services.recommender.imports.scan import ScanReport, VanishedError, scan_folder
from services.recommender.playlists import PlaylistStore, SqlPlaylistStore
from services.recommender.ranking import Candidate
from services.recommender.room import Shelf
from services.recommender.songs import SongInfo, SongStore, SqlSongStore, candidate
from services.runtime.backoff import Backoff
from services.runtime.health import Health
from services.runtime.logs import Throttle

log = logging.getLogger(__name__)

BACKOFF_S = (0.5, 30.0)
CHECK_S = 15.0
"""A database that nobody needs is asked this often whether it is there."""
RESCAN_S = 3 * 3600.0
"""The folder is looked at this often: what is copied into it now and then needs no word to us."""
PASSED_OVER_S = 300.0
"""A folder with parts that could not be read is looked at this often."""
EMPTY_S = 10.0
"""A folder without songs is looked at this often: the first ones may just be on their way."""

SONGS = Gauge("moodring_recommender_songs", "Songs that can be chosen.")


class ScanStatus(Message):
    """Whether the music folder is being scanned, and what the last scan found."""

    running: bool
    last: ScanReport | None


class Library:
    """The shelf, and what keeps it current.

    Args:
        database: The database.
        folder: The music folder.
        health: Told of the parts `songs` and `music`.
        clock: Seconds since 1970.
    """

    def __init__(self, database: Database, folder: Path, health: Health, clock: Callable[[], float]) -> None:
        self.songs: SongStore = SqlSongStore(database)
        self.playlists: PlaylistStore = SqlPlaylistStore(database)
        self.editing = asyncio.Lock()
        """Held while a playlist is read, changed and written back."""
        self.shelf = Shelf()
        self._shelving = asyncio.Lock()
        self._database = database
        self._folder = folder
        self._health = health
        self._clock = clock
        self._scanning = False
        self._last_scan: ScanReport | None = None
        self._scan_wanted = asyncio.Event()
        self._throttle = Throttle()

    @property
    def scan_status(self) -> ScanStatus:
        """How scanning goes; one that was asked for counts as running."""
        return ScanStatus(running=self._scanning or self._scan_wanted.is_set(), last=self._last_scan)

    def scan(self) -> None:
        """Have the music folder scanned, soon."""
        self._scan_wanted.set()

    async def load(self) -> None:
        """Read songs and pinned playlists again.

        Raises:
            DatabaseAwayError: The shelf stays as it is.
        """
        async with self._shelving:
            songs, pinned = self._within(await self.songs.candidates()), await self.playlists.pinned()
            self.shelf = Shelf(
                songs,
                {one.mood: dataclasses.replace(one, songs=self._within(one.songs)) for one in pinned},
            )
        SONGS.set(len(songs))
        problem = f"there are no songs yet: put music into {self._folder}, or set MOODRING_MUSIC to your folder"
        self._health.report("songs", "" if songs else problem)

    def _within(self, songs: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """Return the songs of the music folder: until a scan has ended, the library still holds those of another."""
        folder = f"{self._folder.absolute().as_uri()}/"
        return tuple(song for song in songs if song.uri.startswith(folder))

    async def replace(self, song: SongInfo) -> None:
        """Have a song as it was changed, wherever it stands, without reading the library again."""
        new = candidate(song)

        def renewed(songs: Sequence[Candidate]) -> tuple[Candidate, ...]:
            return tuple(new if one.id == new.id else one for one in songs)

        async with self._shelving:  # a load that runs may have read the song before it was changed
            pinned = {
                mood: dataclasses.replace(one, songs=renewed(one.songs)) for mood, one in self.shelf.pinned.items()
            }
            self.shelf = Shelf(renewed(self.shelf.songs), pinned)

    async def keep_database(self, opened: Callable[[], Awaitable[None]]) -> None:
        """Connect, and connect again whenever the database went away; never returns.

        Args:
            opened: Awaited after every connect.
        """
        backoff = Backoff(*BACKOFF_S)
        while True:
            try:
                await self._database.connect()
                await opened()
                backoff.reset()
                await self._until_gone()
            except DatabaseAwayError as error:
                if count := self._throttle.count("database"):
                    log.warning("%s (%d tries since the last such line); trying again", error, count)
            await asyncio.sleep(backoff.next_s())

    async def keep_scanned(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Scan the music folder at the start, now and then, and whenever `scan` asks for it; never returns.

        Args:
            changed: Awaited when there are other songs, during a long scan and after every one.
        """
        while True:
            await self._database.available.wait()
            self._scan_wanted.clear()
            again_s = await self._scan(changed)
            try:
                async with asyncio.timeout(again_s):
                    await self._scan_wanted.wait()
            except TimeoutError:
                continue

    async def _scan(self, changed: Callable[[], Awaitable[None]]) -> float:
        """Scan once; return after how many seconds to do it again unasked."""
        self._scanning = True
        try:
            self._last_scan = await scan_folder(self._folder, self.songs, self._clock, changed)
            self._health.report("music")
            await changed()
        except OSError as error:
            self._health.report("music", f"the music folder {self._folder} cannot be read: {error.strerror}")
            return EMPTY_S
        except VanishedError as error:
            self._health.report("music", str(error))
            return EMPTY_S
        except DatabaseAwayError:
            return BACKOFF_S[0]
        finally:
            self._scanning = False
        if not self._last_scan.files:
            return EMPTY_S
        return PASSED_OVER_S if self._last_scan.passed_over else RESCAN_S

    async def _until_gone(self) -> None:
        while not self._database.gone.is_set():
            try:
                async with asyncio.timeout(CHECK_S):
                    await self._database.gone.wait()
            except TimeoutError:
                await self._database.connect()
