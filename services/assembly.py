"""Puts a process together: which services, on which bus, model server and web address."""

import asyncio
import contextlib
import fcntl
import importlib
import logging
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.runtime.commands import CommandLog, DoneCommands
from services.runtime.complaints import Complaints, end_all
from services.runtime.health import Health
from services.runtime.http import bind, make_app, serve
from services.runtime.memory import MemoryBus
from services.runtime.mqtt import MqttBus
from services.runtime.mqtt_link import Link
from services.runtime.runner import Supervisor, Will, running
from services.runtime.service import Service, SetupError
from services.runtime.settings import Inference, Settings
from services.runtime.state import StateFile

if TYPE_CHECKING:
    from services.embedded.broker import EmbeddedBroker
    from services.inference.predictor import Predictor

log = logging.getLogger(__name__)

EMBEDDED = "embedded:"
LOOPBACK = ("127.0.0.1", "::1", "localhost")

SERVICES = ("player", "recommender", "aggregator", "inference", "camera", "gateway")
"""Everything that `run` starts, in this order: who listens before who speaks."""

PORTS = {
    "gateway": 8080, "camera": 8081, "inference": 8082, "aggregator": 8083, "recommender": 8084, "player": 8085,
    "model-server": 8086,
}  # fmt: skip
"""Default web ports of services that run alone; several in one process take the gateway's."""


SEVERAL = ("inference", "camera")
"""Services of which a home may run more than one, each with a word of its own."""
UNCOMMANDED = ("inference", "model-server")
"""Services that no command is for: a broker keeps nothing for one of them that is away, nor deals it frames that its
fellow workers could have."""


@dataclass(frozen=True)
class Product:
    """What runs: its address, the admin token when it was just made, and what says that it failed."""

    address: str
    first_token: str | None
    failed: asyncio.Event


def chosen(names: Sequence[str], settings: Settings) -> Sequence[str]:
    """Return the services that are meant: the named ones, else this container's, else all.

    Raises:
        SetupError: There is none of such a name.
    """
    meant = names or ([settings.container] if settings.container else SERVICES)
    for name in meant:
        if name not in PORTS:
            raise SetupError(f"there is no service {name!r}; choose from {', '.join(PORTS)}")
    return meant


def check(names: Sequence[str], settings: Settings) -> None:
    """Check what the services need of their surroundings, before anything is opened.

    Raises:
        SetupError: Something is missing; the line says what to do.
    """
    alone = set(names) != set(SERVICES)
    if alone and settings.mqtt.url == EMBEDDED and set(names) != {"model-server"}:
        raise SetupError("services in processes of their own need a common broker: set MOODRING_MQTT_URL=mqtt://host")


@asynccontextmanager
async def assembled(names: Sequence[str], settings: Settings, say: Any = print) -> AsyncIterator[Product]:
    """Run the services while the context is open.

    Args:
        names: Which; see `SERVICES`.
        settings: The settings.
        say: Called with lines for the person who waits.

    Raises:
        SetupError: Something cannot work; the line says what to do.
    """
    check(names, settings)
    together = set(names) == set(SERVICES)
    sock = bind(settings.http.host, port_of(names, settings))
    async with AsyncExitStack() as stack:
        stack.callback(end_all)
        stack.callback(sock.close)
        for name in names:
            stack.callback(claim(settings, name).close)
        if together:
            await _prepare(settings, say)
        broker = await _open_broker(stack, say) if together and settings.mqtt.url == EMBEDDED else None
        parts: dict[str, dict[str, Any]] = {}
        if "inference" in names and settings.inference.model_server == EMBEDDED:
            health = Health()
            predictor = await _open_model(stack, settings.inference, health)
            parts["inference"] = {"predictor": predictor, "health": health}
        services = [await _built(stack, name, settings, parts.get(name, {})) for name in names]
        app = make_app(services)
        guarded, first_token = _guard(app, services, settings)
        await stack.enter_async_context(serve(guarded, sock))
        open_bus = partial(_open_bus, settings, broker, Complaints())
        supervisors = [Supervisor(one, open_bus, settings.instance, restart=together) for one in services]
        failed = await stack.enter_async_context(running(supervisors))
        yield Product(_address(sock), first_token, failed)


