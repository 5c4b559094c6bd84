# ruff: noqa: T201
"""How far a room's mood can be trusted: `make mood-table`, or `python -m tests.bench.mood`; writes `build/mood.json`.

`--hours` is how much is simulated (`make mood-table HOURS=10`); `--set key=value` tries a setting, whose figures are
printed and written nowhere. Each row says how many hours it is of and which seed they come from. The table gives all
rules on all streams, then ours on the odd ones alone, which its settings were not chosen on (see `tuning`), ours in
rooms that are unlike the one it was tuned in, and ours with other settings.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from typing import Any, TypeVar

from services.aggregator.assignments import changed
from services.aggregator.commands import counted
from services.aggregator.measures import TOLD, Tally
from services.aggregator.scenario import Scenario
from services.aggregator.simulation import START, Noise, load_noise, simulate
from services.runtime.mood_settings import Aggregator
from services.runtime.service import SetupError
from tests.bench.product import ROOT
from tests.bench.rules import Rule, all_rules, ours

K = TypeVar("K")

HOURS = 100
HOUR_S = 3600
SEED = 20261121
PROCESSES = 2
RESULT = ROOT / "build/mood.json"


@lru_cache(1)
def noise() -> Noise:
    """Return the released model's answers, read once a process."""
    return load_noise()


def measure(
    rules: dict[str, Rule], settings: Aggregator, number: int, scenario: Scenario | None = None
) -> dict[str, Tally]:
    """Let rules watch one simulated hour and return what was counted.

    The truth is folded as the settings fold moods, and the recall with it (see `Noise.recall_of`).
    """
    scenario = scenario or Scenario()
    stream = simulate(scenario, noise(), seconds=HOUR_S, seed=(SEED, number))
    shown: dict[str, list[str]] = {name: [] for name in rules}
    for second, observations in enumerate(stream.seconds(), 1):
        for name, rule in rules.items():
            for observation in observations:
                rule.observe(observation)
            shown[name].append(rule.mood(START + second))
    recall = noise().recall_of(settings.folding, scenario.mix)
    tallies = {name: Tally(settings.window_s + settings.dwell_s, recall) for name in rules}
    for name, tally in tallies.items():
        tally.add(stream.truth(settings.folding), shown[name])
    return tallies


def hour_of_all(settings: Aggregator, number: int) -> dict[str, Tally]:
    """Measure every rule over one hour."""
    return measure(all_rules(settings), settings, number)


def hour_of_ours(settings: Aggregator, number: int, scenario: Scenario | None = None) -> dict[str, Tally]:
    """Measure our rule over one hour."""
    return measure(ours(settings), settings, number, scenario)


def merged(hours: Iterable[dict[K, Tally]]) -> dict[K, Tally]:
    """Return what was counted over all hours."""
    total: dict[K, Tally] = {}
    for hour in hours:
        for name, tally in hour.items():
            if name in total:
                total[name].merge(tally)
            else:
                total[name] = tally
    return total


def row(name: str, tally: Tally) -> dict[str, Any]:
    """Return a rule's figures."""
    return {
        "rule": name,
        "hours": round(tally.seconds / HOUR_S, 2),
        "seed": SEED,
        "flaps_per_hour": round(tally.flaps_per_hour, 2),
        "late_per_hour": round(tally.late_per_hour, 2),
        "recognised_in_time": round(tally.recognised_in_time, 4),
        "time_wrong": round(tally.time_wrong, 4),
        "time_unknown": round(tally.time_unknown, 4),
        "delay_p95_s": tally.delay_p95_s if math.isfinite(tally.delay_p95_s) else None,
        "dips_per_hour": round(tally.dips_per_hour, 1),
    }


