"""Where the services' state files lie: in one process below one folder, in compose each in a volume of its own."""

from collections.abc import Iterator
from pathlib import Path

from services.assembly import SERVICES
from services.runtime.settings import Settings

SQLITE = "moodring.sqlite3"
"""The database's file in the data folder, where no other database is set."""
OTHER_NAMES = {"tokens": "gateway"}
"""State files that are not called like the service that keeps them."""


def owner(file_name: str) -> str | None:
    """Return the service that keeps a state file, or `None` where the name is of none."""
    stem = file_name.removesuffix(".json")
    if stem.startswith("commands-"):
        stem = stem.removeprefix("commands-").partition("-")[0]
    service = OTHER_NAMES.get(stem, stem)
    return service if file_name.endswith(".json") and service in SERVICES else None


def data_of(settings: Settings, service: str) -> Path:
    """Return a service's data folder: one of its own below the data folder where there is one, else the common one."""
    own = settings.data / service
    return own if own.is_dir() else settings.data


def state_files(settings: Settings) -> Iterator[Path]:
    """Yield every state file there is, each once."""
    for folder in sorted({data_of(settings, service) for service in SERVICES}):
        yield from sorted(path for path in (folder / "state").glob("*.json") if owner(path.name))


def music_folder(settings: Settings) -> Path:
    """Return the folder that songs' addresses begin with."""
    return (settings.music or settings.data / "songs").resolve()


def sqlite_files(file: Path) -> list[Path]:
    """Return of a database's file and what SQLite keeps beside it (https://sqlite.org/tempfiles.html) what there is."""
    beside = (file.with_name(f"{file.name}{suffix}") for suffix in ("", "-wal", "-shm", "-journal"))
    return [one for one in beside if one.exists()]
