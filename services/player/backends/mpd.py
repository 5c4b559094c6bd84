"""Plays with a Music Player Daemon, wherever it runs; its queue is ours to fill and clear."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from services.player.backends.base import BACKOFF_S, AwayError, Capability, Observation, Sound
from services.player.backends.mpd_link import NO_EXIST, MpdError, MpdLink
from services.runtime.backoff import Backoff
from services.runtime.service import SetupError
from services.runtime.settings import redact

log = logging.getLogger(__name__)

PORT = 6600
FAREWELL_S = 1.0
UPDATE_S = 5.0
"""How long MPD may take to look at one file that it did not know."""
UPDATE_POLL_S = 0.1
PLAY_ONE = (("clear",), ("repeat", "0"), ("random", "0"), ("single", "0"), ("consume", "0"))


class Place(NamedTuple):
    """Where MPD listens, and the password that it asks for, if any."""

    host: str
    port: int
    password: str | None


class MpdBackend:
    """Holds the connection.

    Args:
        url: `mpd://[password@]host[:port]`.
        roots: What may be MPD's `music_directory`, as this process sees it: songs are named relative to it.

    Raises:
        SetupError: The URL is none.
    """

    name = "mpd"

    def __init__(self, url: str, roots: Iterable[Path]) -> None:
        self._place = place_of(url)
        self._roots = tuple(roots)
        self._link: MpdLink | None = None
        self._lost = asyncio.Event()
        self._why = f"MPD at {self._place.host} port {self._place.port} was not reached yet"
        self._mixer = False
        self._observation = Observation()
        self._song = ""
        self._waits_at: float | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Volume, where MPD has a mixer."""
        return frozenset({Capability.VOLUME} if self._mixer else ())

    async def run(self, wake: Callable[[], None]) -> None:
        """Connect, and connect again whenever the connection breaks."""
        backoff = Backoff(*BACKOFF_S)
        while True:
            try:
                link = await MpdLink.open(*self._place)
            except (OSError, MpdError) as error:
                self._why = f"cannot reach MPD at {self._place.host} port {self._place.port}: {error}"
            else:
                backoff.reset()
                await self._hold(link, wake)
            wake()
            await asyncio.sleep(backoff.next_s())

    async def load(self, sound: Sound, position_s: float, *, playing: bool) -> None:
        """Make the song MPD's whole queue."""
        self._observation = Observation(sound.play_id, position_s)
        self._waits_at = position_s
        await self._ask(*PLAY_ONE)
        try:
            self._song = await self._add(sound.path)
        except MpdError as error:
            self._observation = Observation(sound.play_id, error=f"MPD cannot play {sound.name}: {error}")
            return
        if playing:
            await self.pause(paused=False)

    async def pause(self, *, paused: bool) -> None:
        """Set MPD's pause; a song that waits at its position starts there."""
        if self._waits_at is None:
            await self._ask(("pause", "1" if paused else "0"))
        elif not paused:
            start = ("seekid", self._song, f"{self._waits_at:.3f}")
            self._waits_at = None
            try:
                await self._ask(start)
            except MpdError as error:
                self._observation = replace(self._observation, error=f"MPD: {error}")

    async def set_volume(self, volume: int) -> None:
        """Set the volume of MPD's mixer."""
        try:
            await self._ask(("setvol", str(volume)))
        except MpdError as error:
            log.warning("MPD did not set the volume: %s", error)

    async def stop(self) -> None:
        """Clear MPD's queue."""
        self._observation, self._waits_at = Observation(), None
        await self._ask(("clear",))

    async def observe(self) -> Observation:
        """Ask MPD for its status."""
        status = await self._ask(("status",))
        self._mixer = "volume" in status
        seen = self._observation
        if seen.play_id is None or seen.error or self._waits_at is not None:
            return seen
        if status["state"] != "stop":
            ours = status.get("songid") == self._song
            return replace(seen, position_s=float(status.get("elapsed", 0))) if ours else Observation()
        error = status.get("error", "")
        return replace(seen, position_s=None, ended=not error, error=error and f"MPD: {error}")

    async def _hold(self, link: MpdLink, wake: Callable[[], None]) -> None:
        """Let the connection be used until it breaks; MPD falls silent when we end."""
        self._observation, self._waits_at = Observation(), None
        self._link = link
        self._lost.clear()
        log.info("MPD at %s port %d is there", self._place.host, self._place.port)
        wake()
        try:
            await self._lost.wait()
        finally:
            self._link = None
            await link.close()
            if not self._lost.is_set():
                await self._silence()

    async def _silence(self) -> None:
        """Stop MPD over a connection of its own: the other one may have been left in the middle of an answer."""
        with contextlib.suppress(OSError, MpdError):
            async with asyncio.timeout(FAREWELL_S):
                link = await MpdLink.open(*self._place)
                await link.ask(("stop",))
                await link.close()

    async def _ask(self, *commands: tuple[str, ...]) -> dict[str, str]:
        if self._link is None:
            raise AwayError(self._why)
        try:
            return await self._link.ask(*commands)
        except OSError as error:
            self._why = f"MPD at {self._place.host} port {self._place.port} is gone: {str(error) or 'no answer'}"
            self._link = None
            self._lost.set()
            log.warning("%s; the music goes on when it is back", self._why)
            raise AwayError(self._why) from error

    async def _add(self, path: Path) -> str:
        """Add a song, which MPD may have to look for first; return MPD's id of it."""
        uri = self._uri(path)
        try:
            return (await self._ask(("addid", uri)))["Id"]
        except MpdError as error:
            if error.code != NO_EXIST:
                raise
        await self._ask(("update", uri))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UPDATE_S):
                while "updating_db" in await self._ask(("status",)):  # noqa: ASYNC110 - MPD tells only who idles
                    await asyncio.sleep(UPDATE_POLL_S)
        try:
            return (await self._ask(("addid", uri)))["Id"]
        except MpdError as error:
            raise MpdError(
                error.code, f"{error}; its music_directory has no {uri} (setting player.mpd_music)"
            ) from error

    def _uri(self, path: Path) -> str:
        for root in self._roots:
            if path.is_relative_to(root.resolve()):
                return path.relative_to(root.resolve()).as_posix()
        raise MpdError(NO_EXIST, "it lies outside MPD's music_directory (setting player.mpd_music)")


def place_of(url: str) -> Place:
    """Return where an `mpd:` URL leads.

    Raises:
        SetupError: It is none.
    """
    shown = "it"
    try:
        shown, parts = redact(url), urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        parts, port = urlsplit(""), PORT
    if not parts.hostname:
        raise SetupError(f"the setting player.backend is wrong: {shown} is not mpd://[password@]host[:port]")
    return Place(parts.hostname, port, unquote(parts.username) if parts.username else None)
