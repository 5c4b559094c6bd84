"""Who may in: the check in front of every page, REST call, event stream and websocket of a process.

Served on loopback, nobody needs a token; a request that says it was forwarded comes from somewhere else and does.
Served elsewhere, everybody does. Two attacks need no token and are met everywhere: a page of another site that calls
us from the user's own browser (its `Origin` differs from our `Host`), and, on loopback, a name of another site that
was pointed at 127.0.0.1 ("DNS rebinding": its `Host` is no name of ours).
"""

import ipaddress
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.tokens import Tokens

AUTH_PATH = "/auth"
"""What a reverse proxy asks before it lets a request through."""
SIGN_IN_PATH = "/auth/sign-in"
COOKIE = "moodring_session"

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/favicon.ico", SIGN_IN_PATH})
"""What anyone may ask for: whether we live, and what the sign-in page needs."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers that say that a proxy stands between. They can only take rights away: anyone can write them."""
POLICY_VIOLATION = 1008
"""RFC 6455 section 7.4.1: the close code for whatever a policy forbids."""

SAFETY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """The application behind the check; `app` is the one inside."""

    def __init__(self, app: ASGIApp, tokens: Tokens, *, host: str, sign_in: Callable[[str], str] | None) -> None:
        self.app = app
        self._tokens = tokens
        self._host = host
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or answer it with why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._check(HTTPConnection(scope))
        if refusal is None:
            await self.app(scope, receive, _with_safety_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await refusal(scope, receive, _with_safety_headers(send))

    def _check(self, request: HTTPConnection) -> Response | None:
        headers = request.headers
        loopback = is_loopback(self._host) and not any(name in headers for name in FORWARDED)
        if loopback and not self._is_our_name(headers.get("host", "")):
            return _forbidden(
                f"this address is served as {self._host}, not as {headers.get('host', '')!r}; "
                "open it under that address, or set MOODRING_HTTP_HOST to serve others",
            )
        if not _same_origin(request):
            return _forbidden("this request comes from a page of another site")
        if loopback or request.scope["path"] in OPEN_PATHS or self._has_token(request):
            return None
        return self._unauthorised(request)

    def _is_our_name(self, host: str) -> bool:
        name, separator, port = host.lower().rpartition(":")
        name = name if separator and port.isdigit() else host.lower()
        return is_loopback(name) or name == self._host.lower()

    def _has_token(self, request: HTTPConnection) -> bool:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._tokens.find(secret.strip()) is not None
        return self._tokens.signed_in(request.cookies.get(COOKIE, ""))

    def _unauthorised(self, request: HTTPConnection) -> Response:
        if self._sign_in and wants_html(request.headers) and _method(request) in SAFE_METHODS:
            forwarded = request.headers.get("x-forwarded-uri") if request.scope["path"] == AUTH_PATH else None
            query = request.url.query
            here = request.scope["path"] + (f"?{query}" if query else "")
            return HTMLResponse(self._sign_in(forwarded or here), status_code=401)
        why = f"a token is needed: send `Authorization: Bearer …`, or sign in at {SIGN_IN_PATH}"
        return JSONResponse({"detail": why}, status_code=401, headers={"WWW-Authenticate": "Bearer"})


def guard(app: ASGIApp, tokens: Tokens, *, host: str, sign_in: Callable[[str], str] | None = None) -> Guard:
    """Return the application behind the check.

    Args:
        app: Everything that is served.
        tokens: The tokens that open it.
        host: The address it is served on, as configured; a token is demanded unless it is loopback.
        sign_in: Returns the page where a browser signs in, for the path to go to next; for a process that has one.
    """
    return Guard(app, tokens, host=host, sign_in=sign_in)


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


def _forbidden(why: str) -> Response:
    return JSONResponse({"detail": why}, status_code=403)


def wants_html(headers: Headers) -> bool:
    """Say whether a person's browser asks for a page."""
    return "text/html" in headers.get("accept", "")


def _with_safety_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SAFETY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sender
