"""Why a file or folder may not be used, and what to type: it is another's (chown), or its mode forbids (chmod)."""

import os
import stat
from pathlib import Path


def nearest(place: Path) -> Path:
    """Return a file or folder, or of the folders that it would lie in the first that is there."""
    return next(one for one in (place, *place.parents) if os.path.exists(one))  # noqa: PTH110 -- Path.exists raises below what is closed


def why(place: Path) -> str:
    """Return what forbids it."""
    status = place.stat()
    if _own(place):
        return f"its mode is {stat.S_IMODE(status.st_mode):03o}"
    return f"it belongs to user {status.st_uid}"


def give_back(place: Path, *, all_of: Path) -> str:
    """Return what to type, for the folder that it lies in and all that is in there.

    Where that is yet to be made, nothing of the folder above is changed but that it may be.
    """
    user = os.geteuid()
    if place in all_of.parents:
        return f"`chmod u+rwx {place}`" if _own(place) else f"`sudo install -d -o {user} {all_of}`"
    return f"`chmod -R u+rwX {all_of}`" if _own(place) else f"`sudo chown -R {user} {all_of}`"


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
