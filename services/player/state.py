"""What of the player survives a restart."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from services.player import session as sessions
from services.player.session import Session
from services.runtime.health import Health
from services.runtime.state import StateFile

SAVE_EVERY_S = 5.0
PARTS = ("session.current", "session.queue.*", "session.recent.*")
"""What of `SavedPlayer` may be lost alone."""


class SavedPlayer(BaseModel):
    """The content of the state file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: Session


class Keeper:
    """Keeps the session in `state/player.json` below the data directory."""

    def __init__(self, data: Path, health: Health, clock: Callable[[], float]) -> None:
        self._file = StateFile(data / "state" / "player.json", SavedPlayer, PARTS)
        self._health = health
        self._clock = clock
        self._saved: Session | None = None
        self._lock = threading.Lock()
        self._changed = asyncio.Event()

    def load(self) -> Session:
        """Return the saved session as it goes on, or a new one."""
        saved = self._file.load()
        return sessions.restored(saved.session if saved else Session(), self._clock())

    def changed(self) -> None:
        """Have the session saved soon."""
        self._changed.set()

    async def run(self, session: Callable[[], Session]) -> None:
        """Save the session after every change, and its position every few seconds, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SAVE_EVERY_S):
                    await self._changed.wait()
            self._changed.clear()
            # Told here, not in the thread: who listens to the health belongs to this loop.
            self._health.report("state", await asyncio.to_thread(self._save, session()))

    def save(self, session: Session) -> None:
        """Save a session now; a disk that refuses is reported, not raised."""
        self._health.report("state", self._save(session))

    def _save(self, session: Session) -> str:
        """Save a session that differs from the last one; return why the disk refuses, or nothing."""
        with self._lock:
            now_held = replace(sessions.anchored(session, self._clock()), at=0)
            if now_held == self._saved:
                return ""
            try:
                self._file.save(SavedPlayer(session=now_held))
            except OSError as error:
                return f"the player's state cannot be saved: {error.strerror}; is the disk full?"
            self._saved = now_held
            return ""
