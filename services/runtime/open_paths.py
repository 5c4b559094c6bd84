"""The few paths that anyone may ask for, and how little they give and take."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN_PATH = "/auth/sign-in"
READY_PATH = "/readyz"
OPEN_PATHS = frozenset({"/healthz", READY_PATH, "/favicon.ico", SIGN_IN_PATH})
"""What anyone may ask for: whether we live and are ready (not why), and what the sign-in page needs."""
OPEN_BODY_BYTES = 8192
"""The longest body that anyone may send: a sign-in form holds a token and a path."""
FORM = "application/x-www-form-urlencoded"


async def serve_anyone(app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, known: bool) -> None:
    """Serve an open path.

    Args:
        app: What serves it.
        scope: The request, as `receive` and `send`.
        receive: See `scope`.
        send: See `scope`.
        known: Whether the caller may have everything; others learn no more than they need.
    """
    if scope["path"] == READY_PATH and not known:
        send = _without_reasons(scope, receive, send)
    if scope["method"] in SAFE_METHODS:
        await app(scope, receive, send)
        return
    body = await _short_body(receive)
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if body is None:
        why = f"this path takes {OPEN_BODY_BYTES} bytes at most"
        await JSONResponse({"detail": why}, 413, {"Connection": "close"})(scope, receive, send)
    elif body and kind != FORM:
        await JSONResponse({"detail": f"send this as {FORM}"}, 415)(scope, receive, send)
    else:
        await app(scope, _again(body, receive), send)


async def _short_body(receive: Receive) -> bytes | None:
    """Return a request's body, or `None` where it is too long or did not come whole."""
    body = b""
    while len(body) <= OPEN_BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body if len(body) <= OPEN_BODY_BYTES else None
    return None


def _again(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiver() -> Message:
        return waiting.pop() if waiting else await receive()

    return receiver


def _without_reasons(scope: Scope, receive: Receive, send: Send) -> Send:
    """Pass only the status on, and in words whether it is a good one: reasons name files, hosts and devices."""
    status = 0

    async def sender(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif not message.get("more_body", False):
            await JSONResponse({"ready": status == HTTPStatus.OK}, status)(scope, receive, send)

    return sender
