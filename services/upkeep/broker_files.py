"""The files of a Mosquitto of our own: configuration, users with passwords, access list, and TLS.

They hold for Mosquitto 2.0 and 2.1 (which calls `password_file` and `acl_file` deprecated, and still reads them).
"""

import hashlib
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from services.contracts.channels import MAX_PAYLOAD_BYTES
from services.contracts.rights import access_list
from services.runtime.mqtt_client import QUEUE_QOS1

PASSWORDS = Path("passwords")
HEALTH = "health"
"""The user that only asks the broker how long it has been up."""

PORT = 1883
TLS_PORT = 8883
ITERATIONS = 101
"""Mosquitto's own number; more protects passwords that people choose, and these are 256 random bits."""
SALT_BYTES = 12
"""All that Mosquitto 2.0 reads."""
MAX_CONNECTIONS = 200
MEMORY_BYTES = 64_000_000
PACKET_BYTES = MAX_PAYLOAD_BYTES + 100_000
"""The longest payload with its topic and properties."""


def configuration(folder: str, *, tls: bool) -> str:
    """Return `mosquitto.conf`.

    Args:
        folder: Where the broker finds the other files.
        tls: Whether it listens with TLS too, with `tls/server.pem`.
    """
    # Per listener: set before any, it would open the default one besides, on port 1883 of all addresses.
    limit = f"max_connections {MAX_CONNECTIONS}"
    listeners = [f"listener {PORT}", limit]
    if tls:
        certificate = [f"certfile {folder}/tls/server.pem", f"keyfile {folder}/tls/server.pem", "tls_version tlsv1.2"]
        listeners += [f"listener {TLS_PORT}", limit, *certificate]
    return "\n".join(
        (
            "# Written at every start; change nothing here.",
            "allow_anonymous false",
            f"password_file {folder}/passwords",
            f"acl_file {folder}/acl",
            "# Sessions and their commands survive a restart of the broker; when it crashes or power fails, all but",
            "# the last half minute of them: written at each change, retained states would never let the disk rest.",
            "persistence true",
            f"persistence_location {folder}/store/",
            "autosave_interval 30",
            "persistent_client_expiration 7d",
            "# Without it Nagle's delay adds up to 80 ms to a frame.",
            "set_tcp_nodelay true",
            "# What one client, or all of them, can take.",
            f"max_packet_size {PACKET_BYTES}",
            f"max_queued_messages {QUEUE_QOS1}",
            "max_queued_bytes 8000000",
            f"memory_limit {MEMORY_BYTES}",
            "log_dest stdout",
            "log_type error",
            "log_type warning",
            "log_type notice",
            *listeners,
            "",
        )
    )


def rights(prefix: str) -> str:
    """Return the access list of a home, and what the health check may hear."""
    return f"{access_list(prefix)}user {HEALTH}\ntopic read $SYS/broker/uptime\n"


def password_line(user: str, password: str, salt: bytes = b"") -> str:
    """Return a user's line of the password file: PBKDF2 with SHA-512, as `mosquitto_passwd` writes it."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"{user}:$7${ITERATIONS}${b64encode(salt).decode()}${b64encode(key).decode()}"


def _password_lines(passwords: Mapping[str, str], before: str) -> list[str]:
    """Return a line for every user: the one that was there before where it stands for the same password."""
    known = {line.partition(":")[0]: line for line in before.splitlines()}
    lines = []
    for user, password in passwords.items():
        line = known.get(user, "")
        lines.append(line if line == password_line(user, password, _salt(line)) else password_line(user, password))
    return lines


def _salt(line: str) -> bytes:
    try:
        return b64decode(line.split("$")[3])
    except (IndexError, ValueError):
        return b""


def broker_files(
    folder: str, prefix: str, passwords: Mapping[str, str], *, tls: bool, before: str = ""
) -> dict[Path, str]:
    """Return the content of every file below the broker's folder.

    Args:
        folder: The folder as the broker sees it.
        prefix: First level of every topic.
        passwords: By user, `HEALTH` among them.
        tls: See `configuration`.
        before: The password file that is there.
    """
    return {
        Path("mosquitto.conf"): configuration(folder, tls=tls),
        Path("acl"): rights(prefix),
        PASSWORDS: "".join(f"{line}\n" for line in _password_lines(passwords, before)),
        # mosquitto_sub reads its options here, so that no command line holds the password.
        Path("health/mosquitto_sub"): f"-u {HEALTH}\n-P {passwords[HEALTH]}\n",
    }
