"""The runner: what starts, what comes back, what ends the process."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi import APIRouter

from services.contracts.channels import SERVICE
from services.contracts.messages import MoodOverride, ServiceState, ServiceStatus
from services.runtime import runner
from services.runtime.bus import Bus, Delivery
from services.runtime.health import Health
from services.runtime.http import bind, make_app
from services.runtime.memory import MemoryBroker, MemoryBus
from services.runtime.runner import Supervisor, running
from services.runtime.service import Service, SetupError

PATIENCE_S = 20


class ScriptedService:
    """A service that does what a list of functions says, one for every start."""

    def __init__(self, name: str, *lives: Callable[[Bus], Awaitable[None]]) -> None:
        self.name, self.router, self.health = name, APIRouter(), Health()
        self._lives = list(lives)

    async def run(self, bus: Bus) -> None:
        await self._lives.pop(0)(bus)


async def fail(_bus: Bus) -> None:
    raise RuntimeError("as the test wants it")


async def live(_bus: Bus) -> None:
    await asyncio.Event().wait()


def supervisor(broker: MemoryBroker, service: Service, *, restart: bool = True) -> Supervisor:
    return Supervisor(service, lambda _service, _will: MemoryBus(broker=broker), "main", restart=restart)


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RESTART_S", (0.0, 0.0))


async def test_failed_service_starts_again_and_says_so() -> None:
    broker, told = MemoryBroker(), asyncio.Queue[ServiceStatus]()

    async def tell(delivery: Delivery[ServiceStatus]) -> None:
        told.put_nowait(delivery.message)

    service = ScriptedService("camera", fail, live)
    async with MemoryBus(broker=broker) as bus, running([supervisor(broker, service)]):
        bus.subscribe(SERVICE, tell)
        async with asyncio.timeout(PATIENCE_S):
            while not (status := await told.get()).problems:
                pass
    assert status.state is ServiceState.ONLINE
    assert "as the test wants it" in status.problems[0]
    assert status.parts == ("service",)


async def test_what_failed_within_a_group_of_tasks_is_named() -> None:
    async def fail_together(_bus: Bus) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail(_bus))

    restarted = asyncio.Event()

    async def restart(bus: Bus) -> None:
        restarted.set()
        await live(bus)

    service = ScriptedService("camera", fail_together, restart)
    async with running([supervisor(MemoryBroker(), service)]), asyncio.timeout(PATIENCE_S):
        await restarted.wait()
    assert "as the test wants it" in service.health.problems["service"]


async def test_service_that_cannot_start_says_why_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def unreadable(_bus: Bus) -> None:
        raise SetupError("state.json cannot be read")

    started = asyncio.Event()

    async def start(_bus: Bus) -> None:
        started.set()
        await live(_bus)

    service = ScriptedService("camera", unreadable, unreadable, start)
    async with running([supervisor(MemoryBroker(), service)]), asyncio.timeout(PATIENCE_S):
        await started.wait()
    (record,) = caplog.records
    assert "state.json cannot be read" in record.getMessage()
    assert record.exc_info is None


async def test_one_failing_service_leaves_the_others_alone() -> None:
    broker, alive, broken_again = MemoryBroker(), asyncio.Event(), asyncio.Event()

    async def steady(_bus: Bus) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            alive.clear()

    async def seen(_bus: Bus) -> None:
        broken_again.set()
        await asyncio.Event().wait()

    alive.set()
    services = [ScriptedService("player", steady), ScriptedService("camera", fail, fail, seen)]
    async with running([supervisor(broker, one) for one in services]) as failed:
        async with asyncio.timeout(PATIENCE_S):
            await broken_again.wait()
        assert alive.is_set()
        assert not failed.is_set()


async def test_failing_service_that_runs_alone_ends_the_process() -> None:
    async def until_failed() -> None:
        async with running([supervisor(MemoryBroker(), ScriptedService("camera", fail), restart=False)]) as failed:
            async with asyncio.timeout(PATIENCE_S):
                await failed.wait()

    with pytest.raises(RuntimeError, match="as the test wants it"):
        await until_failed()


async def test_services_stop_in_reverse_and_say_offline() -> None:
    broker, ended = MemoryBroker(), list[str]()

    def noting(name: str) -> ScriptedService:
        async def life(_bus: Bus) -> None:
            started.release()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(name)

        return ScriptedService(name, life)

    started = asyncio.Semaphore(0)
    async with running([supervisor(broker, noting(name)) for name in ("player", "camera")]):
        for _ in range(2):
            await started.acquire()
    assert ended == ["camera", "player"]
    assert b'"offline"' in broker.retained["moodring/services/camera/main"]


async def test_ready_says_which_part_is_not_and_why() -> None:
    service = ScriptedService("camera")
    client = httpx.AsyncClient(transport=httpx.ASGITransport(make_app([service])), base_url="http://test")
    assert (await client.get("/readyz")).status_code == 200
    service.health.report("broker", "the broker is away")
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, {"camera": {"broker": "the broker is away"}})
    service.health.report("broker", "the broker is slow", hinders=False)
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200, {"ready": True, "problems": {"camera": {"broker": "the broker is slow"}}},
    )  # fmt: skip
    assert (await client.get("/healthz")).status_code == 200
    assert "moodring_messages" in (await client.get("/metrics")).text


@pytest.mark.parametrize("minutes", ["NaN", "1e999", "9" * 400])
async def test_a_number_that_is_none_is_refused_and_not_repeated(minutes: str) -> None:
    service = ScriptedService("aggregator")

    @service.router.put("/mood")
    async def say(body: MoodOverride) -> str:
        return body.mood

    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app([service])), base_url="http://test") as client:
        answer = await client.put(
            "/mood", content=f'{{"mood": "calm", "minutes": {minutes}}}', headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert (problem["loc"], "input" in problem) == (["body", "minutes"], False)


def test_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"cannot listen on 127.0.0.1 port {port}.*MOODRING_HTTP_PORT"):
            bind("127.0.0.1", port)
