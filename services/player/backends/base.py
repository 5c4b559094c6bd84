"""The port behind which everything that makes sound lies."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

from services.contracts.messages import Track

BACKOFF_S = (0.5, 30.0)
"""First and longest wait before what broke is brought back."""


class Capability(StrEnum):
    """What only some backends can do."""

    VOLUME = "volume"
    """Change how loud it plays."""


class AwayError(Exception):
    """The backend is not there now; the text says what is wrong and, where one can, what to do."""


@dataclass(frozen=True)
class Sound:
    """A song as a backend needs it: which playing of it this is, the track, and its file (absolute, readable)."""

    play_id: UUID
    track: Track
    path: Path

    @property
    def name(self) -> str:
        """The file's path for people: text, also where it holds bytes that are none."""
        return os.fsencode(self.path).decode(errors="replace")


@dataclass(frozen=True)
class Observation:
    """What a backend does at this moment.

    Attributes:
        play_id: What was loaded last; `None` where nothing is, also after the backend lost it (a restart).
        position_s: Where in the song it is; `None` while it does not know.
        ended: The song was played to its end.
        error: Why the song cannot be played; empty where it can.
    """

    play_id: UUID | None = None
    position_s: float | None = None
    ended: bool = False
    error: str = ""


class Backend(Protocol):
    """Plays one song at a time. An implementer keeps these promises (`tests/contract/test_player_backends.py`).

    - One caller at a time; nothing is called before `run`.
    - Every method but `run` returns within seconds, or raises `AwayError` while what it drives is not there.
    - It never goes on to another song by itself, and is silent after `stop`.
    """

    @property
    def name(self) -> str:
        """The name in states: lower-case letters, digits and underscores."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do now, beyond playing."""
        ...

    async def run(self, wake: Callable[[], None]) -> None:
        """Hold the process or connection until cancelled, and bring it back with backoff when it breaks.

        Call `wake` whenever `observe` would say something new: ready, ended, failed, gone. What cannot be
        observed at once is found within half a second anyway.
        """
        ...

    async def load(self, sound: Sound, position_s: float, *, playing: bool) -> None:
        """Play a song from a position, or make it ready there; whatever was loaded falls silent.

        A song that cannot be played is not an error here: `observe` tells.
        """
        ...

    async def pause(self, *, paused: bool) -> None:
        """Hold the song where it is, or go on."""
        ...

    async def set_volume(self, volume: int) -> None:
        """Set how loud it plays, 0 to 100; called only with `Capability.VOLUME`, and after every (re)start."""
        ...

    async def stop(self) -> None:
        """Fall silent and forget the song."""
        ...

    async def observe(self) -> Observation:
        """Return what it does; `AwayError` means it cannot play at all now."""
        ...
