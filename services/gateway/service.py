"""The gateway: reads the whole bus, serves pages, event stream and tokens, and calls REST like any other client.

It owns no mood, song or player: what it knows is what the bus said last.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI, HTTPException
from starlette.types import ASGIApp

from services.contracts.channels import EXPRESSIONS
from services.contracts.moodring_pb2 import Expressions
from services.gateway import api, upstream
from services.gateway.sign_in import Failures, sign_in_page
from services.gateway.state import FOLLOWED, Change, House, full, learn, snapshot
from services.gateway.streams import Stream
from services.runtime.access import guard, serves_itself
from services.runtime.bus import Bus, Delivery, Follower, Handler
from services.runtime.complaints import Complaints
from services.runtime.health import Health
from services.runtime.secret_files import read_secret
from services.runtime.settings import Settings
from services.runtime.tokens import Tokens, first_token, open_tokens

log = logging.getLogger(__name__)

MAX_STREAMS = 100
MAX_CAMERAS = 64
"""Cameras whose latest expressions are kept for the pages."""


class GatewayService:
    """See `services.runtime.service.Service`.

    Attributes:
        house: What the bus said last.
        faces: The latest expressions by room and camera, with the time (seconds, `clock`) they came in.
        api: The REST API of all services, for the pages; set by `mount`.
        upstream: The way to services in other processes.
        tokens: Who may in; the runner gives it to `access.guard`.
        failures: Wrong tokens tried of late.
    """

    name = "gateway"

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float],
        tokens: Tokens,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.tokens = tokens
        self.failures = Failures()
        self.health = Health()
        self.router: APIRouter = api.routes(self)
        self.house = House()
        self.faces: dict[tuple[str, str], tuple[float, Expressions]] = {}
        self.api = httpx.AsyncClient()
        self.upstream = upstream.Upstream(settings.gateway.model_dump(), transport=transport)
        self._streams: set[Stream] = set()
        self._complaints = Complaints(log)
        self._bus: Bus | None = None

    @property
    def bus_away(self) -> bool:
        """Whether nothing can be heard at the moment."""
        return self._bus is None or not self._bus.connected

    @property
    def listeners(self) -> int:
        """How many event streams are open."""
        return len(self._streams)

    def sign_in_page(self, then: str, problem: str = "") -> str:
        """Return the page that asks for a token, before one goes on to the path `then`."""
        make = "docker compose exec gateway moodring token" if self.settings.container else ".venv/bin/moodring token"
        return sign_in_page(then, problem, make=make, tokens=bool(self.tokens.all))

    async def run(self, bus: Bus) -> None:
        """Follow the bus until cancelled; the event streams end with it, and browsers come back by themselves."""
        for name, channel in FOLLOWED.items():
            bus.subscribe(channel, Follower(self._learner(name), self._misser(name)))
        bus.subscribe(EXPRESSIONS, self._see)
        self._bus = bus
        try:
            async with self.upstream.opened():
                await asyncio.Event().wait()
        finally:
            self._bus = None
            self.close_streams()

    def close_streams(self) -> None:
        """End every event stream, so that the web server need not wait for them."""
        for stream in self._streams:
            stream.close()

    @contextmanager
    def listen(self, room: str | None = None) -> Iterator[Stream]:
        """Open a stream of changes that begins with all there is now.

        Args:
            room: Only this room; services are in every stream.

        Raises:
            HTTPException: 503, we do not hear the bus yet, or there are too many.
        """
        if self._bus is None:
            raise HTTPException(503, "the gateway is starting or stopping; try again in a moment")
        if len(self._streams) >= MAX_STREAMS:
            raise HTTPException(503, f"{MAX_STREAMS} listeners are connected already; close one")
        stream = Stream(snapshot(self.house), room=room)
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)

    def _learner(self, name: str) -> Handler[Any]:
        async def handle(delivery: Delivery[Any]) -> None:
            change = Change(name, delivery.where, delivery.message)
            if full(self.house, change):
                where = "/".join(change.where.values())
                self._complaints.note(change.name, where, "there are too many already; this one is left out")
                return
            self._take(change)

        return handle

    def _misser(self, name: str) -> Callable[[dict[str, str]], Awaitable[None]]:
        async def handle(where: dict[str, str]) -> None:
            if name == "camera":
                self.faces.pop((where["room"], where["camera"]), None)
            change = Change(name, where, None)
            if learn(self.house, change) != self.house:
                self._take(change)

        return handle

    def _take(self, change: Change) -> None:
        self.house = learn(self.house, change)
        for stream in self._streams:
            stream.put(change)

    async def _see(self, delivery: Delivery[Expressions]) -> None:
        self.faces[delivery.room, delivery.camera] = (self.clock(), delivery.message)
        if len(self.faces) > MAX_CAMERAS:
            del self.faces[next(iter(self.faces))]


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    tokens: Tokens | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> GatewayService:
    """Make the gateway.

    Args:
        settings: All settings.
        clock: Seconds since the epoch.
        tokens: Who may in; those of the data directory by default.
        transport: How services in other processes are reached; the network by default.
    """
    return GatewayService(settings, clock=clock, tokens=tokens or open_tokens(settings), transport=transport)


def mount(
    app: FastAPI, service: GatewayService, settings: Settings, *, here: Collection[str]
) -> tuple[ASGIApp, str | None]:
    """Finish the application of this process: far services, the pages, and the check in front of everything.

    Args:
        app: The application, with the routers of its services included.
        service: The gateway.
        settings: All settings.
        here: The names of the services in this process; calls to the others are passed on.

    Returns:
        What to serve, and the first access token when it was just made: show it now, it cannot be had again.
    """
    from services.gateway.pages import add_pages  # NiceGUI costs 1.5 s to import: only who serves pages pays

    elsewhere = frozenset(owner for _, owner in upstream.OWNERS) - frozenset(here)
    app.include_router(upstream.router(service.upstream, elsewhere))
    upstream.describe_all(app, service.upstream, elsewhere)
    inside = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    service.api = httpx.AsyncClient(transport=inside, base_url="http://gateway", timeout=10)
    add_pages(app, service)
    host, proxied = settings.http.host, settings.http.access == "proxy"
    # Behind a proxy what we print goes to a log that is kept: there a token is made by `moodring token` alone.
    first = None if proxied or serves_itself(host, proxied=proxied) else first_token(service.tokens)
    metrics = settings.http.metrics_token_file
    guarded = guard(
        app,
        service.tokens,
        host=host,
        proxied=proxied,
        sign_in=service.sign_in_page,
        metrics_token=read_secret(metrics) if metrics else "",
    )
    return guarded, first
