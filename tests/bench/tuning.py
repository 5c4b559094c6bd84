# ruff: noqa: T201
"""Which settings and constants serve best: `python -m tests.bench.tuning`, after a new model's `noise.json`.

They are chosen on the even streams of `make mood-table` and confirmed on the odd ones, by the product's own `Room` and
`decide`; half of them are of the room that the table is of, the others of the rooms unlike it (`ELSEWHERE`) in turn.
First every key of `DECIDED` is changed alone, until none helps. What is believed is then worked out anew for each
setting in `BELIEVED`, one key after the other, which takes longest: `--believed` says which keys (all), `--hours` of
how many streams (as many as the table's). At the end stands what to write into `services/runtime/mood_settings.py`
(lower-case keys) and where the constants are (`MODULES`).
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import ModuleType

from services.aggregator import decision, likelihood
from services.aggregator.assignments import changed
from services.aggregator.decision import Decision, decide
from services.aggregator.fusion import Evidence
from services.aggregator.measures import Tally
from services.aggregator.room import Room
from services.aggregator.rules import Rules
from services.aggregator.scenario import Scenario
from services.aggregator.simulation import CAMERA, START, simulate
from services.contracts import agreement
from services.contracts.messages import CameraState
from services.contracts.moods import UNKNOWN
from services.runtime.mood_settings import Aggregator
from tests.bench.mood import ELSEWHERE, HOUR_S, HOURS, PROCESSES, SEED, merged, noise, row, text

BELIEVED: Mapping[str, Sequence[float]] = {
    "INDEPENDENT": (0.6, 0.8, 1.0),
    "HELD_S": (1.0, 1.5, 2.5),
    "DOUBT": (0.003, 0.01, 0.03),
    "SHRINK": (0.7, 0.85, 1.0),
    "NEW": (0.15, 0.2, 0.3),
    "DOUBTED": (0.003, 0.005, 0.01),
    "half_life_s": (10, 30),
    "hold_s": (240, 500),
}
"""What the belief and the distribution depend on. `hold_s` is known: it is how long moods last; longer is a doubt about
every change."""
DECIDED: Mapping[str, Sequence[float]] = {
    "enter_confidence": (0.98, 0.985, 0.99),
    "leave_confidence": (0.05, 0.1, 0.2),
    "dwell_s": (13, 14),
    "sure_s": (0, 1, 2, 3),
    "STANDS_OUT": (1.2, 1.3, 1.5),
}
"""What the decision depends on. The first mood has to come 15 to 20 s after a face, three of which it takes to see it;
beyond 0.99 a mood that shows steadily, but not clearly, would never be sure; less than 1.2 would enter a tie
that flickers oftener than about once an hour (see `STANDS_OUT`)."""
MODULES: Mapping[str, ModuleType] = {"STANDS_OUT": decision, "DOUBTED": agreement}
"""Where constants are; the others are in `likelihood`."""
RECOGNISED, WRONG = 0.96, 0.018
"""What is aimed at: a little more than the targets of 95 % and 2 %, which have to hold on other streams, too."""
FLAP = 3.0
"""How bad a flap an hour is beside `unknown` throughout; a mood an hour that had ended is as bad as that."""
LATE, FALSE = 5.0, 4.0
"""How bad it is beside `unknown` for the same share of time or changes to recognise changes late, and to show a wrong
mood."""

CHANCE = 0.1
"""What figures differ by from half to half of a hundred streams, about; nothing is changed for less. It is
less than two flaps in 50 hours."""

Keys = tuple[tuple[str, float], ...]


def played(number: int) -> Scenario:
    """Return the room that an hour is of: of every two hours of a half, the first is of the usual one."""
    pair, other = divmod(number // 2, 2)
    return list(ELSEWHERE.values())[pair % len(ELSEWHERE)] if other else Scenario()


def evidence(settings: Aggregator, number: int) -> tuple[Sequence[str], list[tuple[Evidence, float]]]:
    """Return the true moods of one simulated hour, and for each second what is known and when a face was seen last."""
    stream = simulate(played(number), noise(), seconds=HOUR_S, seed=(SEED, number))
    room, last_face_at, known = Room(settings, START), START, []
    room.hear(CAMERA, CameraState.OK, START)
    for second, observations in enumerate(stream.seconds(), 1):
        for observation in observations:
            room.observe(observation, observation.at)
            last_face_at = observation.at
        room.look(START + second)
        known.append((room.evidence, last_face_at))
    return stream.truth(), known


def decided(rules: Rules, known: Sequence[tuple[Evidence, float]]) -> Iterator[str]:
    """Yield what is decided in each second."""
    decision = Decision(UNKNOWN, START)
    for second, (what, last_face_at) in enumerate(known, 1):
        decision = decide(decision, what, rules, now=START + second, last_face_at=last_face_at, seeing=True)
        yield decision.mood


def configured(keys: Keys) -> Aggregator:
    """Set the constants in this process and return the settings."""
    for key, value in keys:
        if key.isupper():
            setattr(MODULES.get(key, likelihood), key, value)
    likelihood.forget_scales()
    return changed(Aggregator(), [f"{key}={value}" for key, value in keys if key.islower()])


def neighbours(keys: Keys) -> list[Keys]:
    """Return these keys, and those in which one of `DECIDED` has another value."""
    others = [(key, value) for key, values in DECIDED.items() for value in values if (key, value) not in keys]
    return [keys, *(tuple((dict(keys) | {key: value}).items()) for key, value in others)]


def hour(keys: Keys, number: int) -> dict[Keys, Tally]:
    """Measure these keys and their neighbours over one hour: what is believed is the same for all of them."""
    truth, known = evidence(configured(keys), number)
    found = {}
    for tried in neighbours(keys):
        settings = configured(tried)
        found[tried] = Tally(settings.window_s + settings.dwell_s, noise().recall)
        found[tried].add(truth, list(decided(Room(settings, START).rules, known)))
    return found


def cost(tally: Tally) -> float:
    """Return how bad figures are: what is missed of the aims, flaps, late changes, and what is wrong or unknown."""
    missed = max(0.0, RECOGNISED - tally.recognised_in_time) / (1 - RECOGNISED)
    missed += max(0.0, tally.time_wrong - WRONG) / WRONG
    missed += FLAP * tally.flaps_per_hour
    trouble = tally.late_per_hour + LATE * (1 - tally.recognised_in_time)
    return missed + trouble + FALSE * tally.time_wrong + tally.time_unknown


def best(pool: ProcessPoolExecutor, keys: Keys, numbers: range) -> tuple[Keys, Tally]:
    """Return the best decision for what these keys believe, and its figures; theirs, where none is clearly better."""
    found = merged(pool.map(partial(hour, keys), numbers))
    chosen = min(found, key=lambda tried: cost(found[tried]))
    chosen = chosen if cost(found[chosen]) < cost(found[keys]) - CHANCE else keys
    return chosen, found[chosen]


def tuned(pool: ProcessPoolExecutor, hours: int, believed: Sequence[str]) -> Keys:
    """Return the best keys by the even streams: of `DECIDED`, and of those in `BELIEVED` that are named."""
    even = range(0, hours, 2)
    keys: Keys = tuple((key, present(key)) for key in (*BELIEVED, *DECIDED))
    tried, figures = best(pool, keys, even)
    while tried != keys:
        say("decided better", tried, figures)
        keys = tried
        tried, figures = best(pool, keys, even)
    say("no other decision is better", keys, figures)
    for key, value in [(name, value) for name in believed for value in BELIEVED[name]]:
        if (key, value) in keys:
            continue
        tried, other = best(pool, tuple((dict(keys) | {key: value}).items()), even)
        say(f"{key}={value:g}", tried, other)
        if cost(other) < cost(figures) - CHANCE:
            keys, figures = tried, other
            print("  better", flush=True)
    odd = merged(pool.map(partial(hour, keys), range(1, hours, 2)))
    say("the other half of the streams", keys, odd[keys])
    return keys


def say(what: str, chosen: Keys, figures: Tally) -> None:
    """Print a line."""
    own = tuple((key, value) for key, value in chosen if key in DECIDED)
    print(f"{what:30}{text([row('', figures)]).splitlines()[1][26:]}  {_words(own)}", flush=True)


def _words(keys: Keys) -> str:
    return ", ".join(f"{key}={value:g}" for key, value in keys)


def present(key: str) -> float:
    """Return what a setting or a constant is now."""
    return float(getattr(MODULES.get(key, likelihood) if key.isupper() else Aggregator(), key))


def main(arguments: Sequence[str] | None = None) -> int:
    """Tune and return the exit code."""
    parser = argparse.ArgumentParser(description="Which settings and constants serve best.")
    parser.add_argument("--hours", type=int, default=HOURS)
    parser.add_argument("--believed", nargs="*", choices=list(BELIEVED), default=list(BELIEVED), metavar="KEY")
    options = parser.parse_args(arguments)
    os.nice(5)
    print(text([]))
    with ProcessPoolExecutor(PROCESSES) as pool:
        print(_words(tuned(pool, options.hours, options.believed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
