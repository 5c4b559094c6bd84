"""What `docker compose up` needs before anything else runs: secrets and the broker's files, each where it belongs.

Every service has a volume of its own and finds only its own secrets there. A secret that the user gave is taken, one
that is there stays, and the rest are made; the broker's files become those of this version. What is right already is
not written again.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from services.contracts.rights import HOME_AUTOMATION, RIGHTS
from services.runtime.secret_files import read_secret
from services.runtime.service import SetupError
from services.runtime.state import replace_file
from services.upkeep.authority import certify
from services.upkeep.broker_files import HEALTH, PASSWORDS, broker_files
from services.upkeep.ownership import give_volume_back, nearest, why

SECRET_BYTES = 32
BROKER_FOLDER = "/mosquitto/data"
"""The broker's volume as the broker sees it."""


@dataclass(frozen=True)
class Secret:
    """A secret: its name in the folder of the user's own, and the files that hold it below the volumes."""

    name: str
    files: tuple[str, ...]


DATABASE = Secret("database", ("postgres/password", "recommender/secrets/database"))
TO_CHANGE_IT = (
    "`docker compose up -d --no-deps postgres`, "
    "`docker compose exec postgres psql -U moodring -c \"ALTER USER moodring PASSWORD 'the new one'\"`, "
    "`docker compose exec postgres rm /var/lib/postgresql/data/password`"
)
"""What to type; without the file that says which password holds there, the one that is given is taken."""
OTHERS = 0o077
"""Rights of everyone but the owner."""
NEW_AUTHORITY = (
    "the authority of the broker's TLS has a new certificate; give it to Home Assistant and whoever else checks it: "
    "`docker compose exec mosquitto cat /mosquitto/data/tls/ca.crt`"
)


def _secrets() -> tuple[Secret, ...]:
    services = tuple(user for user in RIGHTS if user != HOME_AUTOMATION)
    return (
        *(Secret(f"mqtt-{user}", (f"{user}/secrets/mqtt",)) for user in services),
        Secret(f"mqtt-{HOME_AUTOMATION}", (f"mosquitto/{HOME_AUTOMATION}",)),
        Secret(f"mqtt-{HEALTH}", ("mosquitto/health/password",)),
        DATABASE,
        Secret("metrics", ("gateway/secrets/metrics", "prometheus/metrics")),
        Secret("grafana", ("grafana/password",)),
    )


SECRETS = _secrets()


def prepare(volumes: Path, given: Path, *, prefix: str, names: tuple[str, ...] = ()) -> list[str]:
    """Write every file of a first start; at later starts, what is missing.

    Args:
        volumes: Folder with one folder per volume.
        given: Folder with the user's own secrets, one file each.
        prefix: First level of every topic.
        names: Names and addresses of this server, for TLS on the broker; without any it has no TLS listener.

    Returns:
        What was made, a line each.

    Raises:
        SetupError: A secret of the user's is not usable, or a volume is not writable.
    """
    _check(given)
    made: list[str] = []
    values: dict[str, str] = {}
    try:
        _check_database(volumes, given)
        for secret in SECRETS:
            files = [volumes / file for file in secret.files]
            values[secret.name] = _value(secret, given / secret.name, *files) or secrets.token_urlsafe(SECRET_BYTES)
            if not all(file.exists() for file in files):
                made.append(f"made the secret {secret.name}")
            for file in files:
                _write(file, values[secret.name])
        if names and certify(volumes / "mosquitto" / "tls", names):
            made.append(NEW_AUTHORITY)
        passwords = {name.removeprefix("mqtt-"): value for name, value in values.items() if name.startswith("mqtt-")}
        broker = volumes / "mosquitto"
        (broker / "store").mkdir(exist_ok=True, mode=0o700)
        before = (broker / PASSWORDS).read_text() if (broker / PASSWORDS).exists() else ""
        for path, text in broker_files(BROKER_FOLDER, prefix, passwords, tls=bool(names), before=before).items():
            _write(broker / path, text)
    except OSError as error:
        raise SetupError(_unwritable(volumes, error)) from error
    return made


def _unwritable(volumes: Path, error: OSError) -> str:
    place = Path(error.filename or volumes)
    what = f"{place} cannot be written: {error.strerror}"
    if not isinstance(error, PermissionError) or volumes not in place.parents:
        return what
    there, volume = nearest(place), place.relative_to(volumes).parts[0]
    return f"{what} ({there}: {why(there)}); put it right: {give_volume_back(there, volume=volume)}"


def _check(given: Path) -> None:
    """Refuse files that stand for nothing: a secret with a misspelt name would be one that nobody uses."""
    known = {secret.name for secret in SECRETS}
    for file in sorted(given.glob("*")) if given.is_dir() else ():
        if file.name not in known and file.suffix != ".md" and not file.name.startswith("."):
            raise SetupError(f"{file}: there is no secret of this name; choose from {', '.join(sorted(known))}")


def _check_database(volumes: Path, given: Path) -> None:
    """Refuse another password once there is a database: it keeps the one that it was made with."""
    if not (volumes / "postgres" / "pgdata").exists():
        return
    own, told, other = given / DATABASE.name, *(volumes / file for file in DATABASE.files)
    before = _value(DATABASE, told)
    if before and _value(DATABASE, own, told) != before:
        what = "is another password than PostgreSQL was made with; delete it, or have it changed there too"
    elif not _value(DATABASE, own, told, other):
        what = "is lost; put one of your own into the folder of secrets, and have it changed in PostgreSQL too"
    else:
        return
    raise SetupError(f"the secret {DATABASE.name} {what}: {TO_CHANGE_IT}")


def _write(path: Path, text: str) -> None:
    """Replace a file, unless it is as it should be."""
    if not path.exists() or path.stat().st_mode & OTHERS or path.read_bytes() != text.encode():
        replace_file(path, text.encode())


def _value(secret: Secret, *files: Path) -> str:
    """Return what stands in the first of the files that is there; nothing where none is."""
    try:
        return next((read_secret(file) for file in files if file.exists()), "")
    except ValueError as error:
        raise SetupError(f"the secret {secret.name}: {error}") from error