def text(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table."""
    lines = [
        f"{'':30}{'flaps/h':>9}{'late/h':>9}{'in time':>9}{'wrong':>8}{'unknown':>9}{'p95 delay':>11}{'dips/h':>8}"
    ]
    for one in rows:
        delay = "never" if one["delay_p95_s"] is None else f"{one['delay_p95_s']:.0f} s"
        lines.append(
            f"{one['rule']:30}{one['flaps_per_hour']:>9.2f}{one['late_per_hour']:>9.2f}"
            f"{one['recognised_in_time']:>9.1%}{one['time_wrong']:>8.1%}"
            f"{one['time_unknown']:>9.1%}{delay:>11}{one['dips_per_hour']:>8.1f}"
        )
    return "\n".join(lines)


def table(pool: ProcessPoolExecutor, settings: Aggregator, hours: int) -> list[dict[str, Any]]:
    """Measure every rule on the same streams, ours first; then ours on those it was not tuned on, and elsewhere."""
    each = list(pool.map(partial(hour_of_all, settings), range(hours)))
    held_out = merged({OURS: hour[OURS].copy()} for hour in each[1::2])
    rows = [row(name, tally) for name, tally in merged(each).items()]
    rows += [row("ours, streams kept apart", tally) for tally in held_out.values()]
    rows += [elsewhere(pool, settings, hours, name, scenario) for name, scenario in ELSEWHERE.items()]
    return rows + [
        elsewhere(pool, changed(settings, [setting]), hours, name, scenario)
        for name, (setting, scenario) in OTHERWISE.items()
    ]


def elsewhere(
    pool: ProcessPoolExecutor, settings: Aggregator, hours: int, name: str, scenario: Scenario
) -> dict[str, Any]:
    """Measure our rule in another room, in a fifth of the hours."""
    numbers = range(1, 1 + 2 * max(1, hours // 5), 2)
    return row(name, merged(pool.map(partial(hour_of_ours, settings, scenario=scenario), numbers))[OURS])


OURS = "moodring"
ELSEWHERE = {
    "ours, misread for 3 s": Scenario(misread_s=3),
    "ours, moods hold 2 min": Scenario(hold_s=120),
    "ours, flicker doubled": Scenario(flicker=0.4),
    "ours, 15 frames a second": Scenario(fps=15),
    "ours, guests who differ": Scenario(guest_agrees=False),
}
"""Rooms unlike the one that the settings were chosen in; the shares of the last count two who differ as `unknown`."""
OTHERWISE = {
    "ours, majority, guests differ": ("fusion=majority", Scenario(guest_agrees=False)),
    "ours, folded to quadrants": ("fold=quadrants", Scenario()),
}
"""Rooms with a setting of their own, by which no default is chosen."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and return the exit code."""
    parser = argparse.ArgumentParser(description="How far a room's mood can be trusted.")
    parser.add_argument("--hours", type=int, default=HOURS)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args(arguments)
    os.nice(5)
    began = time.monotonic()
    if options.hours < 1:
        print(f"mood-table: --hours {options.hours}: it has to be 1 or more")
        return 1
    try:
        settings = changed(Aggregator(), options.set)
    except SetupError as error:
        print(f"mood-table: {error}")
        return 1
    with ProcessPoolExecutor(PROCESSES) as pool:
        rows = table(pool, settings, options.hours)
    recalls = noise().recall_of(settings.folding, Scenario().mix)
    told = ", ".join(mood for mood, recall in recalls.items() if recall >= TOLD)
    within = f"{settings.window_s + settings.dwell_s:g} s"
    print(f"{counted(options.hours, 'simulated hour')}; the model tells {told}; in time: within {within}")
    print(f"{text(rows)}\n\n{_kept(rows, options.set)}; it took {time.monotonic() - began:.0f} s")
    return 0


def _kept(rows: Sequence[dict[str, Any]], tried: Sequence[str]) -> str:
    """Write the rows, unless settings were tried, and return what is said of that."""
    if tried:
        return f"written nowhere, as it is of {', '.join(tried)}"
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n")
    return f"{RESULT.relative_to(ROOT)} holds the same"


if __name__ == "__main__":
    sys.exit(main())
