"""The last 24 hours of a room as a strip: what the dashboard's `Day` is given, made from the history's answer. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.contracts.channels import spoken
from services.contracts.colours import colour, mood_colour
from services.contracts.moods import MOOD_POINTS, NOBODY, UNKNOWN, Point

LENGTH = timedelta(hours=24)
WORDS = {UNKNOWN: "Not sure", NOBODY: "Nobody"}


def day(spans: Sequence[Mapping[str, Any]], start: datetime) -> dict[str, Any]:
    """Return the props of the strip.

    Args:
        spans: Minutes of the history (`start`, `mood`, `valence`, `arousal`), oldest first; others are left out.
        start: When the strip begins.
    """
    length = int(LENGTH.total_seconds() // 60)
    parts: list[dict[str, Any]] = []
    for span in spans:
        mood, at = str(span["mood"]), datetime.fromisoformat(span["start"])
        minute = round((at - start).total_seconds() / 60)
        if not 0 <= minute < length:
            continue
        if parts and parts[-1]["mood"] == mood and parts[-1]["from"] + parts[-1]["minutes"] == minute:
            parts[-1]["minutes"] += 1
        else:
            word = WORDS.get(mood, spoken(mood))
            parts.append({"mood": mood, "word": word, "from": minute, "minutes": 1, "colour": _colour(mood, span)})
    return {"text": _text(parts), "start": int(start.timestamp() * 1000), "parts": parts}


def _colour(mood: str, span: Mapping[str, Any]) -> str:
    """Return the colour of a mood; one of the household's own has that of its place."""
    if mood in {*MOOD_POINTS, UNKNOWN, NOBODY} or span.get("valence") is None:
        return mood_colour(mood)
    return colour(Point(span["valence"], span["arousal"]))


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    minutes: Counter[str] = Counter()
    for part in parts:
        minutes[part["word"]] += part["minutes"]
    total = sum(minutes.values())
    if not total:
        return "The last 24 hours: nothing is known yet"
    shares = ", ".join(f"{word.lower()} {round(100 * count / total)} %" for word, count in minutes.most_common(3))
    return f"The last 24 hours: {shares}"
