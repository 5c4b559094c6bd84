"""What people send us is bounded before it is read, and read into memory only."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final

from fastapi import HTTPException, Request

UPLOAD_S: Final = 60.0
"""How long something may take to arrive, so that nobody holds a place for ever."""
PAUSE_S: Final = 10.0
"""How long nothing of it may come: a phone that has lost its network sends no more, and does not say so."""
LARGE_BYTES: Final = 4_000_000
"""Of pictures that are larger, one at a time is in memory: who comes next waits unread, or is told to come again. Most
telephones make smaller ones."""
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    408: {"description": "The picture did not arrive in time"},
    411: {"description": "The picture came without its length"},
    413: {"description": "The picture is too large"},
}
"""How uploads are refused, for `/docs`."""


def check_length(request: Request, max_bytes: int) -> int:
    """Return how many bytes a body has; refuse one that has too many before it is read.

    Raises:
        HTTPException: It is too large, or does not say how large it is.
    """
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411, "The picture has to come with its length (a Content-Length header).")
    if int(length) > max_bytes:
        raise too_large(max_bytes)
    return int(length)


def too_large(max_bytes: int) -> HTTPException:
    """Return the refusal of a picture that is larger than we read."""
    return HTTPException(413, f"The picture is too large; at most {max_bytes // 1_000_000} MB are read.")


async def pieces(request: Request) -> AsyncGenerator[bytes]:
    """Yield a body as it arrives; the server reads no more than the length that was said.

    Raises:
        HTTPException: It stands still, or takes too long.
        ClientDisconnect: It is broken off, which the application answers.
    """
    body, clock = request.stream(), asyncio.get_running_loop().time
    ends_at = clock() + UPLOAD_S
    while True:
        try:
            async with asyncio.timeout(min(PAUSE_S, ends_at - clock())):
                piece = await anext(body, None)
        except TimeoutError as error:
            why = f"nothing of it came for {PAUSE_S:.0f} s, or all of it took over {UPLOAD_S:.0f} s"
            raise HTTPException(408, f"The picture did not arrive in time: {why}.") from error
        if piece is None:
            return
        yield piece


class Large:
    """Has one large picture at a time; the places of one service."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    def taken(self, length: int) -> bool:
        """Say whether a body of `length` bytes would have to wait."""
        return length > LARGE_BYTES and self._one.locked()

    def turn(self, length: int) -> AbstractAsyncContextManager[None]:
        """Return what to hold while a body of `length` bytes is in memory."""
        return self._one if length > LARGE_BYTES else nullcontext()


async def read_body(request: Request) -> bytes:
    """Return the body of a request, whose length was checked.

    Raises:
        HTTPException: It did not arrive in time.
        ClientDisconnect: It is broken off, which the application answers.
    """
    return b"".join([piece async for piece in pieces(request)])
