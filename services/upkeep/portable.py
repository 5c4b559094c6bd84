"""The settings that mean the same on any machine: what is decided, chosen and kept private, not where anything lies."""

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.runtime.settings import Settings, keys, variable

PORTABLE = (
    "room",
    "camera.name",
    "camera.room",
    "camera.fps",
    "camera.idle_fps",
    "camera.cpu_percent",
    "camera.messages_per_s",
    "camera.min_face_px",
    "camera.min_quality",
    "privacy.schedule",
    "privacy.consent",
    "privacy.time_zone",
    "aggregator.",
    "recommender.policy",
    "recommender.songs_ahead",
    "recommender.act_every_s",
    "recommender.history_days",
)
"""Keys, or beginnings of keys that end with a dot."""
ZONES = "zoneinfo/"
"""The folder in which a system keeps its time zones, each under its name."""


def portable(settings: Settings, local_time: Path = Path("/etc/localtime")) -> dict[str, Any]:
    """Return the settings that are worth taking along, by key.

    Args:
        settings: The installation's.
        local_time: What says in which zone the machine's clock is read: hours without a zone are by that, and the
            machine that they are taken to may stand in another one, as containers do.
    """
    values = settings.model_dump(mode="json")
    taken = {key: _at(values, key) for key in keys() if is_portable(key)}
    if taken["privacy.schedule"] or taken["privacy.consent"]:
        taken["privacy.time_zone"] = taken["privacy.time_zone"] or _zone(local_time)
    return taken


def differing(there: dict[str, Any], here: dict[str, Any]) -> Iterator[str]:
    """Yield lines for `.env` that make settings here what they were there."""
    for key, wanted in sorted(there.items()):
        if key in here and wanted != here[key]:
            text = wanted if isinstance(wanted, str) else json.dumps(wanted)
            yield f"{variable(key)}={shlex.quote(text) if text else ''}"


def is_portable(key: str) -> bool:
    """Whether a setting is taken along."""
    return any(key == one or (one.endswith(".") and key.startswith(one)) for one in PORTABLE)


def _zone(local_time: Path) -> str:
    """Return the name of the machine's time zone; nothing where it has none."""
    named = os.environ.get("TZ", "").removeprefix(":")
    return named or str(local_time.resolve()).partition(ZONES)[2]


def _at(values: dict[str, Any], key: str) -> Any:
    section, _, name = key.rpartition(".")
    return (values[section] if section else values)[name]
