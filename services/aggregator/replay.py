"""A recording, decided afresh: the aggregator's own room on a virtual clock. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.aggregator.cameras import STATUS_HOLDS_S
from services.aggregator.measures import together
from services.aggregator.recording import Line
from services.aggregator.room import Room
from services.aggregator.state import Calibration, RoomState
from services.aggregator.vocabulary import of_room
from services.aggregator.window import BUCKETS
from services.contracts.messages import Mood
from services.runtime.mood_settings import MoodRules

LOOK_EVERY_S = 1.0
"""As the service looks."""
QUIET_S = 600.0
"""Longest silence that is looked through, at least; the rest of it is skipped."""


@dataclass(frozen=True)
class Look:
    """A room's mood at a moment, and the true one where the recording knows it, folded as the room folds moods."""

    at: float
    mood: Mood
    truth: str | None


def replay(lines: Iterable[Line], rules: MoodRules, calibration: Calibration | None = None) -> Iterator[Look]:
    """Yield the mood once a second; all lines have to be of one room.

    Args:
        lines: What its cameras said: answers as the model gave them, which a baseline has not corrected.
        rules: When a mood is decided.
        calibration: What the room was taught; nothing without it.
    """
    taught = RoomState(calibration=calibration or Calibration())
    room: Room | None = None
    truth: str | None = None
    look_at, quiet_s = 0.0, _quiet_s(rules)
    for line in lines:
        if room is None:
            room, look_at = Room(rules, line.heard_at, taught), line.heard_at + LOOK_EVERY_S
        elif line.heard_at < look_at - quiet_s:  # the clock was set back
            look_at = line.heard_at + LOOK_EVERY_S
        until = min(line.heard_at, look_at + quiet_s)
        while look_at <= until:
            yield _look(room, look_at, truth)
            look_at += LOOK_EVERY_S
        if look_at <= line.heard_at:
            look_at = line.heard_at + LOOK_EVERY_S
        truth = together(line.truth, rules.folding) if line.truth else truth
        _take(room, line)
    if room is not None:
        yield _look(room, look_at, truth)


def _quiet_s(rules: MoodRules) -> float:
    """Return the silence after which nothing changes any more.

    No camera works then, the window is empty, and what led since has done so for the dwell.
    """
    slice_s = rules.window_s / BUCKETS  # a window's edge moves in steps of one
    return max(QUIET_S, STATUS_HOLDS_S + rules.window_s + slice_s + rules.dwell_s)


def _look(room: Room, now: float, truth: str | None) -> Look:
    room.look(now)
    return Look(now, room.mood(), truth)


def _take(room: Room, line: Line) -> None:
    if line.custom:
        room.learn(of_room(line.custom, line.room), line.heard_at)
    if line.camera and line.state:
        room.hear(line.camera, line.state, line.heard_at)
    for observation in line.observations:
        room.observe(observation, line.heard_at)
