"""What the aggregator keeps over a restart."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from services.contracts.messages import Mood, Name, Unit
from services.contracts.moods import EXPRESSIONS

MAX_ANSWERS = 100
"""Answers to "was this right?" that are kept and count; older ones lose their effect."""


PARTS = (
    "rooms.*",
    "rooms.*.mood",
    "rooms.*.override",
    "rooms.*.calibration",
    "rooms.*.calibration.baseline",
    "rooms.*.calibration.answers",
    "rooms.*.calibration.answers.*",
)
"""What of `AggregatorState` may be lost alone."""


class Kept(BaseModel):
    """The base of what is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Baseline(Kept):
    """What the model says of the neutral faces of a room."""

    measured_at: AwareDatetime
    samples: Annotated[int, Field(gt=0)]
    distribution: Annotated[dict[Name, Unit], Field(min_length=1)]
    logs: dict[Name, float] = {}
    """Mean of the logarithm of the share of each of the eight; an older version did not measure it."""

    @field_validator("logs")
    @classmethod
    def _of_all(cls, logs: dict[str, float]) -> dict[str, float]:
        if logs and (missing := [label for label in EXPRESSIONS if label not in logs]):
            raise ValueError(f"{', '.join(missing)} are missing")
        return logs


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


class RoomState(Kept):
    """One room: what the camera said last, what a person says instead, and what it was taught."""

    mood: Mood | None = None
    override: Mood | None = None
    calibration: Calibration = Calibration()

    @field_validator("override")
    @classmethod
    def _that_ends(cls, override: Mood | None) -> Mood | None:
        if override and override.until is None:
            raise ValueError("it never ends")
        return override


class AggregatorState(Kept):
    """Every room that cameras and players brought, and those of the settings of which there is something to keep."""

    rooms: dict[Name, RoomState] = {}
