"""Why a file or folder may not be used, and what to type: it is another's (chown), or its mode forbids (chmod)."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def nearest(place: Path) -> Path:
    """Return a file or folder or, where it is not there or cannot be seen since one above is shut, the first above."""
    return next(one for one in (place, *place.parents) if os.path.exists(one))  # noqa: PTH110 -- Path.exists raises below what is closed


def shut(places: Iterable[tuple[Path, int]]) -> Path | None:
    """Return the first place that is not open to us for what is wanted there (`os.R_OK`, …)."""
    return next((place for place, wanted in places if not os.access(place, wanted)), None)


def forbidden(place: Path) -> str:
    """Return what is said of a place that is shut."""
    return f"user {os.geteuid()} may not read and write {place}: {why(place)}"


def why(place: Path) -> str:
    """Return what forbids it."""
    status = place.stat()
    if _own(place):
        return f"its mode is {stat.S_IMODE(status.st_mode):03o}"
    return f"it belongs to user {status.st_uid}"


def give_back(place: Path, *, all_of: Path) -> str:
    """Return what to type so that a folder can be used.

    Where it or something in it is shut, all of it becomes ours. Where a folder above it is shut, that one stays whose
    it is: it is opened or, where we may go through it already, the folder is made in it, and is ours.

    Args:
        place: What is shut.
        all_of: The folder.
    """
    user = os.geteuid()
    if place not in all_of.parents:
        return f"`chmod -R u+rwX {all_of}`" if _own(place) else f"`sudo chown -R {user} {all_of}`"
    if _own(place):
        return f"`chmod u+rwx {place}`"
    return f"`sudo install -d -o {user} {all_of}`" if os.access(place, os.X_OK) else f"`sudo chmod a+x {place}`"


def give_volume_back(place: Path, *, volume: str) -> str:
    """Return what to type where a place lies in a volume of compose, of which all is given back."""
    program, rights, change = "chown", "--user 0 --cap-add CHOWN --cap-add DAC_OVERRIDE ", str(os.geteuid())
    if _own(place):
        program, rights, change = "chmod", "", "u+rwX"
    return (
        f"`docker compose run --rm --no-deps {rights}--entrypoint {program} first-start -R {change} "
        f"/volumes/{volume}`, then `docker compose up -d`"
    )


def _own(place: Path) -> bool:
    return place.stat().st_uid == os.geteuid()
