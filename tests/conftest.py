"""Fixtures that several kinds of test share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.postgres import Postgres
from tests.servers import Mosquitto

SHARED = Path(os.environ.get("MOODRING_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in list(os.environ):
        if name.startswith("MOODRING_"):
            monkeypatch.delenv(name)


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Return a function that finds real data by its path, and skips the test where there is none."""

    def find(path: str) -> Path:
        if not (SHARED / path).exists():
            pytest.skip(f"needs real data at {SHARED / path} (set MOODRING_TEST_DATA to its folder)")
        return SHARED / path

    return find


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real Mosquitto on a free port of loopback."""
    with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, the same for all tests."""
    with Postgres() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database of one's own."""
    name = f"test_{uuid4().hex}"
    postgres.execute(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
