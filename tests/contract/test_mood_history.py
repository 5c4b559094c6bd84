"""What the history of moods promises, on SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, inspect

from services.recommender import mood_history, retention
from services.recommender.chronicle import Chronicle
from services.recommender.database import Database, database_url
from services.recommender.history import SqlHistoryStore
from services.recommender.migrations import configuration
from services.recommender.minutes import Held, Minute
from services.recommender.mood_history import MoodDecision, Resolution, SqlMoodHistoryStore
from services.recommender.records import DecisionInfo, Judgement, Started
from services.recommender.retention import EPOCH, Deleted, delete_history
from services.recommender.songs import FoundSong, SqlSongStore
from services.runtime.settings import Settings
from tests.unit.recommender_doubles import EVER, Clock

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(database: Database) -> SqlMoodHistoryStore:
    """An empty history."""
    return SqlMoodHistoryStore(database)


def decision(at: datetime = NOON, mood: str = "happy", room: str = "home", number: int | None = None) -> MoodDecision:
    return MoodDecision(
        decision_id=uuid4() if number is None else UUID(int=number), room=room, decided_at=at, mood=mood,
        confidence=0.75, distribution={"happy": 0.75, "sad": 0.25}, valence=0.5, arousal=-0.25, people=2, samples=60,
        source="camera",
    )  # fmt: skip


def held(mood: str = "happy", seconds: float = 60, valence: float = 0.5, people: int = 1) -> Held:
    return Held(mood, seconds, valence, arousal=0.25, confidence=0.75, people=people, samples=5 * seconds)


def minute(at: datetime, *moods: Held, room: str = "home") -> Minute:
    return Minute(room, int(at.timestamp()), moods or (held(),))


async def test_a_decision_comes_back_once_as_it_was_first(store: SqlMoodHistoryStore) -> None:
    first = decision()
    await store.record(first)
    await store.record(first.model_copy(update={"confidence": 0.1}))
    assert await store.decisions("home", NOON, NOON + HOUR, after=None, limit=10) == [first]


async def test_a_room_is_known_by_what_is_written_down_of_it(store: SqlMoodHistoryStore) -> None:
    await store.record(decision(room="study"))
    await store.record(minute(NOON, room="attic"))
    assert [await store.knows(room) for room in ("study", "attic", "home")] == [True, True, False]


async def test_decisions_are_those_of_a_room_and_a_time_oldest_first(store: SqlMoodHistoryStore) -> None:
    made = [decision(NOON + hours * HOUR) for hours in (2, 0, 1, 3)]
    for one in [*made, decision(NOON + HOUR, room="kitchen")]:
        await store.record(one)
    found = await store.decisions("home", NOON, NOON + 3 * HOUR, after=None, limit=10)
    assert found == [made[1], made[2], made[0]]


async def test_decisions_of_one_moment_can_be_paged(store: SqlMoodHistoryStore) -> None:
    made = [decision(number=number) for number in range(1, 6)]
    for one in made:
        await store.record(one)
    first = await store.decisions("home", NOON, NOON + HOUR, after=None, limit=3)
    rest = await store.decisions("home", NOON, NOON + HOUR, after=first[-1].decision_id, limit=3)
    assert [*first, *rest] == made


async def test_a_minute_comes_back_as_a_span(store: SqlMoodHistoryStore) -> None:
    one = minute(NOON, held("happy", 45, 0.8, people=2), held("unknown", 15, 0))
    await store.record(one)
    await store.record(one)
    ((span,), following) = await store.spans("home", NOON, NOON + HOUR, width_s=60)
    assert (span.start, span.seconds, span.mood, span.shares) == (NOON, 60, "happy", {"happy": 0.75, "unknown": 0.25})
    assert (span.valence, span.arousal, span.confidence) == (0.8, 0.25, 0.75)
    assert (span.people, span.samples, following) == (2, 300, None)


async def test_a_span_without_a_clear_mood_has_no_point(store: SqlMoodHistoryStore) -> None:
    await store.record(minute(NOON, held("nobody", 40, 0, people=0), held("unknown", 20, 0.5)))
    ((span,), _) = await store.spans("home", NOON, NOON + HOUR, width_s=60)
    assert (span.mood, span.valence, span.arousal, span.confidence) == ("nobody", None, None, None)


async def test_parts_of_a_minute_are_put_together(store: SqlMoodHistoryStore) -> None:
    await store.record(minute(NOON, held("happy", 20, 0.8)))
    await store.record(minute(NOON + timedelta(seconds=30), held("happy", 10, 0.2), held("sad", 10, -0.6)))
    ((span,), _) = await store.spans("home", NOON, NOON + HOUR, width_s=60)
    assert (span.seconds, span.shares) == (40, {"happy": 0.75, "sad": 0.25})
    assert span.valence == pytest.approx((20 * 0.8 + 10 * 0.2 - 10 * 0.6) / 40)


@pytest.mark.parametrize(
    ("width", "offset", "starts"),
    [
        (HOUR, timedelta(), ["12:00", "13:00"]),
        (HOUR, timedelta(hours=5, minutes=30), ["11:30", "12:30"]),
        (HOUR, timedelta(hours=-3, minutes=-30), ["11:30", "12:30"]),
        (DAY, timedelta(), ["00:00"]),
        (DAY, timedelta(hours=11, minutes=15), ["12:45", "12:45"]),
    ],
)
async def test_hours_and_days_begin_where_the_caller_is(
    store: SqlMoodHistoryStore, width: timedelta, offset: timedelta, starts: list[str]
) -> None:
    for minutes in (0, 20, 44, 45, 89):
        await store.record(minute(NOON + minutes * MINUTE))
    spans, _ = await store.spans(
        "home", NOON, NOON + DAY, width_s=int(width.total_seconds()), offset_s=int(offset.total_seconds())
    )
    assert [span.start.strftime("%H:%M") for span in spans] == starts
    assert sum(span.seconds for span in spans) == 300


async def test_spans_are_paged_over_gaps(store: SqlMoodHistoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mood_history, "MAX_SPANS", 2)
    times = [NOON + minutes * MINUTE for minutes in (0, 1, 2, 600)]
    for at in times:
        await store.record(minute(at))
    found = []
    following: datetime | None = EPOCH
    while following:
        spans, following = await store.spans("home", following, NOON + DAY, width_s=60)
        assert 0 < len(spans) <= 2
        found += spans
    assert [span.start for span in found] == times


async def test_an_answer_is_put_together_from_short_queries(
    store: SqlMoodHistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mood_history, "MAX_AT_ONCE_S", 120)
    times = [NOON + minutes * MINUTE for minutes in (0, 1, 2, 3, 600)]
    for at in times:
        await store.record(minute(at))
    spans, following = await store.spans("home", EPOCH, NOON + DAY, width_s=60)
    assert ([span.start for span in spans], following) == (times, None)


async def test_a_room_without_history_has_no_spans(store: SqlMoodHistoryStore) -> None:
    assert await store.spans("home", EPOCH, NOON, width_s=60) == ([], None)


async def _fill(database: Database) -> None:
    await SqlSongStore(database).put("folder", [FoundSong("file:///a.mp3", "1", "A")], NOON)
    moods, music = SqlMoodHistoryStore(database), SqlHistoryStore(database)
    for room in ("home", "kitchen"):
        for days in range(3):
            at = NOON + days * DAY
            await moods.record(decision(at, room=room))
            await moods.record(minute(at, held(), held("sad"), room=room))
            await music.record(Started(uuid4(), room, 1, None, at))
            await music.record(
                DecisionInfo(
                    id=uuid4(), decision_id=uuid4(), room=room, decided_at=at, mood="happy", mode="mirror",
                    target_valence=0.8, target_arousal=0.5, playlist=None, how="append", reason="", songs=[],
                )
            )  # fmt: skip
            await music.record(Judgement(id=uuid4(), room=room, song_id=1, liked=True, given_at=at))


async def test_a_time_of_a_room_is_deleted_and_nothing_else(database: Database, store: SqlMoodHistoryStore) -> None:
    await _fill(database)
    deleted = await delete_history(database, NOON + DAY, NOON + 2 * DAY, "home")
    assert deleted == Deleted(mood_decisions=1, mood_minutes=2, decisions=1, plays=1)
    music = SqlHistoryStore(database)
    for room, left in (("home", [0, 2]), ("kitchen", [0, 1, 2])):
        times = [NOON + days * DAY for days in left]
        decided = await store.decisions(room, EPOCH, NOON + 9 * DAY, after=None, limit=9)
        spans, _ = await store.spans(room, EPOCH, NOON + 9 * DAY, width_s=86400, offset_s=43200)
        assert [one.decided_at for one in decided] == [span.start for span in spans] == times
        plays, requests = await music.plays(room, 9, **EVER), await music.decisions(room, 9, **EVER)
        assert [one.started_at for one in plays] == [one.decided_at for one in requests] == times[::-1]
    assert len(await music.judgements("home")) == 1


async def test_history_is_kept_for_the_days_of_the_setting_and_no_longer(
    database: Database, store: SqlMoodHistoryStore, settings: Settings
) -> None:
    await _fill(database)
    two_days = settings.model_copy(update={"recommender": settings.recommender.model_copy(update={"history_days": 2})})
    clock = Clock()
    chronicle = Chronicle(database, two_days, clock)
    music = SqlHistoryStore(database)
    for days in range(6):
        for late_s in (0, 61):  # what is two days old to the second is not older
            clock.now = (NOON + days * DAY).timestamp() + late_s
            await chronicle.purge(steady=True)
            kept = [NOON + day * DAY for day in range(3) if day >= days - 2 + bool(late_s)]
            for room in ("home", "kitchen"):
                decided = await store.decisions(room, EPOCH, NOON + 9 * DAY, after=None, limit=9)
                spans, _ = await store.spans(room, EPOCH, NOON + 9 * DAY, width_s=60)
                plays, requests = await music.plays(room, 9, **EVER), await music.decisions(room, 9, **EVER)
                assert [one.decided_at for one in decided] == [span.start for span in spans] == kept
                assert [one.started_at for one in plays] == [one.decided_at for one in requests] == kept[::-1]
                assert len(await music.judgements(room)) == 1


async def test_a_minute_that_is_touched_is_deleted_as_a_whole(database: Database, store: SqlMoodHistoryStore) -> None:
    for minutes in range(4):
        await store.record(minute(NOON + minutes * MINUTE))
    await delete_history(database, NOON + 1.5 * MINUTE, NOON + 2.1 * MINUTE, "home")
    spans, _ = await store.spans("home", NOON, NOON + HOUR, width_s=60)
    assert [span.start for span in spans] == [NOON, NOON + 3 * MINUTE]


async def test_more_rows_than_a_batch_are_deleted(
    database: Database, store: SqlMoodHistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    await _fill(database)
    deleted = await delete_history(database, EPOCH, NOON + 9 * DAY)
    assert deleted == Deleted(mood_decisions=6, mood_minutes=12, decisions=6, plays=6)
    assert await store.spans("home", EPOCH, NOON + 9 * DAY, width_s=60) == ([], None)


async def test_plays_and_requests_of_a_time_are_found(database: Database) -> None:
    await _fill(database)
    music = SqlHistoryStore(database)
    (play,) = await music.plays("home", 9, start=NOON + DAY, end=NOON + 2 * DAY)
    (request,) = await music.decisions("home", 9, start=NOON + DAY, end=NOON + 2 * DAY)
    assert play.started_at == request.decided_at == NOON + DAY


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    """A connection to a database without tables."""
    url = database_url(settings)
    engine = create_engine(url.set(drivername=url.drivername.replace("+aiosqlite", "")))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_a_database_of_the_first_revision_goes_up_and_keeps_its_songs(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    first = set(inspect(connection).get_table_names())
    connection.exec_driver_sql(
        "INSERT INTO playlists (id, name, created_at) VALUES (1, 'Evening', '2026-11-21 12:00:00.000000')"
    )
    command.upgrade(config, "0002")
    assert set(inspect(connection).get_table_names()) == first | {"mood_decisions", "mood_minutes"}
    assert connection.exec_driver_sql("SELECT name FROM playlists").scalars().all() == ["Evening"]


def test_resolutions_have_their_lengths() -> None:
    assert [one.seconds for one in Resolution] == [0, 60, 3600, 86400]
