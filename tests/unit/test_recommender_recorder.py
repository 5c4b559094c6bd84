"""History is written in the background, whatever the database does."""

import asyncio
from functools import partial
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from pydantic import JsonValue
from sqlalchemy.exc import IntegrityError

from services.contracts.messages import Event, EventType, QueuedTrack, Track
from services.recommender.database import DatabaseAwayError
from services.recommender.events import record_of
from services.recommender.recorder import MAX_WAITING, Recorder
from services.recommender.records import Ended, Judgement, Record, Started
from tests.unit.recommender_doubles import NOON

QUEUED = QueuedTrack(track=Track(song_id=3, title="Song", uri="file:///3.mp3"), decision_id=uuid4())


class Store:
    """A history that fails as often as it is told to."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.written: list[Record] = []
        self.waits = 0
        self._failures = failures
        self._error = error or DatabaseAwayError()

    async def write(self, record: Record) -> None:
        if self._failures:
            self._failures -= 1
            raise self._error
        self.written.append(record)

    async def wait(self) -> None:
        self.waits += 1


def _lost() -> float:
    return REGISTRY.get_sample_value("moodring_recommender_lost_records_total") or 0


def _records(count: int) -> list[Record]:
    return [Started(uuid4(), "home", number, None, NOON) for number in range(count)]


async def test_records_are_written_in_order() -> None:
    store = Store()
    recorder = Recorder(store.write, store.wait)
    records = _records(3)
    for record in records:
        recorder.add(record)
    await recorder.drain()
    assert store.written == records


async def test_records_wait_for_the_database() -> None:
    store = Store(failures=2)
    recorder = Recorder(store.write, store.wait)
    records = _records(2)
    for record in records:
        recorder.add(record)
    await recorder.drain()
    assert (store.written, store.waits) == (records, 2)


@pytest.mark.parametrize("error", [IntegrityError("insert", {}, Exception("duplicate")), OverflowError("too large")])
async def test_a_record_that_cannot_be_stored_does_not_stop_the_others(error: Exception) -> None:
    store = Store(failures=1, error=error)
    recorder = Recorder(store.write, store.wait)
    records = _records(2)
    for record in records:
        recorder.add(record)
    await recorder.drain()
    assert store.written == records[1:]


async def test_a_record_that_the_database_never_takes_is_dropped_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad, *others = _records(6)
    written = asyncio.Queue[Record]()

    async def write(record: Record) -> None:
        if record is bad:
            raise DatabaseAwayError("the index row is too large")
        await written.put(record)

    recorder = Recorder(write, partial(asyncio.sleep, 0))
    lost = _lost()
    running = asyncio.create_task(recorder.run())
    async with asyncio.timeout(10):
        recorder.add(bad)
        for record in others:  # one after the other, as they come in a house
            recorder.add(record)
            assert await written.get() is record
        await recorder.flushed()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert _lost() == lost + 1
    assert [repr(bad) in line for line in caplog.messages] == [True]


async def test_no_record_is_dropped_because_the_database_goes_away_again_and_again() -> None:
    """As a full disk does, which is read well and takes nothing."""
    store = Store(failures=1000)
    recorder = Recorder(store.write, store.wait)
    records = _records(3)
    for record in records:
        recorder.add(record)
    await recorder.drain()
    assert set(store.written) == set(records)


async def test_while_the_database_is_away_for_too_long_the_oldest_are_lost() -> None:
    store = Store()
    recorder = Recorder(store.write, store.wait)
    records = _records(MAX_WAITING + 2)
    for record in records:
        recorder.add(record)
    await recorder.drain()
    assert store.written == records[2:]


async def test_everything_is_flushed_when_nothing_waits_and_not_before() -> None:
    store, away = Store(failures=1), asyncio.Event()
    recorder = Recorder(store.write, away.wait)
    await recorder.flushed()
    running = asyncio.create_task(recorder.run())
    records = _records(2)
    for record in records:
        recorder.add(record)
    flushed = asyncio.create_task(recorder.flushed())
    await asyncio.sleep(0)
    assert not flushed.done()
    away.set()
    async with asyncio.timeout(10):
        await flushed
    assert store.written == records
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_it_writes_on_its_own_while_it_runs() -> None:
    written = asyncio.Queue[Record]()
    store = Store()
    recorder = Recorder(written.put, store.wait)
    running = asyncio.create_task(recorder.run())
    for record in _records(2):
        recorder.add(record)
        assert await written.get() is record
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _event(kind: EventType, position_s: float = 12.5) -> Event:
    return Event(type=kind, at=NOON, after=QUEUED.model_dump(mode="json") | {"position_s": position_s})


def test_a_started_track_is_a_play() -> None:
    started = Started(QUEUED.play_id, "home", 3, QUEUED.decision_id, NOON)
    assert record_of(_event(EventType.TRACK_STARTED), "home") == started


@pytest.mark.parametrize(("kind", "skipped"), [(EventType.TRACK_FINISHED, False), (EventType.TRACK_SKIPPED, True)])
def test_an_ended_track_tells_how(kind: EventType, skipped: bool) -> None:
    record = record_of(_event(kind), "home")
    assert isinstance(record, Ended)
    assert (record.skipped, record.heard_s, record.at) == (skipped, 12.5, NOON)


@pytest.mark.parametrize("position_s", [-1, 10**400, "long", float("nan")])
def test_an_ended_track_that_says_no_time_is_refused(position_s: JsonValue) -> None:
    event = _event(EventType.TRACK_SKIPPED)
    after = {**(event.after or {}), "position_s": position_s}
    with pytest.raises(ValueError, match="position_s"):
        record_of(Event.model_construct(type=event.type, after=after, at=NOON), "home")


@pytest.mark.parametrize(("kind", "liked"), [(EventType.TRACK_LIKED, True), (EventType.TRACK_DISLIKED, False)])
def test_a_liked_track_is_a_judgement(kind: EventType, liked: bool) -> None:
    event = _event(kind)
    record = record_of(event, "home")
    assert isinstance(record, Judgement)
    assert (record.id, record.song_id, record.liked, record.play_id) == (event.id, 3, liked, QUEUED.play_id)


@pytest.mark.parametrize("kind", [EventType.MOOD_CHANGED, EventType.PROBLEM, EventType.MANUAL_PLAY])
def test_other_events_are_not_written_down(kind: EventType) -> None:
    assert record_of(Event(type=kind), "home") is None


@pytest.mark.parametrize("after", [None, {}, {"track": {"song_id": 0}}, {"position_s": 3}])
def test_a_track_event_without_its_track_is_refused(after: dict[str, JsonValue] | None) -> None:
    with pytest.raises(ValueError):
        record_of(Event.model_construct(type=EventType.TRACK_STARTED, after=after, at=NOON), "home")
