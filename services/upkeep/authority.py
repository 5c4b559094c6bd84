"""A certificate authority of the household's own, for the broker's TLS listener."""

import ipaddress
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def certify(folder: Path, names: Sequence[str], *, clock: Callable[[], float] = time.time) -> bool:
    """Have `server.pem`, certificate and key for names and addresses, signed by the authority in `ca.crt` beside it.

    What holds for all names, and long enough, stays as it is. The authority is judged by what it signs, as its clients
    do. One that strict clients refuse, or that runs out, has its certificate made anew with the key that it has: who
    trusts the one before still trusts what is signed, for as long as that one lasts. While the clock is wrong nothing
    is made: it would not hold later.

    Returns:
        Whether the authority's certificate is a new one.

    Raises:
        SetupError: openssl is not installed, or refuses; or the clock is wrong and there is no certificate yet.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise SetupError("the TLS listener needs a certificate and openssl is not installed; install it")
    judged = machine.clock(clock(), None)
    if judged.how is How.BROKEN:
        if (folder / "server.pem").exists():
            return False
        raise SetupError(f"no certificate can be made by this clock: {judged.what}; {judged.do}")
    home, server = _Home(openssl, folder, names), folder / "server.pem"
    now = int(clock())
    until = now + RENEW_DAYS * DAY_S
    if server.exists() and home.trusts(server.read_bytes(), until):
        return False
    signed = home.signed() if home.lasts(until) else b""
    renewed = not home.trusts(signed, now + DAY_S)  # by openssl's clock it holds from a moment ahead of ours on
    if renewed:
        home.renew()
        signed = home.signed()
    replace_file(server, signed)
    return renewed


@dataclass(frozen=True)
class _Home:
    """The authority of a home in its folder, and the names that it signs for."""

    openssl: str
    folder: Path
    names: Sequence[str]

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def key(self) -> Path:
        return self.folder / "ca.key"

    def lasts(self, until: int) -> bool:
        """Whether its certificate is there and holds at a time in seconds since 1970."""
        return self.certificate.exists() and self._verifies(self.certificate.read_bytes(), until)

    def trusts(self, server: bytes, at: int) -> bool:
        """Whether clients trust a server then that are strict by RFC 5280, as Python is from 3.13 on.

        Of an authority alone openssl judges less: that it lacks a key usage shows in what it signed.
        """
        return all(self._verifies(server, at, *_expecting(name)) for name in self.names)

    def renew(self) -> None:
        """Make the authority's certificate anew, and its key where there is none."""
        if not self.key.exists():
            replace_file(self.key, self._new_key())
        certificate = self._request(
            *("-key", str(self.key), "-days", str(AUTHORITY_DAYS), "-subj", "/CN=Moodring home authority"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        replace_file(self.certificate, certificate)

    def signed(self) -> bytes:
        """Return a certificate for the names with a key of its own."""
        key = self._new_key()
        certificate = self._request(
            *("-CA", str(self.certificate), "-CAkey", str(self.key), "-key", "/dev/stdin"),
            *("-days", str(SERVER_DAYS), "-subj", f"/CN={self.names[0]}"),
            *("-addext", f"subjectAltName={','.join(_alternative(name) for name in self.names)}"),
            *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"),
            given=key,
        )
        return certificate + key

    def _verifies(self, certificate: bytes, at: int, *expecting: str) -> bool:
        verify = (self.openssl, "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", str(self.certificate))
        return _run(*verify, "-attime", str(at), *expecting, given=certificate).returncode == 0

    def _new_key(self) -> bytes:
        return self._made("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")

    def _request(self, *options: str, given: bytes = b"") -> bytes:
        return self._made("req", "-x509", "-new", *options, given=given)

    def _made(self, *command: str, given: bytes = b"") -> bytes:
        done = _run(self.openssl, *command, given=given)
        if done.returncode:
            raise SetupError(f"openssl cannot make the certificate: {' '.join(done.stderr.decode().split())[-300:]}")
        return done.stdout


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


def _run(*command: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(command, input=given, capture_output=True, check=False)  # noqa: S603 - no shell, our words
