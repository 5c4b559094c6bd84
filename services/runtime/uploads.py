"""What people send us is bounded before it is read, and read into memory only."""

import asyncio
from typing import Final

from fastapi import HTTPException, Request

UPLOAD_S: Final = 60.0
"""How long something may take to arrive, so that nobody holds a place for ever."""


def check_length(request: Request, max_bytes: int) -> None:
    """Refuse a body before it is read.

    Raises:
        HTTPException: It is too large, or does not say how large it is.
    """
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411, "The picture has to come with its length (a Content-Length header).")
    if int(length) > max_bytes:
        raise HTTPException(413, f"The picture is too large; at most {max_bytes // 1_000_000} MB are read.")


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request.

    Raises:
        HTTPException: It is too large, does not say how large it is, or did not arrive in time.
    """
    check_length(request, max_bytes)
    try:
        async with asyncio.timeout(UPLOAD_S):
            return await request.body()  # the server reads no more than the length that was said
    except TimeoutError as error:
        raise HTTPException(408, f"The picture did not arrive within {UPLOAD_S:.0f} s.") from error
