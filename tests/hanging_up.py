"""Somebody whose connection ends while they send something."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.types import ASGIApp


async def hang_up(app: ASGIApp, path: str, begun: bytes, headers: Mapping[str, str]) -> list[int]:
    """Send an application the beginning of a body, and hang up; return the statuses that nobody reads."""
    messages = [{"type": "http.request", "body": begun, "more_body": True}]
    statuses: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    return statuses
