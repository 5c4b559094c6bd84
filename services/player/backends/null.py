"""Plays silently: a clock that makes states and automation work where nothing can make a sound."""

from collections.abc import Callable

from services.player.backends.base import Capability, Observation, Sound

UNKNOWN_DURATION_S = 180.0
"""How long a song plays whose length nobody knows; about the length of a pop song."""


class NullBackend:
    """A song is a span of time.

    Args:
        clock: Seconds that only ever grow: a clock that is set back would hold the song, and one set on would end it.
    """

    name = "null"
    capabilities = frozenset({Capability.VOLUME})

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sound: Sound | None = None
        self._position_s = 0.0
        self._since: float | None = None

    async def run(self, wake: Callable[[], None]) -> None:
        """Do nothing: a clock cannot break."""

    async def load(self, sound: Sound, position_s: float, *, playing: bool) -> None:
        """Begin counting, or be ready to."""
        self._sound = sound
        self._position_s = position_s
        self._since = self._clock() if playing else None

    async def pause(self, *, paused: bool) -> None:
        """Stop counting, or go on."""
        self._position_s = self._position()
        self._since = None if paused else self._clock()

    async def set_volume(self, volume: int) -> None:
        """Nothing sounds at any volume."""

    async def stop(self) -> None:
        """Forget the song."""
        self._sound, self._since = None, None

    async def observe(self) -> Observation:
        """Return what the clock says."""
        if self._sound is None:
            return Observation()
        end_s = self._sound.track.duration_s or UNKNOWN_DURATION_S
        position_s = self._position()
        return Observation(self._sound.play_id, min(position_s, end_s), ended=position_s >= end_s)

    def _position(self) -> float:
        ran_s = max(0.0, self._clock() - self._since) if self._since is not None else 0.0
        return self._position_s + ran_s
