"""A database of each kind, for the stores that promise the same on all of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.recommender.database import Database, database_url
from services.recommender.migrate import migrate
from services.runtime.health import Health
from services.runtime.settings import Recommender, Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with an empty database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return Settings(data=tmp_path, recommender=Recommender(database=url))


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A database at the newest revision."""
    migrate(settings)
    database = Database(database_url(settings), Health())
    await database.connect()
    yield database
    await database.close()
