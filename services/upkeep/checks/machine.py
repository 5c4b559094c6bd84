"""Checks of this machine that take no time and change nothing: they run at every start too."""

import ctypes
import os
import platform
import shutil
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from services.assembly import SERVICES
from services.contracts.audio import AUDIO_TYPES
from services.runtime.settings import Settings
from services.upkeep.findings import Finding, broken, by_way, correct, doubtful, skipped, well
from services.upkeep.ownership import forbidden, give_back, give_volume_back, nearest, shut
from services.upkeep.places import SQLITE, sqlite_files

SCARCE_BYTES, LOW_BYTES = 100_000_000, 1_000_000_000
"""Free space below which state cannot be relied on to be saved, and below which it is time to tidy up."""
RELEASED_S = 1_760_000_000
"""October 2025, before this program was written: a clock that shows less is wrong."""
TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
LOOKED_AT = 2000
"""Entries of the music folder that are looked through for a song."""

KEEPERS = frozenset(SERVICES)
"""Who has a data directory: the model server keeps nothing."""


def machine(settings: Settings, names: AbstractSet[str]) -> Iterator[Finding]:
    """Look at clock, processor, disk, permissions and the music folder, as far as these services need them."""
    yield clock(time.time(), _clock_state())
    if names & {"inference", "model-server"}:
        yield processor(settings, platform.machine(), _cpu_flags())
    if names & KEEPERS:
        yield permissions(settings)
        yield disk(settings)
    if names & {"recommender", "player"}:
        yield music(settings)


def clock(now: float, state: int | None) -> Finding:
    """Judge the clock.

    Args:
        now: What it shows, in seconds since 1970.
        state: What adjtimex(2) returns; `None` where it may not be asked.
    """
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    if now < RELEASED_S:
        return broken("clock", f"it shows {shown}", "set it: `timedatectl set-ntp true`")
    if state == TIME_ERROR:
        what = f"it shows {shown} and is not synchronised: frames of a camera on another machine may count as late"
        return doubtful("clock", what, "`timedatectl set-ntp true`, or install chrony")
    return well("clock", f"it shows {shown}")


def processor(settings: Settings, machine_name: str, flags: frozenset[str]) -> Finding:
    """Say whether TensorFlow Serving would run here."""
    if machine_name in {"x86_64", "AMD64"} and flags and "avx" not in flags:
        what = "it has no AVX, without which TensorFlow Serving ends at once; our light model server does not need it"
        if settings.inference.model_server == "embedded:":
            return well("processor", what)
        light = "MOODRING_HOST_MODEL_SERVER=light in .env, if it is not there, then `docker compose up --build -d`"
        return doubtful("processor", what, by_way(settings, "have `moodring run model-server` serve the model", light))
    return well("processor", machine_name)


def permissions(settings: Settings) -> Finding:
    """Say whether everything that is to be kept can be written."""
    data, place = settings.data, nearest(settings.data)
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        disk = by_way(settings, "mount it writable, or set MOODRING_DATA elsewhere", "mount Docker's disk writable")
        return broken("permissions", f"{place} is read-only", f"{disk}; `dmesg` says whether the disk has failed")
    closed = shut(_to_be_kept(settings, place))
    if closed is None:
        return well("permissions", f"{data} can be written")
    alone = f"{give_back(closed, all_of=data)}, or set MOODRING_DATA"
    own = give_volume_back(closed, volume=settings.container)
    return broken("permissions", forbidden(closed), by_way(settings, alone, own))


def _to_be_kept(settings: Settings, place: Path) -> Iterator[tuple[Path, int]]:
    """Return what has to be open to us, each after the folder that it lies in, and what for."""
    data, state = settings.data, settings.data / "state"
    yield place, os.W_OK | os.X_OK
    if place != data:
        return
    for folder in (state, data / "models", data / "debug-crops", *([] if settings.music else [data / "songs"])):
        if folder.is_dir():
            yield folder, os.R_OK | os.W_OK | os.X_OK
    database = [] if settings.recommender.database else sqlite_files(data / SQLITE)
    for file in (*database, *state.glob("*.json"), *state.glob("*.lock")):
        yield file, os.R_OK | os.W_OK


def disk(settings: Settings) -> Finding:
    """Say how much room there is."""
    place = nearest(settings.data)
    free = shutil.disk_usage(place).free
    what = f"{free / 1e9:.1f} GB are free at {place}"
    tidy = "make room where Docker keeps its volumes; `docker system prune` removes old images"
    if free < SCARCE_BYTES:
        alone = "make room, or set MOODRING_DATA elsewhere"
        return broken("disk", f"{what}: state and history cannot be saved", by_way(settings, alone, tidy))
    if free < LOW_BYTES:
        return doubtful("disk", what, by_way(settings, "make room before it is full", tidy))
    return well("disk", what)


def music(settings: Settings) -> Finding:
    """Say whether there is anything to play."""
    folder = settings.music
    if folder is None:
        return skipped("music", "no folder is named, so the demo songs are played")
    elsewhere = correct(settings, "MOODRING_MUSIC")
    if not folder.is_dir():
        return broken("music", f"there is no folder {folder}", elsewhere)
    if not os.access(folder, os.R_OK | os.X_OK):
        what = f"user {os.geteuid()} may not look into {folder}"
        named = "`sudo chmod -R a+rX FOLDER`, with the folder that MOODRING_MUSIC names in .env"
        return broken("music", what, by_way(settings, f"`sudo chmod -R a+rX {folder}`", named))
    entries = 0
    for _, _, names in os.walk(folder):
        if any(Path(name).suffix.lower() in AUDIO_TYPES for name in names):
            return well("music", f"there are songs in {folder}")
        entries += len(names) + 1
        if entries > LOOKED_AT:
            return doubtful("music", f"among the first {LOOKED_AT} files of {folder} is no song", elsewhere)
    return broken("music", f"there is no song in {folder}", f"copy some there, or {elsewhere}")


def _clock_state() -> int | None:
    class Timex(ctypes.Structure):
        _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 512))

    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(Timex()))
    except (OSError, AttributeError):
        return None
    return int(state) if state >= 0 else None


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())
