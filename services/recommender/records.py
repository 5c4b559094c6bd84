"""What is written down of a room: what was decided, played and judged. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict

from services.contracts.messages import Message


class DecisionInfo(Message):
    """A request to a player; `songs` are `{"song_id", "score", "distance"}` in the order sent."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    decision_id: UUID
    room: str
    decided_at: AwareDatetime
    mood: str
    mode: str
    target_valence: float
    target_arousal: float
    playlist: str | None
    how: str
    reason: str
    songs: list[dict[str, Any]]


class Judgement(Message):
    """What a room thinks of a song."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    room: str
    song_id: int
    liked: bool
    given_at: AwareDatetime
    decision_id: UUID | None = None
    play_id: UUID | None = None
    """The play it was given in, where it was."""


@dataclass(frozen=True)
class Started:
    """A song started."""

    play_id: UUID
    room: str
    song_id: int
    decision_id: UUID | None
    at: datetime


@dataclass(frozen=True)
class Ended:
    """A song ended, by itself or skipped, after `heard_s` seconds where that is known."""

    started: Started
    skipped: bool
    heard_s: float | None
    at: datetime

    @property
    def room(self) -> str:
        """Where."""
        return self.started.room

    @property
    def play_id(self) -> UUID:
        """Which."""
        return self.started.play_id


Record = DecisionInfo | Judgement | Started | Ended
"""What is written down; writing the same twice changes nothing."""


def happened_at(record: Record) -> datetime | None:
    """Return when a record of what happened happened; `None` of a judgement, which outlives the history."""
    match record:
        case DecisionInfo():
            return record.decided_at
        case Started() | Ended():
            return record.at
    return None
