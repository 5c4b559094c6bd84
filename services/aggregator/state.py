"""What the aggregator keeps over a restart."""

from pydantic import BaseModel

from services.contracts.messages import Mood, Name


class RoomState(BaseModel):
    """One room: what the camera said last, and what a person says instead."""

    mood: Mood | None = None
    override: Mood | None = None


class AggregatorState(BaseModel):
    """Every room that has a mood."""

    rooms: dict[Name, RoomState] = {}
