"""A certificate authority of the household's own, for the broker's TLS listener."""

import ipaddress
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from services.runtime.service import SetupError
from services.runtime.state import replace_file
from services.upkeep.checks import machine
from services.upkeep.findings import How

AUTHORITY_DAYS = 3650
SERVER_DAYS = 825
"""What Apple's devices accept at most."""
RENEW_DAYS = 400
"""What would not last so long is made anew, so that nothing runs out where somebody starts again once a year."""
DAY_S = 86_400


def certify(folder: Path, names: Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
    """Have `server.pem`, certificate and key for names and addresses, signed by the authority in `ca.crt` beside it.

    What holds for all names, and long enough, stays as it is. An authority that runs out is replaced, and then has to
    be given to the devices that trusted it. While the clock is wrong nothing is made: it would not hold later.

    Raises:
        SetupError: openssl is not installed, or refuses; or the clock is wrong and there is no certificate yet.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise SetupError("the TLS listener needs a certificate and openssl is not installed; install it")
    authority, server = folder / "ca.crt", folder / "server.pem"
    judged = machine.clock(clock(), None)
    if judged.how is How.BROKEN:
        if server.exists():
            return
        raise SetupError(f"no certificate can be made by this clock: {judged.what}; {judged.do}")
    until = ("-attime", str(int(clock()) + RENEW_DAYS * DAY_S))
    # Strictly by RFC 5280, as Python does from 3.13 on.
    trusted = (openssl, "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", str(authority), *until)
    if not _succeeds(*trusted, str(authority)):
        certificate, key = _made(
            *(openssl, "-days", str(AUTHORITY_DAYS), "-subj", "/CN=Moodring home authority"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        replace_file(folder / "ca.key", key)
        replace_file(authority, certificate)
    if not all(_succeeds(*trusted, *_expecting(name), str(server)) for name in names):
        certificate, key = _made(
            *(openssl, "-CA", str(authority), "-CAkey", str(folder / "ca.key")),
            *("-days", str(SERVER_DAYS), "-subj", f"/CN={names[0]}"),
            *("-addext", f"subjectAltName={','.join(_alternative(name) for name in names)}"),
            *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"),
        )
        replace_file(server, certificate + key)


def is_address(name: str) -> bool:
    """Whether a word is an IP address, and not a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _alternative(name: str) -> str:
    return f"{'IP' if is_address(name) else 'DNS'}:{name}"


def _expecting(name: str) -> tuple[str, str]:
    return ("-verify_ip" if is_address(name) else "-verify_hostname", name)


def _made(openssl: str, *options: str) -> tuple[bytes, bytes]:
    """Return a new certificate and its key, as PEM."""
    with TemporaryDirectory() as place:
        certificate, key = Path(place) / "certificate", Path(place) / "key"
        done = _run(
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(key), "-out", str(certificate), *options),
        )
        if done.returncode:
            raise SetupError(f"openssl cannot make the certificate: {' '.join(done.stderr.split())[-300:]}")
        return certificate.read_bytes(), key.read_bytes()


def _succeeds(*command: str) -> bool:
    return _run(*command).returncode == 0


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, our words
