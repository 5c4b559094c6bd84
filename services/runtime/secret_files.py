"""Secrets that lie in files of their own, so that no environment, command line or settings file shows them."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AfterValidator, FilePath


def read_secret(file: Path) -> str:
    """Return the secret in a file, without the line end that editors add.

    Raises:
        ValueError: It cannot be read, or is empty.
    """
    try:
        secret = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, PermissionError):
            user = os.geteuid()
            reason = f"{reason}; it has to belong to user {user} (chown {user}) and be readable by it (chmod u+r)"
        raise ValueError(f"{file} cannot be read: {reason}") from error
    if not secret:
        raise ValueError(f"{file} is empty")
    return secret


def _readable(file: Path) -> Path:
    read_secret(file)
    return file


SecretFile = Annotated[FilePath, AfterValidator(_readable)]
"""A file with a secret; it is there, readable and not empty."""


def with_password(url: str, file: Path | None) -> str:
    """Return a URL with the password of a file, where the URL names a user and no password of its own."""
    parts = urlsplit(url)
    if file is None or not parts.username or parts.password is not None:
        return url
    _, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{quote(read_secret(file), safe='')}@{place}"))
