"""The moods of the last day on the dashboard of the product."""

import asyncio
import time
from pathlib import Path

from services.recommender.database import Database, database_url
from services.recommender.migrate import migrate
from services.recommender.minutes import Held, Minute
from services.recommender.mood_history import SqlMoodHistoryStore
from services.runtime.health import Health
from services.runtime.settings import Settings
from tests.browser import Browser
from tests.product import Product


async def _live(settings: Settings, *moods: str) -> None:
    """Write down an hour of each mood, the last of which ended an hour ago."""
    database = Database(database_url(settings), Health())
    await database.connect()
    store = SqlMoodHistoryStore(database)
    begin = int(time.time()) // 60 * 60 - 3600 * (len(moods) + 1)
    for minute in range(60 * len(moods)):
        held = Held(moods[minute // 60], 60, 0.5, 0.5, 0.7, 1, 300)
        await store.record(Minute("home", begin + 60 * minute, (held,)))
    await database.close()


def test_the_last_day_is_a_strip_of_moods(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    migrate(settings)
    asyncio.run(_live(settings, "happy", "nobody", "sad"))
    with Product(tmp_path) as product, Browser() as page:
        page.open(product.url)
        parts = page.until(lambda: page.all("day-part"), "the strip")
        assert [part.get_attribute("data-mood") for part in parts[:3]] == ["happy", "nobody", "sad"]
        assert [part.get_attribute("width") for part in parts[:3]] == ["60", "60", "60"]
        assert "nobody 33 %" in page.attribute("day", "aria-label")
