"""Moods are heard, kept while the database is away, and deleted when they are old or unwanted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue

from services.contracts.messages import Event, EventType, uuid7
from services.recommender import chronicle as chronicle_module
from services.recommender.chronicle import Chronicle
from services.recommender.database import Database, DatabaseAwayError, database_url
from services.recommender.events import MAX_LABELS, mood_decision
from services.recommender.events import mood_of as mood_of_event
from services.recommender.migrate import migrate
from services.recommender.mood_history import MoodDecision, MoodSpan
from services.recommender.retention import EPOCH
from services.runtime.health import Health
from services.runtime.settings import Aggregator, Recommender, Settings
from tests.unit.recommender_doubles import NOON, Clock, mood_of

FAR = NOON + timedelta(days=9000)


class House:
    """A chronicle on a database."""

    def __init__(self, settings: Settings) -> None:
        self.clock = Clock()
        self.database = Database(database_url(settings), Health())
        self.chronicle = Chronicle(self.database, settings, self.clock)

    async def run_to_the_end(self) -> None:
        """Let everything that waits be written, as at the end of the service."""
        running = asyncio.create_task(self.chronicle.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def decisions(self, room: str = "home") -> list[MoodDecision]:
        """Return all decisions."""
        return await self.chronicle.moods.decisions(room, EPOCH, FAR, after=None, limit=100)

    async def minutes(self) -> list[MoodSpan]:
        """Return all minutes."""
        return (await self.chronicle.moods.spans("home", EPOCH, FAR, width_s=60))[0]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house with an open database that keeps ten days."""
    settings = Settings(data=tmp_path, recommender=Recommender(history_days=10))
    migrate(settings)
    house = House(settings)
    await house.database.connect()
    yield house
    await house.database.close()


async def test_a_mood_that_is_said_often_is_one_decision_and_its_minutes(house: House) -> None:
    mood = mood_of("happy")
    for _ in range(6):
        house.chronicle.hear("home", mood)
        house.chronicle.decided("home", mood)
        house.clock.now += 30
    house.chronicle.look()
    await house.run_to_the_end()
    assert [(one.decision_id, one.decided_at, one.mood) for one in await house.decisions()] == [
        (mood.decision_id, NOON, "happy")
    ]
    assert [minute.seconds for minute in await house.minutes()] == [60, 60, 60]


async def test_a_mood_that_the_broker_had_kept_is_a_decision_but_no_minute(house: House) -> None:
    house.chronicle.hear("home", mood_of("happy"), retained=True)
    house.clock.now += 120
    await house.run_to_the_end()
    assert len(await house.decisions()) == 1
    assert await house.minutes() == []


async def test_the_minute_that_has_begun_is_kept_at_the_end_and_goes_on_after_it(house: House) -> None:
    mood = mood_of("happy")
    for _ in range(2):
        house.chronicle.hear("home", mood)
        house.clock.now += 20
        await house.run_to_the_end()
    assert [(minute.start, minute.seconds) for minute in await house.minutes()] == [(NOON, 40)]


async def test_a_mood_stands_for_three_rounds_of_the_rooms_own_publishing(tmp_path: Path) -> None:
    own = Aggregator.model_validate({"publish_every_s": 10, "rooms": {"home": {"publish_every_s": 15}}})
    settings = Settings(data=tmp_path, aggregator=own)
    migrate(settings)
    house = House(settings)
    await house.database.connect()
    house.chronicle.hear("home", mood_of("happy"))
    house.clock.now += 120
    await house.run_to_the_end()
    assert [minute.seconds for minute in await house.minutes()] == [45]
    await house.database.close()


