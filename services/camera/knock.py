"""Asks whether a camera on the network is there, before FFmpeg does.

OpenCV opens one FFmpeg source at a time in the whole process, and waits for each: what does not answer must not get so
far, or it keeps every other camera waiting (measured: 5 s each, at every try).
"""

import socket
import ssl
import time
from urllib.parse import SplitResult, urlsplit

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
TLS = frozenset({"rtsps", "https"})
MOST_BYTES = 65_536
"""Longest head that is read."""
OK = 200
REFUSED = frozenset({401, 403})


def knock(url: str, within_s: float) -> int:
    """Ask a camera for its pictures, without user and password, and return what it says: a status of RTSP or HTTP.

    They are told apart where it matters only: what asks for a password is asked again by FFmpeg, which has it. One that
    agrees over HTTP has to begin with a picture, too.

    Args:
        url: Its address: `rtsp`, `rtsps`, `http` or `https`.
        within_s: How long it has for all of that.

    Raises:
        OSError: It is not there, or says nothing in time.
    """
    ends_at = time.monotonic() + within_s
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = parts.hostname or ""
    with socket.create_connection((host, parts.port or PORTS[scheme]), within_s) as plain:
        connection = _wrapped(plain, host) if scheme in TLS else plain
        connection.sendall(_question(parts))
        return _status(connection, ends_at, body=scheme.startswith("http"))


def _wrapped(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Return the connection over TLS; cameras sign their certificates themselves, and nothing secret is said."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


def _question(parts: SplitResult) -> bytes:
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme.lower().startswith("rtsp"):
        where = parts._replace(scheme="rtsp", netloc=host, fragment="").geturl()
        return f"DESCRIBE {where} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n".encode()
    where = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    return f"GET {where} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()


def _status(connection: socket.socket, ends_at: float, *, body: bool) -> int:
    heard = b""
    while True:
        connection.settimeout(max(0.001, ends_at - time.monotonic()))
        more = connection.recv(4096)
        heard += more
        head, end, rest = heard.partition(b"\r\n\r\n")
        words = head.split(None, 2)
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else OK
        if (end and (rest or not body or status != OK)) or len(heard) > MOST_BYTES:
            return status
        if not more:
            raise ConnectionError("it hung up")
