"""What a room's moods amount to, minute by minute. Pure: times come in, in seconds since 1970."""

from dataclasses import dataclass
from datetime import datetime

from services.contracts.messages import Mood

MINUTE_S = 60
MAX_MOODS = 32
"""Moods of one minute; the time of further ones is not counted."""
MAX_COUNT = 2**31 - 1
"""Counts are 32 bits wide in PostgreSQL."""


@dataclass(frozen=True)
class Held:
    """How long a mood stood, and what it was like: means over that time, `people` at most, `samples` in all."""

    mood: str
    seconds: float
    valence: float
    arousal: float
    confidence: float
    people: int
    samples: float


@dataclass(frozen=True)
class Minute:
    """A minute of a room, or the part of it that was seen; `started_at` in whole seconds."""

    room: str
    started_at: int
    held: tuple[Held, ...]


def whole_minutes(start: datetime, end: datetime) -> tuple[int, int]:
    """Return the first and past-the-last second of all minutes that a time touches."""
    return int(start.timestamp() // MINUTE_S * MINUTE_S), int(-(-end.timestamp() // MINUTE_S) * MINUTE_S)


class Meter:
    """Measures how long each mood of one room stands.

    A mood stands until another comes, or until it has not been said again for `holds_s`: then nothing is known.

    Args:
        room: The room's name.
        holds_s: How long a mood stands without being said again; seconds.
    """

    def __init__(self, room: str, holds_s: float) -> None:
        self._room = room
        self._holds_s = holds_s
        self._mood: Mood | None = None
        self._heard_at = self._counted_to = self._started_at = 0.0
        self._held: dict[str, Held] = {}

    def hear(self, mood: Mood, now: float) -> list[Minute]:
        """Take what the mood is from now on; return the minutes that are complete."""
        done = self.look(now)
        if self._mood is None:
            self._counted_to = now
        self._mood, self._heard_at = mood, now
        return done

    def look(self, now: float) -> list[Minute]:
        """Let time pass; return the minutes that are complete, also cut short where the mood is known no longer."""
        if self._mood is None:
            return []
        if now < self._counted_to:  # the clock was set back
            self._heard_at = self._counted_to = now
            return self._close()
        end = min(now, self._heard_at + self._holds_s)
        done: list[Minute] = []
        while self._counted_to < end:
            border = (self._counted_to // MINUTE_S + 1) * MINUTE_S
            self._count(self._mood, min(border, end))
            if self._counted_to == border:
                done += self._close()
        return done + self.stop() if end < now else done

    def stop(self) -> list[Minute]:
        """Know nothing from now on; return the minute that has begun."""
        self._mood = None
        return self._close()

    def forget(self, start: float, end: float) -> None:
        """Forget the minute that has begun, where it lies in this time."""
        if self._started_at < end and self._counted_to > start:
            self._held = {}

    def _count(self, mood: Mood, until: float) -> None:
        seconds = until - self._counted_to
        if not self._held:
            self._started_at = self._counted_to
        self._counted_to = until
        before = self._held.get(mood.mood)
        if before is None and len(self._held) >= MAX_MOODS:
            return
        piece = Held(
            mood.mood, seconds, mood.valence, mood.arousal, mood.confidence,
            min(mood.people, MAX_COUNT), min(mood.samples, MAX_COUNT) * seconds / max(mood.window_s, 1.0),
        )  # fmt: skip
        self._held[mood.mood] = _together(before, piece) if before else piece

    def _close(self) -> list[Minute]:
        held, self._held = tuple(self._held.values()), {}
        return [Minute(self._room, int(self._started_at), held)] if held else []


def _together(one: Held, other: Held) -> Held:
    seconds = one.seconds + other.seconds
    share = other.seconds / seconds

    def mean(first: float, second: float) -> float:
        return first + share * (second - first)

    return Held(
        one.mood, seconds, mean(one.valence, other.valence), mean(one.arousal, other.arousal),
        mean(one.confidence, other.confidence), max(one.people, other.people), one.samples + other.samples,
    )  # fmt: skip
