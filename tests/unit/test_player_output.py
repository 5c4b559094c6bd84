"""Which backend sounds, and what is said of those that do not."""

from pathlib import Path

import pytest

from services.player.backends.base import AwayError, Observation
from services.player.backends.null import NullBackend
from services.player.output import Output
from services.runtime.health import Health


class Moody(NullBackend):
    """The silent clock under another name; away while the test says so."""

    def __init__(self, name: str) -> None:
        super().__init__(lambda: 0.0)
        self.name = name
        self.away = True

    async def observe(self) -> Observation:
        if self.away:
            raise AwayError(f"{self.name} is away")
        return await super().observe()


@pytest.fixture
def backends() -> list[Moody]:
    return [Moody("browser"), Moody("mpv"), Moody("last")]


async def test_a_backend_that_is_not_needed_any_more_is_no_problem(backends: list[Moody]) -> None:
    health = Health()
    output = Output(backends, find=lambda _: Path(), health=health, clock=lambda: 0.0)
    backends[2].away = False
    await output.observe()
    assert health.problems == {"mpv": "mpv is away"}
    backends[0].away = False
    await output.observe()
    assert health.problems == {}
