"""What pydantic finds wrong, in one line."""

from collections.abc import Iterable

from pydantic import ValidationError


def dotted(place: Iterable[str | int]) -> str:
    """Return where something is as people write it: `tracks.0.title`."""
    return ".".join(map(str, place))


def first_wrong(error: ValidationError) -> str:
    """Return the first thing that is wrong, after where it is: `tracks.0.title: Field required`."""
    first = error.errors(include_input=False, include_url=False)[0]
    return ": ".join(filter(None, [dotted(first["loc"]), first["msg"]]))
