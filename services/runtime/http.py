"""The web server of a process: health, metrics, and the routers of its services."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from services import __version__
from services.runtime.access import unavailable
from services.runtime.logs import Throttle
from services.runtime.service import Service, SetupError
from services.runtime.state import UnreadableStateError

if TYPE_CHECKING:
    import httpx

STARTED_S = 10.0


def make_app(services: Sequence[Service]) -> FastAPI:
    """Return one application with the health routes and every service's router."""
    app = FastAPIOffline(title="Moodring", version=__version__, redoc_url=None)  # its pages need no other server

    @app.get("/healthz", tags=["health"])
    async def healthz() -> dict[str, str]:
        """Say that the process lives."""
        return {"status": "ok", "version": __version__}

    @app.get("/readyz", tags=["health"])
    async def readyz() -> JSONResponse:
        """Say whether every service can do its work, and which parts are not well and why."""
        problems = {service.name: service.health.problems for service in services if service.health.problems}
        ready = all(service.health.ready for service in services)
        return JSONResponse({"ready": ready, "problems": problems}, status_code=200 if ready else 503)

    @app.get("/metrics", tags=["health"])
    async def metrics() -> Response:
        """Give the process's figures in Prometheus' text form."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    throttle = Throttle()

    @app.exception_handler(RequestValidationError)
    async def refused(_request: Request, error: RequestValidationError) -> Response:
        """Say where a request is wrong, and not what was there: JSON has no word for every number that it can name."""
        detail = [{key: one[key] for key in ("type", "loc", "msg")} for one in error.errors()]
        return JSONResponse({"detail": detail}, status_code=422)

    @app.exception_handler(ClientDisconnect)
    async def broken_off(_request: Request, _error: ClientDisconnect) -> Response:
        """End a request whose sender hung up; nobody is there to read this, and it is no error of ours."""
        return JSONResponse({"detail": "what was sent was broken off"}, status_code=400)

    @app.exception_handler(UnreadableStateError)
    async def unreadable(_request: Request, error: UnreadableStateError) -> Response:
        return unavailable(error, throttle)

    for service in services:
        app.include_router(service.router)
    return app


def refusal(answer: "httpx.Response") -> str:
    """Return why another process refused a request, in its own words where it has some."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = None
    if isinstance(detail, str):
        return detail
    if isinstance(detail, list) and detail:
        return f"{'.'.join(map(str, detail[0]['loc'][1:]))}: {detail[0]['msg']}"
    return f"Moodring answers with error {answer.status_code}"


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        SetupError: The port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise SetupError(
            f"cannot listen on {host} port {port}: {error.strerror}; stop what uses it, or choose another port with "
            f"MOODRING_HTTP_PORT (`make run PORT={port + 1}`)"
        ) from error
    return sock


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the runner owns the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def serve(app: ASGIApp, sock: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on `sock` while the context is open."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,  # endless streams would hold the end up
        ws_max_size=1 << 20,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="http")
    try:
        await _started(server, serving)
        yield
    finally:
        server.should_exit = True
        await serving


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(STARTED_S):
        while not server.started:
            if serving.done():
                serving.result()
                raise RuntimeError("the web server ended before it had started")
            await asyncio.sleep(0.01)  # uvicorn has no event to wait for
