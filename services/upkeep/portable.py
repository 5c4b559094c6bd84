"""The settings that mean the same on any machine: how moods are decided, what music does, not where anything lies."""

import json
from collections.abc import Iterator
from typing import Any

from services.runtime.settings import Settings, keys, variable

PORTABLE = (
    "room",
    "camera.name",
    "camera.fps",
    "camera.idle_fps",
    "camera.cpu_percent",
    "camera.messages_per_s",
    "camera.min_face_px",
    "camera.min_quality",
    "aggregator.",
    "recommender.policy",
    "recommender.songs_ahead",
    "recommender.act_every_s",
    "recommender.history_days",
)
"""Keys, or beginnings of keys that end with a dot."""


def portable(settings: Settings) -> dict[str, Any]:
    """Return the settings that are worth taking along, by key; only those that differ from what holds by itself."""
    plain = Settings.model_construct().model_dump(mode="json")
    values = settings.model_dump(mode="json")
    return {
        key: value for key in keys() if _taken(key) and (value := _at(values, key)) != _at(plain, key)
    }  # fmt: skip


def differing(there: dict[str, Any], here: dict[str, Any]) -> Iterator[str]:
    """Yield lines for `.env` that make settings here what they were there."""
    plain = Settings.model_construct().model_dump(mode="json")
    for key in sorted(there.keys() | here.keys()):
        wanted = there.get(key, _at(plain, key) if key in keys() else None)
        if key in keys() and wanted != here.get(key, _at(plain, key)):
            text = wanted if isinstance(wanted, str) else json.dumps(wanted)
            yield f"{variable(key)}={text}"


def _taken(key: str) -> bool:
    return any(key == one or (one.endswith(".") and key.startswith(one)) for one in PORTABLE)


def _at(values: dict[str, Any], key: str) -> Any:
    section, _, name = key.rpartition(".")
    return (values[section] if section else values)[name]
