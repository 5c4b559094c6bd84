"""Who may in: the check in front of every page, REST call, event stream and websocket of a process.

Served on loopback, nobody needs a token; a request that says it was forwarded comes from somewhere else and does.
Served elsewhere, or behind a reverse proxy (which need not say so in a header), everybody does. Two attacks
need no token and are met everywhere: a page of another site that calls us from the user's own browser (its `Origin`
differs from our `Host`), and, on loopback, a name of another site that was pointed at 127.0.0.1 ("DNS rebinding": its
`Host` is no name of ours).
"""

import hmac
import ipaddress
import logging
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.connections import POLICY_VIOLATION, Connections
from services.runtime.logs import Throttle
from services.runtime.open_paths import OPEN_PATHS, SAFE_METHODS, SIGN_IN_PATH, serve_anyone
from services.runtime.state import UnreadableStateError
from services.runtime.tokens import Session, Token, Tokens

log = logging.getLogger(__name__)

AUTH_PATH = "/auth"
"""What a reverse proxy asks before it lets a request through."""
COOKIE = "moodring_session"
METRICS_PATH = "/metrics"

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers that say that a proxy stands between. They can only take rights away: anyone can write them."""

SAFETY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """The application behind the check; `app` is the one inside. See `guard` for the arguments."""

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        *,
        host: str,
        proxied: bool,
        sign_in: Callable[[str], str] | None,
        metrics_token: str,
    ) -> None:
        self.app = app
        self._tokens = tokens
        self._host = host
        self._local = serves_itself(host, proxied=proxied)
        self._sign_in = sign_in
        self._metrics_token = metrics_token
        self._connections = Connections(tokens)
        self._throttle = Throttle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or answer it with why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request, send = HTTPConnection(scope), _with_safety_headers(send)
        local = self._local and not any(name in request.headers for name in FORWARDED)
        refusal = self._refusal(request, local=local)
        grant, unreadable = self._grant(request) if not local else (None, None)
        if refusal:
            await _refuse(refusal, scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in OPEN_PATHS:
            known = local or grant is not None or self._is_own_health_check(request)
            await serve_anyone(self.app, scope, receive, send, known=known)
        elif local or self._is_prometheus(request):
            await self.app(scope, receive, send)
        elif grant:
            await self._connections.run(self.app, grant, scope, receive, send)
        else:
            await _refuse(unreadable or self._unauthorised(request), scope, receive, send)

    def _refusal(self, request: HTTPConnection, *, local: bool) -> Response | None:
        host = request.headers.get("host", "")
        if local and not self._is_our_name(host):
            return _forbidden(
                f"this address is served as {self._host}, not as {host!r}; "
                "open it under that address, or set MOODRING_HTTP_HOST to serve others",
            )
        if not _same_origin(request):
            return _forbidden(
                f"this request comes from a page of another site than {host!r} (a reverse proxy must pass the Host "
                "header on as it came)"
            )
        return None

    def _is_our_name(self, host: str) -> bool:
        name, separator, port = host.lower().rpartition(":")
        name = name if separator and port.isdigit() else host.lower()
        return is_loopback(name) or name == self._host.lower()

    def _is_own_health_check(self, request: HTTPConnection) -> bool:
        """Say whether this machine, or container, asks itself how it is.

        Served on loopback that could as well be a reverse proxy that does not say so.
        """
        direct = request.client is not None and not any(name in request.headers for name in FORWARDED)
        itself = direct and request.client is not None and is_loopback(request.client.host)
        return itself and not is_loopback(self._host) and self._is_our_name(request.headers.get("host", ""))

    def _is_prometheus(self, request: HTTPConnection) -> bool:
        """Say whether the metrics are asked for with the token that opens nothing else."""
        secret = _bearer(request)
        right = bool(secret and self._metrics_token) and hmac.compare_digest(
            (secret or "").encode(), self._metrics_token.encode()
        )
        return right and request.scope["path"] == METRICS_PATH and _method(request) in SAFE_METHODS

    def _grant(self, request: HTTPConnection) -> tuple[Token | Session | None, Response | None]:
        """Return what opens for a request, and why that cannot be said where nobody can read who may in."""
        secret = _bearer(request)
        try:
            if secret is not None:
                return self._tokens.find(secret), None
            return self._tokens.signed_in(request.cookies.get(COOKIE, "")), None
        except UnreadableStateError as error:
            return None, unavailable(error, self._throttle)

    def _unauthorised(self, request: HTTPConnection) -> Response:
        if self._sign_in and wants_html(request.headers) and _method(request) in SAFE_METHODS:
            forwarded = request.headers.get("x-forwarded-uri") if request.scope["path"] == AUTH_PATH else None
            query = request.url.query
            here = request.scope["path"] + (f"?{query}" if query else "")
            return HTMLResponse(self._sign_in(forwarded or here), status_code=401)
        why = f"a token is needed: send `Authorization: Bearer …`, or sign in at {SIGN_IN_PATH}"
        return JSONResponse({"detail": why}, status_code=401, headers={"WWW-Authenticate": "Bearer"})


def guard(
    app: ASGIApp,
    tokens: Tokens,
    *,
    host: str,
    proxied: bool = False,
    sign_in: Callable[[str], str] | None = None,
    metrics_token: str = "",
) -> Guard:
    """Return the application behind the check.

    Args:
        app: Everything that is served.
        tokens: The tokens that open it.
        host: The address it is served on, as configured; a token is demanded unless it is loopback.
        proxied: Whether a reverse proxy stands in front: a token is then demanded on loopback too.
        sign_in: Returns the page where a browser signs in, for the path to go to next; for a process that has one.
        metrics_token: A secret that opens `/metrics` and nothing else; none without it.
    """
    return Guard(app, tokens, host=host, proxied=proxied, sign_in=sign_in, metrics_token=metrics_token)


def serves_itself(host: str, *, proxied: bool) -> bool:
    """Say whether only this machine is served, so that nobody needs a token."""
    return is_loopback(host) and not proxied


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine's own, unreachable from others."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _same_origin(request: HTTPConnection) -> bool:
    headers = request.headers
    if request.scope["type"] == "http" and _method(request) in SAFE_METHODS:
        return True
    origin = headers.get("origin")
    return origin is None or origin.lower().partition("://")[2] == headers.get("host", "").lower()


def _method(request: HTTPConnection) -> str:
    # A proxy asks `/auth` with GET about a request of another method, which it names.
    asked = request.headers.get("x-forwarded-method") if request.scope["path"] == AUTH_PATH else None
    return str(asked or request.scope["method"]).upper()


def _bearer(request: HTTPConnection) -> str | None:
    """Return the secret of an `Authorization: Bearer` header; `None` without one."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def unavailable(error: UnreadableStateError, throttle: Throttle) -> Response:
    """Say that something that is kept cannot be read; where it lies is for the log, not for who asks."""
    if count := throttle.count(str(error)):
        log.error("%s (%d requests)", error, count)
    return JSONResponse({"detail": "what is kept cannot be read; the log says which file, and why"}, status_code=503)


def _forbidden(why: str) -> Response:
    return JSONResponse({"detail": why}, status_code=403)


def wants_html(headers: Headers) -> bool:
    """Say whether a person's browser asks for a page."""
    return "text/html" in headers.get("accept", "")


async def _refuse(refusal: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
    else:
        await refusal(scope, receive, send)


def _with_safety_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SAFETY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sender
