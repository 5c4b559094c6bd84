"""Reads what is whole of a content that is not whole: the smallest parts that are wrong are left out. Pure.

A key that the model does not know is left out alone: a later version wrote it, and this one never acted by it. Whatever
else is wrong takes along the part that it is in, as the rest of the part would say something else.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.contracts.wrong import dotted

T = TypeVar("T", bound=BaseModel)

Place = tuple[str | int, ...]
"""Keys and indices, from the top."""
UNKNOWN_KEY = "extra_forbidden"
"""What pydantic calls it."""


def salvage(model: type[T], text: bytes, parts: Sequence[str]) -> tuple[T, Mapping[str, str]]:
    """Return a value, and what was left out of it: where it stood, and what was wrong.

    Args:
        model: What it has to be.
        text: JSON.
        parts: What may be missing, such as `rooms.*.mood`; `*` is any key or index.

    Raises:
        ValidationError: It is no JSON, or something is wrong outside all parts.
    """
    left_out: dict[str, str] = {}
    while True:
        try:
            return model.model_validate_json(text), left_out
        except ValidationError as error:
            wrong = error.errors(include_input=False, include_url=False)
            if not all(one["loc"] for one in wrong):
                raise
            content = json.loads(text)
            places = {_part(content, one["loc"], one["type"], parts): one for one in reversed(wrong)}
            if () in places:
                raise
            for place in sorted(places, reverse=True):  # of a list, the last first: indices stay what they are
                _remove(content, place)
            left_out |= {dotted(place): _why(one["loc"][len(place) :], one["msg"]) for place, one in places.items()}
            text = json.dumps(content).encode()


def _part(content: Any, wrong: Place, kind: str, parts: Sequence[str]) -> Place:
    """Return the smallest part around what is wrong; the empty place where it is in none."""
    if kind == UNKNOWN_KEY:
        return wrong
    around = (wrong[:length] for length in range(len(wrong), 0, -1))
    return next((place for place in around if _matches(place, parts) and _is_there(content, place)), ())


def _matches(place: Place, parts: Sequence[str]) -> bool:
    patterns = [part.split(".") for part in parts]
    levels = [str(level) for level in place]
    return any(
        len(pattern) == len(levels) and all(name in {"*", level} for name, level in zip(pattern, levels, strict=True))
        for pattern in patterns
    )


def _why(where: Place, problem: str) -> str:
    return f"{dotted(where)}: {problem}" if where else problem


def _is_there(content: Any, place: Place) -> bool:
    try:
        for level in place:
            content = content[level]
    except (LookupError, TypeError):
        return False
    return True


def _remove(content: Any, place: Place) -> None:
    *around, last = place
    for level in around:
        content = content[level]
    del content[last]
