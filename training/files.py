"""Writes files that are there whole or not at all, whatever stops the writing."""

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Replaces a file, or makes it and its folder; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
