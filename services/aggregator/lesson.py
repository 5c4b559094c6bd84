"""What a room was taught, as people see it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import AwareDatetime

from services.aggregator.room import Room
from services.aggregator.state import Baseline, Feedback
from services.contracts.messages import Message, Name, Unit


class Measuring(Message):
    """A baseline that is being measured."""

    until: AwareDatetime
    samples: int


class Thresholds(Message):
    """What a mood needs.

    Attributes:
        enter: Confidence at which it is entered.
        leave: Confidence below which it is left.
        usual: Confidence at which it would be entered, had nobody answered.
        shift: What the answers come to: above 0 it needs more than usual, below less.
    """

    enter: Unit
    leave: Unit
    usual: Unit
    shift: float


class Lesson(Message):
    """A room's calibration.

    Attributes:
        baseline: What the model says of the room's neutral faces; `None` where it was not measured.
        factors: By what each expression is multiplied for that, 1/20 to 1; those left out stay as they are.
        measuring: The measurement that runs now.
        problem: Why the last measurement came to nothing.
        thresholds: Of every mood that can be decided.
        answers: To "was this right?", the latest last; the last 100 count.
    """

    baseline: Baseline | None
    factors: Mapping[Name, Unit]
    measuring: Measuring | None
    problem: str
    thresholds: Mapping[Name, Thresholds]
    answers: tuple[Feedback, ...]


def lesson(room: Room) -> Lesson:
    """Return what a room was taught."""
    calibration, rules = room.calibration, room.rules
    until = calibration.measuring_until
    return Lesson(
        baseline=calibration.state.baseline,
        factors={label: round(factor, 4) for label, factor in calibration.factors.items()},
        measuring=Measuring(until=datetime.fromtimestamp(until, UTC), samples=calibration.samples) if until else None,
        problem=calibration.problem,
        thresholds={
            mood: Thresholds(
                enter=round(rules.enter(mood), 4),
                leave=round(rules.leave(mood), 4),
                usual=rules.enter_confidence,
                shift=calibration.shifts.get(mood, 0.0),
            )
            for mood in room.moods
        },
        answers=calibration.state.answers,
    )
