"""One address for services in separate processes on one machine: calls are passed on to the service that owns the path.

In compose the reverse proxy does this; in one process there is nothing to pass on.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from itertools import takewhile
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI, HTTPException, Request
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Match

from services.runtime.access import FORWARDED

OWNERS = (
    (re.compile(r"/api/cameras(/.*)?"), "camera"),
    (re.compile(r"/api/(expressions|custom-moods)(/.*)?"), "inference"),
    (re.compile(r"/api/rooms/[^/]+/(mood|calibration)(/.*)?"), "aggregator"),
    (re.compile(r"/api/(songs|playlists)(/.*)?|/api/rooms/[^/]+/(policy|history|feedback)(/.*)?"), "recommender"),
    (re.compile(r"/api/players(/.*)?|/media/.*"), "player"),
)
"""The path table of the architecture."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

Description = dict[str, Any]
"""A REST API, as OpenAPI describes it."""

DESCRIBED_WITHIN_S = 3.0

MAX_CALLS = 100
"""Calls passed on at a time; previews and songs are long ones."""

NOT_PASSED_ON = frozenset(
    # Hop-by-hop: RFC 9110 section 7.6.1. Host is set anew. Secrets, origin and the way to us were for us to check.
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "host", "authorization", "cookie", "origin"),
        *FORWARDED,
    )
)


def owner(path: str) -> str | None:
    """Return the service that owns a path, or `None`."""
    return next((service for pattern, service in OWNERS if pattern.fullmatch(path)), None)


class Upstream:
    """The way to the services of other processes, by their base addresses; open while `opened` is entered."""

    def __init__(self, addresses: Mapping[str, str], *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._addresses = addresses
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Pass calls on inside this block."""
        limits = httpx.Limits(max_connections=MAX_CALLS, max_keepalive_connections=10)
        timeout = httpx.Timeout(60, connect=2, pool=2)
        async with httpx.AsyncClient(
            limits=limits, timeout=timeout, transport=self._transport, trust_env=False
        ) as client:
            self._client = client
            try:
                yield
            finally:
                self._client = None

    async def pass_on(self, request: Request, service: str) -> StreamingResponse:
        """Return the answer of the service to a request, body streamed both ways.

        Raises:
            HTTPException: 502, the service does not answer; 503, we are not running.
        """
        if self._client is None:
            raise HTTPException(503, "the gateway is starting or stopping; try again in a moment")
        address = self._addresses[service]
        url = httpx.URL(address).copy_with(path=request.url.path, query=request.url.query.encode())
        body = request.stream() if _has_body(request) else None
        call = self._client.build_request(request.method, url, headers=_kept(request.headers), content=body)
        try:
            answer = await self._client.send(call, stream=True)
        except httpx.HTTPError as error:
            raise HTTPException(502, f"the {service} service is away: nothing answers at {address}") from error
        return StreamingResponse(
            answer.aiter_raw(),
            status_code=answer.status_code,
            headers=_kept(answer.headers),
            background=BackgroundTask(answer.aclose),
        )

    async def described(self, service: str) -> Description:
        """Return what a service says of its API; nothing where it is away."""
        if self._client is None:
            return {}
        url = httpx.URL(self._addresses[service]).copy_with(path="/openapi.json")
        try:
            answer = await self._client.get(url, timeout=DESCRIBED_WITHIN_S)
            return dict(answer.raise_for_status().json())
        except (httpx.HTTPError, ValueError):
            return {}


def describe_all(app: FastAPI, upstream: Upstream, elsewhere: Collection[str]) -> None:
    """Have an application describe the services of other processes beside its own, as one tree."""
    path = app.openapi_url
    assert path is not None
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") != path]

    @app.get(path, include_in_schema=False)
    async def whole() -> Description:
        services = sorted(elsewhere)
        found = await asyncio.gather(*(upstream.described(service) for service in services))
        return merged(app.openapi(), dict(zip(services, found, strict=True)))


def merged(own: Description, others: Mapping[str, Description]) -> Description:
    """Return a description with the paths that others own, by service, and the schemas that these refer to.

    A schema has one name everywhere: all are of `services.contracts` or bear their service's words.
    """
    paths, schemas = dict(own["paths"]), dict(own.get("components", {}).get("schemas", {}))
    for service, other in others.items():
        paths |= {path: told for path, told in other.get("paths", {}).items() if owner(path) == service}
        schemas = other.get("components", {}).get("schemas", {}) | schemas
    return own | {"paths": paths, "components": own.get("components", {}) | {"schemas": schemas}}


def router(upstream: Upstream, elsewhere: Collection[str]) -> APIRouter:
    """Return the routes that pass calls on; to be included after those of all services of this process.

    Args:
        upstream: The way there.
        elsewhere: The services of other processes.
    """
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/api/{_path:path}", methods=list(METHODS))
    @routes.api_route("/media/{_path:path}", methods=list(METHODS))
    async def pass_on(request: Request) -> StreamingResponse:
        service = owner(request.url.path)
        if service is None or service not in elsewhere:
            raise _not_here(request)
        return await upstream.pass_on(request, service)

    return routes


def _not_here(request: Request) -> HTTPException:
    """Return 405 where a route before ours takes this path by another method, else 404."""
    path = request.url.path

    def taken(route: BaseRoute, method: str) -> bool:
        return route.matches({**request.scope, "method": method})[0] is Match.FULL

    before = list(takewhile(lambda route: not taken(route, request.method), request.app.routes))
    allowed = ", ".join(method for method in METHODS if any(taken(route, method) for route in before))
    if not allowed:
        return HTTPException(404, f"there is nothing at {path}")
    return HTTPException(405, f"{path} takes {allowed}, not {request.method}", {"Allow": allowed})


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in NOT_PASSED_ON}
