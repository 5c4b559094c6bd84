"""What the mood of many rooms costs: the pure logic, without the bus."""

import random
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from services.aggregator.room import Room
from services.aggregator.state import MAX_ANSWERS, AggregatorState, Baseline, Calibration, Feedback, RoomState
from services.aggregator.window import Observation
from services.contracts.messages import CameraState
from services.contracts.moods import EXPRESSIONS
from services.runtime.mood_settings import MoodRules
from services.runtime.state import StateFile

ROOMS = 1000
PEOPLE = 2
FPS = 5
FILL_S = 15
"""Fills the windows, not counted."""
MEASURED_S = 10
START = 1_790_000_000.0
LOOKS = 1000
SAVES = 10


class Streams:
    """Rooms with people before a camera.

    Args:
        rooms: How many rooms.
        rules: Theirs.
    """

    def __init__(self, rooms: int, rules: MoodRules) -> None:
        self.rooms = [Room(rules, START) for _ in range(rooms)]
        self.now = START
        self._chance = random.Random(1)
        self._answers = [_answer(self._chance) for _ in range(1000)]

    def second(self) -> float:
        """Let a second pass and return the processor seconds that it took."""
        seen = list(self._seen())
        before = time.process_time()
        for room, observation in seen:
            room.observe(observation, observation.at)
        self.now += 1
        for room in self.rooms:
            room.hear("camera", CameraState.OK, self.now)
            room.look(self.now)
        return time.process_time() - before

    def _seen(self) -> Iterator[tuple[Room, Observation]]:
        for frame in range(FPS):
            at = self.now + frame / FPS
            for room in self.rooms:
                for person in range(PEOPLE):
                    answer = self._chance.choice(self._answers)
                    yield room, Observation("camera", person, f"camera-run-{at}", at, 0.7, answer)


def rooms_cpu_percent() -> float:
    """Return what 1,000 rooms of two people at five frames a second take, in percent of a core."""
    streams = Streams(ROOMS, MoodRules())
    spent = [streams.second() for _ in range(FILL_S + MEASURED_S)]
    return 100 * sum(spent[FILL_S:]) / MEASURED_S


def decision_us(window_s: int) -> float:
    """Return the processor time of one decision over a full window of this length, in microseconds."""
    streams = Streams(1, MoodRules(window_s=window_s))
    for _ in range(window_s):
        streams.second()
    before = time.process_time()
    for _ in range(LOOKS):
        streams.rooms[0].look(streams.now)
    return 1e6 * (time.process_time() - before) / LOOKS


def _answer(chance: random.Random) -> Mapping[str, float]:
    weights = [chance.expovariate(1) * (8 if label == "happy" else 1) for label in EXPRESSIONS]
    return {label: weight / sum(weights) for label, weight in zip(EXPRESSIONS, weights, strict=True)}


def keeping_ms(rooms: int) -> float:
    """Return the processor time of keeping rooms over a restart that were taught all they can be, in milliseconds."""
    now = datetime.fromtimestamp(START, UTC)
    answer = Feedback(at=now, decided="sad", right=False, mood="neutral")
    share = dict.fromkeys(EXPRESSIONS, 1 / len(EXPRESSIONS))
    taught = Calibration(
        baseline=Baseline(measured_at=now, samples=300, distribution=share), answers=(answer,) * MAX_ANSWERS
    )
    state = AggregatorState(rooms={f"room_{number}": RoomState(calibration=taught) for number in range(rooms)})
    with TemporaryDirectory() as folder:
        file = StateFile(Path(folder) / "aggregator.json", AggregatorState)
        before = time.process_time()
        for _ in range(SAVES):
            file.save(state)
        return 1e3 * (time.process_time() - before) / SAVES
