"""Logs: a line for each step of a decision, for people or as JSON, and a brake for lines that repeat."""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, TextIO

REPEAT_AFTER_S = 60.0
MAX_KEYS = 1000

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Throttle:
    """Lets a repeated line through once a minute and counts what it held back.

    Usage: `if (count := throttle.count(key)): log.warning("… (%d times)", count)`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, every_s: float = REPEAT_AFTER_S) -> None:
        self._clock = clock
        self._every_s = every_s
        self._said: dict[str, tuple[float, int]] = {}

    def count(self, key: str) -> int:
        """Return how often `key` came since it was last let through, or 0 where it is held back now."""
        now = self._clock()
        said_at, held = self._said.get(key, (float("-inf"), 0))
        if now - said_at < self._every_s:
            self._said[key] = (said_at, held + 1)
            return 0
        if len(self._said) >= MAX_KEYS and key not in self._said:
            self._said.pop(next(iter(self._said)))
        self._said[key] = (now, 0)
        return held + 1


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time_of_day = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        where = record.name.removeprefix("services.").split(".")[0]
        line = f"{time_of_day} {record.levelname.lower():7} {where:11} {record.getMessage()}"
        extra = " ".join(f"{key}={value}" for key, value in _extra(record).items())
        error = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{line}  {extra}{error}" if extra else line + error


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields | _extra(record), default=str)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def say(line: str, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Say a line to whoever waits at a terminal; where logs are JSON nobody does, and it is logged.

    Args:
        line: What to say.
        level: What it is logged as.
        stream: Where it is printed; standard output without it.
    """
    if any(isinstance(handler.formatter, _JsonFormatter) for handler in logging.getLogger().handlers):
        logging.getLogger("services").log(level, line)
    else:
        print(f"moodring: {line}", file=stream, flush=True)


def configure(level: str, form: Literal["text", "json"], stream: TextIO = sys.stderr) -> None:
    """Send all logs to `stream`, and what Python warns of; libraries are heard from WARNING up."""
    logging.captureWarnings(form == "json")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    logging.basicConfig(level="WARNING", handlers=[handler], force=True)
    logging.getLogger("services").setLevel(level.upper())
