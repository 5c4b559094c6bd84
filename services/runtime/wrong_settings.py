"""What is said of settings that are wrong: the setting, the reason, and the next step."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from services.contracts.wrong import dotted

LIST = "`moodring config` lists all settings"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return how a sentence about an unknown word ends."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; {LIST}"


def reason(error: ValidationError) -> tuple[str, str, Any]:
    """Return the first setting that is wrong as `section.key`, why, and what it is.

    Where a setting may take one of several forms, what counts is the form that the value is nearest to.
    """
    errors = error.errors()
    key = _key(errors[0]["loc"])
    forms = [one for one in errors if f"{_key(one['loc'])}.".startswith(f"{key}.")]
    nearest_form = max(forms, key=lambda one: len(one["loc"]))
    key = _key(nearest_form["loc"])
    said = [one["msg"].removeprefix("Value error, ") for one in forms if _key(one["loc"]) == key]
    return key, ", or: ".join(dict.fromkeys(said)), nearest_form["input"]


def _key(place: Sequence[str | int]) -> str:
    """Return a place without the marks of forms and of keys, such as `literal[…]` and `[key]`."""
    return dotted(part for part in place if "[" not in str(part))
