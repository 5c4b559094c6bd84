"""What the doctor finds: one part, how it is, and what to type where it is not well."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from services.runtime.settings import Settings


class How(StrEnum):
    """How a part is."""

    WELL = "well"
    DOUBTFUL = "doubtful"
    """It works, and may not for long, or less well than it could."""
    BROKEN = "broken"
    SKIPPED = "skipped"
    """It could not be looked at, or there is nothing to look at here."""


@dataclass(frozen=True)
class Finding:
    """One part.

    Attributes:
        part: Its name, such as `broker`.
        how: How it is.
        what: What was found, with the place.
        do: What to type or change; empty where nothing is to be done.
    """

    part: str
    how: How
    what: str
    do: str = ""


def well(part: str, what: str) -> Finding:
    """Return that a part is well."""
    return Finding(part, How.WELL, what)


def doubtful(part: str, what: str, do: str) -> Finding:
    """Return that a part may cause trouble."""
    return Finding(part, How.DOUBTFUL, what, do)


def broken(part: str, what: str, do: str) -> Finding:
    """Return that a part does not work."""
    return Finding(part, How.BROKEN, what, do)


def skipped(part: str, why: str) -> Finding:
    """Return that a part was not looked at."""
    return Finding(part, How.SKIPPED, why)


def by_way(settings: Settings, alone: str, compose: str) -> str:
    """Return what to type in this way of running: nobody types in a container, whose paths are its own."""
    return compose if settings.container else alone


def way_out(variable: str = "MOODRING_HOST_ISOLATED") -> str:
    """Return what to type where something outside is to be reached: a network that is there keeps its kind."""
    return f"{variable}=false in .env, then `docker compose down && docker compose up -d`"


def correct(settings: Settings, variable: str, in_env: str = "") -> str:
    """Return how to change a setting: here, or in `.env`, where it may have another name."""
    return by_way(settings, f"correct {variable}", f"correct {in_env or variable} in .env, then `docker compose up -d`")


MARKS = {How.WELL: "ok", How.DOUBTFUL: "!!", How.BROKEN: "XX", How.SKIPPED: "--"}


def as_text(findings: Sequence[Finding]) -> str:
    """Return lines for people."""
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.how]}  {finding.part:12} {finding.what}")
        if finding.do:
            lines.append(f"    {'':12} → {finding.do}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """Return one JSON object, for scripts."""
    return json.dumps({"healthy": healthy(findings), "findings": [asdict(one) for one in findings]}, indent=1)


def healthy(findings: Sequence[Finding]) -> bool:
    """Say whether nothing is broken."""
    return not any(finding.how is How.BROKEN for finding in findings)
