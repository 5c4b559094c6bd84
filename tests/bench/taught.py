# ruff: noqa: T201
"""What calibration gains: `python -m tests.bench.taught [--hours N]`; writes `build/taught.json`.

The streams are the simulated ones of `make mood-table`, of a face that the model reads as it reads all faces, and of
one that always looks sad to it: the odds of `sad` in every answer are multiplied by `LOOKS_SAD`. Each is watched by
a room that was taught nothing, by one that measured a neutral face for a minute, by one whose people answer "was this
right?", and by one that has both. People answer "no", and what it is instead, when a wrong mood has stood for
`NOTICED_S`, once for each, and "yes" to a right one every ten minutes. Each hour is a stream of its own, as
in that table, so the room begins it anew: with what it was taught, without what it saw.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.aggregator.calibration import MEASURE_S, Verdict
from services.aggregator.measures import Tally
from services.aggregator.room import Room
from services.aggregator.scenario import Scenario
from services.aggregator.simulation import CAMERA, START, Noise, Stream, load_noise, simulate
from services.aggregator.state import Calibration, RoomState
from services.aggregator.window import Observation
from services.contracts.channels import STATUS_EVERY_S
from services.contracts.messages import CameraState
from services.contracts.moods import UNKNOWN
from services.runtime.settings import Aggregator
from tests.bench.mood import HOUR_S, SEED
from tests.bench.product import ROOT

HOURS = 6
LOOKS_SAD = 8.0
NOTICED_S = 20
RIGHT_EVERY_S = 600
RESULT = ROOT / "build/taught.json"


@dataclass(frozen=True)
class Teaching:
    """What a room is taught."""

    name: str
    baseline: bool = False
    answers: bool = False


TEACHINGS = (
    Teaching("nothing"),
    Teaching("neutral face", baseline=True),
    Teaching("answers", answers=True),
    Teaching("both", baseline=True, answers=True),
)


def watch(room: Room, stream: Stream, looks_sad: float, *, answers: bool) -> list[str]:
    """Let a room see a stream and return its mood of each second."""
    shown, truths, wrong_s = list[str](), stream.truth(), 0
    for second, observations in enumerate(stream.seconds(), 1):
        now = START + second
        if second % STATUS_EVERY_S == 1:
            room.hear(CAMERA, CameraState.OK, now)
        for observation in observations:
            room.observe(_biased(observation, looks_sad), observation.at)
        room.look(now)
        mood, truth = room.mood().mood, truths[second - 1]
        wrong_s = wrong_s + 1 if mood not in {UNKNOWN, truth} and shown[-1:] == [mood] else 0
        noticed = wrong_s == NOTICED_S or (mood == truth != UNKNOWN and second % RIGHT_EVERY_S == 0)
        if answers and noticed and truth != UNKNOWN:
            room.judge(Verdict(right=mood == truth, mood=truth), now)
        shown.append(mood)
    return shown


def measure(teaching: Teaching, looks_sad: float, hours: int) -> Tally:
    """Return how one room does over some hours."""
    noise, settings = load_noise(), Aggregator()
    tally = Tally(settings.window_s + settings.dwell_s, noise.recall)
    taught = _baseline(settings, noise, looks_sad) if teaching.baseline else Calibration()
    for hour in range(hours):
        room = Room(settings, START, RoomState(calibration=taught))
        stream = simulate(Scenario(), noise, seconds=HOUR_S, seed=(SEED, hour))
        tally.add(stream.truth(), watch(room, stream, looks_sad, answers=teaching.answers))
        taught = room.calibration.state
    return tally


def _baseline(settings: Aggregator, noise: Noise, looks_sad: float) -> Calibration:
    """Return what a room was taught by a minute of a neutral face."""
    room = Room(settings, START)
    room.calibration.start(START)
    at_rest = Scenario(mix={"neutral": 1}, hold_s=HOUR_S * HOUR_S)
    watch(room, simulate(at_rest, noise, seconds=round(MEASURE_S), seed=(SEED,)), looks_sad, answers=False)
    return room.calibration.state


def rows(hours: int) -> Iterator[dict[str, str | float]]:
    """Yield the figures of every face and every teaching."""
    for face, looks_sad in (("any", 1.0), ("looks sad", LOOKS_SAD)):
        for teaching in TEACHINGS:
            tally = measure(teaching, looks_sad, hours)
            yield {
                "face": face,
                "taught": teaching.name,
                "flaps_per_hour": round(tally.flaps_per_hour, 2),
                "recognised_in_time": round(tally.recognised_in_time, 4),
                "time_wrong": round(tally.time_wrong, 4),
                "time_unknown": round(tally.time_unknown, 4),
            }


def text(row: dict[str, str | float]) -> str:
    """Return a line of the table."""
    return (
        f"{row['face']:12}{row['taught']:14}{row['flaps_per_hour']:>8.1f}{row['recognised_in_time']:>9.1%}"
        f"{row['time_wrong']:>8.1%}{row['time_unknown']:>9.1%}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and return the exit code."""
    parser = argparse.ArgumentParser(description="What calibration gains.")
    parser.add_argument("--hours", type=int, default=HOURS)
    hours = parser.parse_args(arguments).hours
    os.nice(5)
    found = []
    print(f"{'face':12}{'taught':14}{'flaps/h':>8}{'in time':>9}{'wrong':>8}{'unknown':>9}   ({hours} h)")
    for row in rows(hours):
        found.append(row)
        print(text(row), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _biased(observation: Observation, looks_sad: float) -> Observation:
    odds = {label: share * (looks_sad if label == "sad" else 1.0) for label, share in observation.probabilities.items()}
    total = sum(odds.values())
    return replace(observation, probabilities={label: share / total for label, share in odds.items()})


if __name__ == "__main__":
    sys.exit(main())