async def test_moods_wait_for_the_database(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    migrate(settings)
    house = House(settings)
    running = asyncio.create_task(house.chronicle.run())
    house.chronicle.hear("home", mood_of("happy"))
    house.clock.now += 60
    house.chronicle.look()
    await asyncio.sleep(0)
    await house.database.connect()
    async with asyncio.timeout(30):
        await house.chronicle.flushed()
    assert len(await house.minutes()) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await house.database.close()


async def test_without_a_database_the_end_does_not_wait(tmp_path: Path) -> None:
    house = House(Settings(data=tmp_path))
    house.chronicle.hear("home", mood_of("happy"))
    async with asyncio.timeout(5):
        await house.run_to_the_end()


async def test_what_is_deleted_is_not_written_afterwards(house: House) -> None:
    for room in ("home", "kitchen"):
        house.chronicle.hear(room, mood_of("happy"))
    house.clock.now += 90
    house.chronicle.look()
    await house.chronicle.delete("home", NOON, NOON + timedelta(seconds=61))
    house.chronicle.hear("home", mood_of("sad"))
    house.clock.now += 15
    await house.run_to_the_end()
    assert [one.mood for one in await house.decisions()] == ["sad"]
    assert [(minute.start - NOON, minute.shares) for minute in await house.minutes()] == [
        (timedelta(minutes=1), {"sad": 1})
    ]
    assert len(await house.decisions("kitchen")) == 1


async def test_of_a_room_that_is_left_the_last_minute_is_kept_and_nothing_more_is_known(house: House) -> None:
    mood = mood_of("happy")
    house.chronicle.hear("home", mood)
    house.chronicle.forgotten["home"] = uuid4()
    house.clock.now += 20
    house.chronicle.leave("home")
    house.clock.now += 20
    house.chronicle.look()
    await house.run_to_the_end()
    assert [minute.seconds for minute in await house.minutes()] == [20]
    assert house.chronicle.forgotten == {}


async def test_what_is_older_than_the_setting_is_deleted(house: House) -> None:
    for _ in range(3):
        house.chronicle.hear("home", mood_of("happy"))
        house.clock.now += 60
        house.chronicle.look()
        house.clock.now += 4 * 24 * 3600
    await house.run_to_the_end()
    await house.chronicle.purge(steady=True)
    assert [one.decided_at.day for one in await house.decisions()] == [25, 29]


async def test_old_history_is_deleted_at_the_start_and_again_after_a_failure(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chronicle_module, "AGAIN_S", 0)
    house.chronicle.decided("home", mood_of("happy"))
    await house.run_to_the_end()
    house.clock.now += 11 * 24 * 3600
    house.chronicle.decided("home", mood_of("sad"))
    await house.run_to_the_end()
    purge, failures, done = house.chronicle.purge, iter([DatabaseAwayError()]), asyncio.Queue[object]()

    async def fails_once(*, steady: bool) -> object:
        if failure := next(failures, None):
            raise failure
        await done.put(await purge(steady=steady))
        return None

    monkeypatch.setattr(house.chronicle, "purge", fails_once)
    running = asyncio.create_task(house.chronicle.keep_purged())
    async with asyncio.timeout(30):
        await done.get()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [one.mood for one in await house.decisions()] == ["sad"]


async def test_a_clock_that_jumps_takes_no_history_along_and_one_that_goes_on_does(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chronicle_module, "PURGE_S", 0)
    house.chronicle.decided("home", mood_of("happy"))
    await house.run_to_the_end()
    house.clock.now += 3650 * 24 * 3600
    purge, left = house.chronicle.purge, asyncio.Queue[int]()

    async def counted(*, steady: bool) -> object:
        done = await purge(steady=steady)
        left.put_nowait(len(await house.decisions()))
        return done

    monkeypatch.setattr(house.chronicle, "purge", counted)
    running = asyncio.create_task(house.chronicle.keep_purged())
    async with asyncio.timeout(30):
        assert [await left.get() for _ in range(2)] == [1, 0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _id(at_s: float, version: int = 7) -> UUID:
    return UUID(int=int(at_s * 1000) << 80 | version << 76 | 2 << 62)


@pytest.mark.parametrize(
    ("ago_s", "version", "seconds_ago"),
    [
        pytest.param(3600, 7, 3600, id="an hour ago"),
        pytest.param(8 * 24 * 3600, 7, 0, id="too long ago"),
        pytest.param(-5, 7, 0, id="in the future"),
        pytest.param(NOON.timestamp(), 7, 0, id="1970"),
        pytest.param(3600, 4, 0, id="an id that says no time"),
    ],
)
def test_a_decision_was_made_when_its_id_says_so_believably(ago_s: float, version: int, seconds_ago: float) -> None:
    mood = mood_of("happy", decision_id=_id(NOON.timestamp() - ago_s, version))
    assert mood_decision(mood, "home", NOON).decided_at == NOON - timedelta(seconds=seconds_ago)


def test_the_largest_of_too_many_labels_are_kept() -> None:
    shares = {f"label_{number}": number / 100 for number in range(100)}
    kept = mood_decision(mood_of("happy").model_copy(update={"distribution": shares}), "home", NOON).distribution
    assert len(kept) == MAX_LABELS
    assert min(kept.values()) == pytest.approx((100 - MAX_LABELS) / 100)


def test_a_changed_mood_is_read_from_its_event() -> None:
    mood = mood_of("sad", decision_id=uuid7())
    event = Event(type=EventType.MOOD_CHANGED, after=mood.model_dump(mode="json"))
    assert mood_of_event(event) == mood
    assert mood_of_event(Event(type=EventType.PROBLEM)) is None


@pytest.mark.parametrize("after", [None, {}, {"mood": "happy"}])
def test_a_changed_mood_that_is_none_is_refused(after: dict[str, JsonValue] | None) -> None:
    with pytest.raises(ValueError):
        mood_of_event(Event.model_construct(id=uuid4(), type=EventType.MOOD_CHANGED, at=NOON, after=after))
