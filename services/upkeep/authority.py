"""A certificate authority of the household's own, for the broker's TLS listener."""

import ipaddress
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from services.runtime.service import SetupError

AUTHORITY_DAYS = 3650
SERVER_DAYS = 825
"""What Apple's devices accept at most."""


def certify(folder: Path, names: Sequence[str]) -> None:
    """Make `server.crt` and `server.key` for names and addresses, signed by the authority in `ca.crt` beside them.

    The authority is made once and stays; the certificate is made again with every call, so that it never runs out
    while somebody restarts once in two years.

    Raises:
        SetupError: openssl is not installed, or refuses.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise SetupError("the TLS listener needs a certificate and openssl is not installed; install it")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "ca.crt").exists():
        _run(
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt.new")),
            *("-days", str(AUTHORITY_DAYS), "-subj", "/CN=Moodring home authority"),
        )
        (folder / "ca.crt.new").replace(folder / "ca.crt")
    _run(
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key")),
        *("-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")),
        *("-days", str(SERVER_DAYS), "-subj", f"/CN={names[0]}"),
        *("-addext", f"subjectAltName={','.join(_alternative(name) for name in names)}"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"),
    )


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, our words
    if done.returncode:
        raise SetupError(f"openssl cannot make the certificate: {' '.join(done.stderr.split())[-300:]}")
