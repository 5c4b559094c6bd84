"""A line of the measured table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A figure, and the peer's where it has one."""

    name: str
    value: float
    unit: str
    peer: float | None = None
