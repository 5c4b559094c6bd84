# ruff: noqa: T201
"""Puts the table of `make mood-table` into `docs/moods.md`: `python -m tests.bench.mood_docs`, after it was made."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import mood
from tests.bench.product import ROOT

PAGE = ROOT / "docs/moods.md"
BEGIN, END = "<!-- mood-table: python -m tests.bench.mood_docs -->\n", "<!-- end of mood-table -->\n"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a Markdown table, with the command that makes them."""
    hours = max(round(row["hours"]) for row in rows)
    lines = [
        f"`make mood-table HOURS={hours}`, seed {rows[0]['seed']}:",
        "",
        "| rule, room | hours | flaps an hour | late | in time | wrong | unknown | 95 % within | dips an hour |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_line, rows)]) + "\n"


def _line(row: Mapping[str, Any]) -> str:
    within = "never" if row["delay_p95_s"] is None else f"{row['delay_p95_s']:.0f} s"
    cells = [
        row["rule"], f"{row['hours']:g}", f"{row['flaps_per_hour']:.2f}", f"{row['late_per_hour']:.2f}",
        *(f"{100 * row[key]:.1f} %" for key in ("recognised_in_time", "time_wrong", "time_unknown")),
        within, f"{row['dips_per_hour']:.1f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def put(page: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a page with the table in the place of the one before."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table(rows) + END + rest.split(END)[1]


def main(page: Path = PAGE) -> int:
    """Write the page and return the exit code."""
    if not mood.RESULT.exists():
        print(f"{mood.RESULT} is not there; make it first: make mood-table")
        return 1
    page.write_text(put(page.read_text(), json.loads(mood.RESULT.read_text())))
    print(f"{page} holds the table")
    return 0


if __name__ == "__main__":
    sys.exit(main())
