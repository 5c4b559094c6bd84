"""The one runner: signals, services as named tasks, and what happens when one of them fails."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from services import __version__
from services.contracts.channels import SERVICE, Channel
from services.contracts.messages import ServiceState, ServiceStatus
from services.runtime.backoff import Backoff
from services.runtime.bus import Bus
from services.runtime.measures import PROBLEMS
from services.runtime.service import Service, SetupError

log = logging.getLogger(__name__)

RESTART_S = (0.5, 30.0)
"""First and longest wait before a service that failed is started again."""
WELL_AFTER_S = 60.0
"""A service that ran this long since it failed is well again."""

Will = tuple[Channel[Any], Any, dict[str, str]]
OpenBus = Callable[[Service, Will], AbstractAsyncContextManager[Bus]]


def end_on_signals() -> None:
    """Cancel the calling task on SIGINT and SIGTERM; a second signal ends the process at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task

    def on_signal(number: signal.Signals) -> None:
        loop.add_signal_handler(number, os._exit, 130)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)


class Supervisor:
    """Keeps one service going, with a bus of its own, and tells the bus how it does.

    Args:
        service: The service.
        open_bus: Makes its bus, given the last will.
        instance: Tells several of the same service apart.
        restart: Start the service again when it fails; else its failure is passed on and ends the process,
            so that whatever started the process starts it again.
    """

    def __init__(self, service: Service, open_bus: OpenBus, instance: str, *, restart: bool) -> None:
        self.service = service
        self._open_bus = open_bus
        self._restart = restart
        self._where = {"service": service.name.replace("-", "_"), "instance": instance}
        self._bus: Bus | None = None
        PROBLEMS.labels(service.name).set_function(lambda: len(service.health.problems))
        service.health.listen(self._announce)

    async def run(self) -> None:
        """Run the service until cancelled."""
        backoff = Backoff(*RESTART_S)
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._run_once()
            except Exception as error:
                if not self._restart:
                    raise
                self._say(error)
            if asyncio.get_running_loop().time() - started > WELL_AFTER_S:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())

    def _say(self, error: Exception) -> None:
        if isinstance(error, SetupError):  # it says itself what is wrong
            problem = f"it cannot start, and is tried again: {error}"
            if problem != self.service.health.problems.get("service"):  # said once, however often it is tried
                log.error("the %s service: %s", self.service.name, problem)
        else:
            problem = f"it failed ({_cause(error)}) and was started again"
            log.error("the %s service failed and is started again", self.service.name, exc_info=error)
        self.service.health.report("service", problem)

    async def _run_once(self) -> None:
        offline = ServiceStatus(state=ServiceState.OFFLINE, version=__version__)
        async with self._open_bus(self.service, (SERVICE, offline, self._where)) as bus:
            self._bus = bus
            self._announce()
            well = asyncio.get_running_loop().call_later(WELL_AFTER_S, self.service.health.report, "service")
            try:
                await self.service.run(bus)
                raise RuntimeError("it ended by itself")
            finally:
                well.cancel()
                self._bus = None
                bus.publish(SERVICE, offline, **self._where)

    def _announce(self) -> None:
        if self._bus:
            found = self.service.health.problems
            status = ServiceStatus(
                state=ServiceState.ONLINE, version=__version__, problems=tuple(found.values()), parts=tuple(found)
            )
            self._bus.publish(SERVICE, status, **self._where)


def _cause(error: BaseException) -> BaseException:
    """Return the first error of a group of them, which by itself says nothing."""
    return _cause(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


@asynccontextmanager
async def running(supervisors: Sequence[Supervisor]) -> AsyncIterator[asyncio.Event]:
    """Run services while the context is open: started in order, stopped in reverse.

    Yields:
        An event that is set when a service failed for good; leaving the context then raises its error.
    """
    failed = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []
    for supervisor in supervisors:
        task = asyncio.create_task(supervisor.run(), name=supervisor.service.name)
        task.add_done_callback(lambda done: None if done.cancelled() else failed.set())
        tasks.append(task)
    try:
        yield failed
    finally:
        errors = [error for task in reversed(tasks) if (error := await _end(task))]
    if errors:
        raise errors[0]


async def _end(task: asyncio.Task[None]) -> Exception | None:
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    return result if isinstance(result, Exception) else None
