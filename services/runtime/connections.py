"""Websockets and endless streams end with the token or session that opened them, not only requests to come."""

import asyncio
import math

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.tokens import Session, Token, Tokens

POLICY_VIOLATION = 1008
"""RFC 6455 section 7.4.1: the close code for whatever a policy forbids."""


class Connections:
    """The requests and websockets that tokens and sessions opened; each ends when its grant does."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._open: set[_Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        tokens.listen(self._changed)

    async def run(self, app: ASGIApp, grant: Token | Session, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or websocket for as long as the grant holds; short answers are always given whole."""
        self._loop = asyncio.get_running_loop()
        connection = _Connection(grant, websocket=scope["type"] == "websocket", send=send)
        self._open.add(connection)
        left_s = self._tokens.left_s(grant)  # asked again: it may have ended since the check
        expiry = self._loop.call_later(left_s, connection.revoke) if left_s < math.inf else None
        try:
            await connection.run(app, scope, receive)
        finally:
            self._open.discard(connection)
            if expiry:
                expiry.cancel()

    def _changed(self) -> None:
        # Called in any thread; where something is open there is a loop that serves it.
        if self._open and self._loop:
            self._loop.call_soon_threadsafe(self._review)

    def _review(self) -> None:
        for connection in self._open:
            if self._tokens.left_s(connection.grant) <= 0:
                connection.revoke()


class _Connection:
    """One request or websocket.

    Only what could go on forever is cut: websockets, and answers that do not say how long they are. So whoever signs
    out, or deletes the very token in use, still gets the answer to that.
    """

    def __init__(self, grant: Token | Session, *, websocket: bool, send: Send) -> None:
        self.grant = grant
        self._websocket = websocket
        self._send = send
        self._endless = websocket
        self._revoked = False
        self._finished = False
        self._cut = asyncio.Event()

    def revoke(self) -> None:
        """End it, now or as soon as it turns out to be endless."""
        self._revoked = True
        if self._endless:
            self._cut.set()

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Serve until the application is through or the connection is cut."""
        work = asyncio.ensure_future(app(scope, receive, self._forward))
        cut = asyncio.create_task(self._cut.wait())
        try:
            await asyncio.wait({work, cut}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await self._end(work)
        finally:
            work.cancel()
            cut.cancel()
            await asyncio.wait({work})
        if not work.cancelled():
            work.result()

    async def _end(self, work: asyncio.Future[None]) -> None:
        """Tell the client first: the application has nothing more to say."""
        finished, self._finished = self._finished, True
        if not finished and self._websocket:
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})
        work.cancel()
        await asyncio.wait({work})
        if not finished and not self._websocket:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _forward(self, message: Message) -> None:
        if self._finished:
            return
        kind = message["type"]
        if kind == "http.response.start":
            self._endless = "content-length" not in Headers(raw=list(message.get("headers", ())))
        self._finished = kind == "websocket.close" or (
            kind == "http.response.body" and not message.get("more_body", False)
        )
        await self._send(message)
        if self._revoked:
            self.revoke()
