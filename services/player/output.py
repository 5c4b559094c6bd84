"""Keeps what sounds the same as the session, on the first backend that is there."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from services.contracts.messages import Track
from services.player import session as sessions
from services.player.backends.base import AwayError, Backend, Capability, Observation, Sound
from services.player.session import Session
from services.player.tracing import Tracing
from services.runtime.health import Health
from services.runtime.logs import Throttle

log = logging.getLogger(__name__)

NOTHING = -1
"""The cue of silence."""


class Output:
    """The backends, in order of preference, and what the one in use was told last.

    Args:
        backends: Where the sound may come from; one at least.
        find: Returns the file of a track, or raises `UnplayableError`; may block.
        health: Hears of backends that are away without that being normal.
        clock: Seconds since the epoch.
        tracing: Of songs that are started.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        *,
        find: Callable[[Track], Path],
        health: Health,
        clock: Callable[[], float],
        tracing: Tracing | None = None,
    ) -> None:
        self._backends = tuple(backends)
        self._find = find
        self._health = health
        self._clock = clock
        self._tracing = tracing or Tracing()
        self._backend: Backend | None = None
        self._there = False
        self._told: Session | None = None
        self._refused = ""
        self._throttle = Throttle()

    @property
    def name(self) -> str:
        """The backend in use, or the last resort."""
        return (self._backend or self._backends[-1]).name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the backend in use can do."""
        return self._backend.capabilities if self._backend else frozenset()

    def holds(self, session: Session) -> bool:
        """Whether what was observed is about the session's present cue."""
        return self._told is not None and self._told.cue == session.cue

    async def observe(self) -> Observation | None:
        """Return what the first backend that is there does; `None` when all are away."""
        for place, backend in enumerate(self._backends, 1):
            try:
                observation = await backend.observe()
            except AwayError as error:
                self._report(backend, str(error))
                continue
            for unasked in self._backends[place:]:  # nor needed, now
                self._report(unasked)
            if backend is not self._backend:
                await self._switch(backend)
            elif self._told and self._told.current and observation.play_id != self._told.current.play_id:
                self._told = None
            self._there = True
            self._report(backend, self._refused)
            return observation
        self._there, self._told, self._refused = False, None, ""
        return None

    async def follow(self, session: Session) -> None:
        """Make the backend in use do what the session says; while none is there, nothing.

        Raises:
            UnplayableError: The current song has no file that may be played.
        """
        if self._backend is None or not self._there:
            return
        try:
            await self._tell(self._backend, session)
            self._refused = ""
        except AwayError as error:
            self._told, self._refused = None, f"{self._backend.name} does not do as it is told: {error}"
            if self._throttle.count(self._backend.name):
                log.warning("%s; it is told again", self._refused)

    async def _switch(self, backend: Backend) -> None:
        """Silence the old backend before the new one is given anything."""
        if self._backend:
            log.info("the sound goes from %s to %s", self._backend.name, backend.name)
            with contextlib.suppress(AwayError):
                await self._backend.stop()
        self._backend, self._told, self._refused = backend, None, ""

    async def _tell(self, backend: Backend, session: Session) -> None:
        told = self._told
        if Capability.VOLUME in backend.capabilities and (told is None or told.volume != session.volume):
            await backend.set_volume(session.volume)
        if session.current is None or session.gave_up:
            if told is None or told.current:
                await backend.stop()
            session = replace(session, current=None, cue=NOTHING)
        elif told is None or told.cue != session.cue:
            with self._tracing.starts(session.current, backend.name):
                path = await asyncio.to_thread(self._find, session.current.track)
                sound = Sound(session.current.play_id, session.current.track, path)
                await backend.load(sound, sessions.position(session, self._clock()), playing=session.playing)
        elif told.playing != session.playing:
            await backend.pause(paused=not session.playing)
        self._told = session

    def _report(self, backend: Backend, problem: str = "") -> None:
        """Say how a backend is; that no page is open is normal where others can play."""
        if backend.name != "browser" or len(self._backends) == 1:
            self._health.report(backend.name, problem)