def claim(settings: Settings, name: str) -> TextIO:
    """Return the open lock file of a service: two that share one would overwrite each other's state.

    Raises:
        SetupError: Another process has it, or the data directory is not writable.
    """
    try:
        (settings.data / "state").mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (settings.data / "state" / f"{name}-{settings.instance}.lock").open("w")
    except OSError as error:
        raise SetupError(
            f"cannot write to the data directory {settings.data}: {error.strerror}; set MOODRING_DATA to one you own"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        one_more = "give this one a word of its own, MOODRING_INSTANCE, to have one more of it"
        instead = one_more if name in SEVERAL else "set MOODRING_DATA to another directory"
        raise SetupError(
            f"another Moodring runs its {name} service on {settings.data}: stop it (under Docker `docker compose stop "
            f"{name}`), or {instead}"
        ) from error
    return file


def _address(sock: socket.socket) -> str:
    """Return where people reach us: for a socket on all addresses, the one that this machine's network knows."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect(("192.0.2.1", 9))  # RFC 5737's example network: nothing is sent, only a route is looked up
            host = probe.getsockname()[0]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def port_of(names: Sequence[str], settings: Settings) -> int:
    """Return the web port of a process that runs these services."""
    if settings.http.port is not None:
        return settings.http.port
    return PORTS[names[0]] if len(names) == 1 else PORTS["gateway"]


async def _prepare(settings: Settings, say: Any) -> None:
    """Do once what other ways of running do in steps of their own: demo songs and migrations."""
    from services.demo.songs import synthesise
    from services.recommender.migrate import migrate

    if settings.music is None:
        stopped = threading.Event()

        def report(done: int, of: int) -> None:
            if stopped.is_set():
                raise InterruptedError("stopped while making the demo songs")
            say(f"making the demo songs: {done} of {of}")

        try:
            await asyncio.to_thread(synthesise, settings.data / "songs", report=report)
        finally:
            stopped.set()
    await asyncio.to_thread(migrate, settings)


async def _open_broker(stack: AsyncExitStack, say: Any) -> "EmbeddedBroker":
    from services.embedded.broker import PORT, embedded_broker

    broker = await stack.enter_async_context(embedded_broker())
    if not broker.url.endswith(f":{PORT}"):
        say(f"port {PORT} is taken, so the message bus is at {broker.url}")
    return broker


async def _open_model(stack: AsyncExitStack, settings: Inference, health: Health) -> "Predictor":
    """Serve the model in this process, to this process."""
    from services.inference.embedded import EmbeddedPredictor
    from services.inference.model_folder import Labels
    from services.inference.serving import Serving

    serving = Serving(settings.models, settings.model, keep=settings.versions, health=health)
    await stack.enter_async_context(serving)
    labels = Labels(settings.models)
    return EmbeddedPredictor(serving, model=settings.model, labels=labels, timeout_s=settings.timeout_s)


async def _built(stack: AsyncExitStack, name: str, settings: Settings, parts: dict[str, Any]) -> Service:
    if name == "model-server":
        from services.inference.model_server import open_model_server

        return await stack.enter_async_context(open_model_server(settings.inference))
    module = importlib.import_module(f"services.{name}.service")
    service: Service = module.build(settings, **parts)
    return service


def _guard(app: FastAPI, services: Sequence[Service], settings: Settings) -> tuple[ASGIApp, str | None]:
    """Put the access check in front; the gateway owns it, and calls the other services through the app itself."""
    gateway = next((one for one in services if one.name == "gateway"), None)
    if gateway is not None:
        from services.gateway.service import GatewayService, mount

        assert isinstance(gateway, GatewayService)
        return mount(app, gateway, settings, here=[one.name for one in services])
    if settings.http.access == "proxy":
        return app, None
    if settings.http.host not in LOOPBACK:
        raise SetupError(
            "only the gateway lets people sign in: listen on 127.0.0.1, or set MOODRING_HTTP_ACCESS=proxy where a "
            "reverse proxy in front asks the gateway"
        )
    from services.runtime.access import guard
    from services.runtime.tokens import open_tokens

    return guard(app, open_tokens(settings), host=settings.http.host), None


def _open_bus(
    settings: Settings, broker: "EmbeddedBroker | None", complaints: Complaints, service: Service, will: Will
) -> contextlib.AbstractAsyncContextManager[Any]:
    if settings.mqtt.url == EMBEDDED and broker is None:  # the model server alone: it says nothing to anybody
        return MemoryBus(prefix=settings.mqtt.prefix)
    file = StateFile(settings.data / "state" / f"commands-{service.name}-{settings.instance}.json", DoneCommands)
    return MqttBus(
        broker.url if broker else settings.mqtt.url,
        prefix=settings.mqtt.prefix,
        client_id=f"{settings.mqtt.prefix}-{service.name}-{settings.instance}",
        health=service.health,
        will=will,
        commands=CommandLog(file),
        ca_file=settings.mqtt.ca_file,
        embedded=broker is not None,
        sessions=service.name not in UNCOMMANDED,
        complaints=complaints,
        open_link=broker.link if broker else Link,
    )
