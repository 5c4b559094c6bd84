"""What the aggregator keeps over a restart."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.contracts.messages import Mood, Name, Unit

MAX_ANSWERS = 100
"""Answers to "was this right?" that are kept and count; older ones lose their effect."""


PARTS = (
    "rooms.*",
    "rooms.*.mood",
    "rooms.*.override",
    "rooms.*.calibration.baseline",
    "rooms.*.calibration.answers.*",
)
"""What of `AggregatorState` may be lost alone."""


class Kept(BaseModel):
    """The base of what is kept."""

    model_config = ConfigDict(frozen=True)


class Baseline(Kept):
    """What the model says of the neutral faces of a room."""

    measured_at: AwareDatetime
    samples: Annotated[int, Field(gt=0)]
    distribution: dict[Name, Unit]
    logs: dict[Name, float] = {}
    """Mean of the logarithm of each share; an older version did not measure it."""


class Feedback(Kept):
    """A person's answer to "was this right?": what had been decided, and what it was instead, where they said so."""

    at: AwareDatetime
    decided: Name
    right: bool
    mood: Name | None = None


class Calibration(Kept):
    """What a room was taught."""

    baseline: Baseline | None = None
    answers: Annotated[tuple[Feedback, ...], Field(max_length=MAX_ANSWERS)] = ()


class RoomState(BaseModel):
    """One room: what the camera said last, what a person says instead, and what it was taught."""

    mood: Mood | None = None
    override: Mood | None = None
    calibration: Calibration = Calibration()


class AggregatorState(BaseModel):
    """Every room that cameras and players brought, and those of the settings of which there is something to keep."""

    rooms: dict[Name, RoomState] = {}
