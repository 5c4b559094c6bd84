"""What `docker compose up` needs before anything else runs: secrets and the broker's files, each where it belongs.

Every service has a volume of its own and finds only its own secrets there. A secret that the user gave is taken, one
that is there stays, and the rest are made; the broker's files are written anew each time, so that they are of this
version.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from services.contracts.rights import HOME_AUTOMATION, RIGHTS
from services.runtime.secret_files import read_secret
from services.runtime.service import SetupError
from services.runtime.state import replace_file
from services.upkeep.authority import certify
from services.upkeep.broker_files import HEALTH, broker_files

SECRET_BYTES = 32
BROKER_FOLDER = "/mosquitto/data"
"""The broker's volume as the broker sees it."""


@dataclass(frozen=True)
class Secret:
    """A secret: its name in the folder of the user's own, and the files that hold it below the volumes."""

    name: str
    files: tuple[str, ...]


def _secrets() -> tuple[Secret, ...]:
    services = tuple(user for user in RIGHTS if user != HOME_AUTOMATION)
    return (
        *(Secret(f"mqtt-{user}", (f"{user}/secrets/mqtt",)) for user in services),
        Secret(f"mqtt-{HOME_AUTOMATION}", (f"mosquitto/{HOME_AUTOMATION}",)),
        Secret(f"mqtt-{HEALTH}", ("mosquitto/health/password",)),
        Secret("database", ("postgres/password", "recommender/secrets/database")),
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
        The names of the secrets that were made.

    Raises:
        SetupError: A secret of the user's is not usable, or a volume is not writable.
    """
    _check(given)
    made: list[str] = []
    values: dict[str, str] = {}
    try:
        for secret in SECRETS:
            values[secret.name] = _value(secret, volumes, given) or secrets.token_urlsafe(SECRET_BYTES)
            if not all((volumes / file).exists() for file in secret.files):
                made.append(secret.name)
            for file in secret.files:
                replace_file(volumes / file, values[secret.name].encode())
        if names:
            certify(volumes / "mosquitto" / "tls", names)
        passwords = {name.removeprefix("mqtt-"): value for name, value in values.items() if name.startswith("mqtt-")}
        (volumes / "mosquitto" / "store").mkdir(exist_ok=True, mode=0o700)
        for path, text in broker_files(BROKER_FOLDER, prefix, passwords, tls=bool(names)).items():
            replace_file(volumes / "mosquitto" / path, text.encode())
    except OSError as error:
        raise SetupError(f"{error.filename or volumes} cannot be written: {error.strerror}") from error
    return made


def _check(given: Path) -> None:
    """Refuse files that stand for nothing: a secret with a misspelt name would be one that nobody uses."""
    known = {secret.name for secret in SECRETS}
    for file in sorted(given.glob("*")) if given.is_dir() else ():
        if file.name not in known and file.suffix != ".md" and not file.name.startswith("."):
            raise SetupError(f"{file}: there is no secret of this name; choose from {', '.join(sorted(known))}")


def _value(secret: Secret, volumes: Path, given: Path) -> str:
    own = given / secret.name
    try:
        if own.exists():
            return read_secret(own)
        kept = [volumes / file for file in secret.files if (volumes / file).exists()]
        return read_secret(kept[0]) if kept else ""
    except ValueError as error:
        raise SetupError(f"the secret {secret.name}: {error}") from error
