"""What the stores promise, on SQLite (also their in-process double) and on PostgreSQL alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import IntegrityError

from services.contracts.moods import Point
from services.recommender.database import Database, DatabaseAwayError, database_url
from services.recommender.history import SqlHistoryStore
from services.recommender.migrate import migrate
from services.recommender.playlists import NoSuchSongsError, SqlPlaylistStore, TakenError
from services.recommender.records import DecisionInfo, Ended, Judgement, Started
from services.recommender.songs import FoundSong, PlacedBy, SqlSongStore
from services.recommender.tables import Base, SongRow
from services.runtime.health import Health
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from tests.unit.recommender_doubles import EVER

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

HAPPY = FoundSong("file:///a.mp3", "1", "Ébène", "Zoë", "Été", 61.5, 0.8, 0.5, PlacedBy.FOLDER, "happy")
SAD = FoundSong("file:///b.mp3", "1", "100 % blue", "Ann", "", None, -0.6, -0.3, PlacedBy.TAGS, "sad")
PLAIN = FoundSong("file:///c.mp3", "1", "Nothing known")


@pytest.fixture
async def songs(database: Database) -> SqlSongStore:
    """A library of three songs with the ids 1, 2 and 3."""
    store = SqlSongStore(database)
    await store.put("folder", [HAPPY, SAD, PLAIN], NOON)
    return store


async def test_a_song_comes_back_as_it_was_put(songs: SqlSongStore) -> None:
    song = await songs.get(1)
    assert song
    assert (song.title, song.artist, song.album, song.duration_s) == ("Ébène", "Zoë", "Été", 61.5)
    assert (song.valence, song.arousal, song.placed_by, song.mood) == (0.8, 0.5, PlacedBy.FOLDER, "happy")
    assert (song.added_at, song.missing) == (NOON, False)


async def test_times_come_back_in_utc_whatever_zone_they_had(database: Database) -> None:
    store = SqlSongStore(database)
    await store.put("folder", [HAPPY], NOON.astimezone(timezone(timedelta(hours=5))))
    song = await store.get(1)
    assert song
    assert song.added_at == NOON
    assert song.added_at.utcoffset() == timedelta(0)


async def test_a_song_that_is_put_again_is_updated(songs: SqlSongStore) -> None:
    await songs.put("folder", [replace(HAPPY, title="New", stamp="2")], NOON + timedelta(days=1))
    song = await songs.get(1)
    assert song
    assert (song.title, song.added_at) == ("New", NOON)
    assert (await songs.search("", None, 10, 0))[1] == 3


async def test_a_point_set_by_hand_survives_the_next_scan(songs: SqlSongStore) -> None:
    await songs.change(1, {"valence": -1.0, "arousal": 0.25, "mood": "calm", "placed_by": PlacedBy.HAND})
    await songs.put("folder", [replace(HAPPY, title="New", stamp="2")], NOON)
    song = await songs.get(1)
    assert song
    assert (song.valence, song.arousal, song.mood, song.title) == (-1.0, 0.25, "calm", "New")


@pytest.mark.parametrize(
    ("query", "found"),
    [("", [2, 3, 1]), ("ÉBÈNE", [1]), ("été zoë", [1]), ("zoë ann", []), ("%", [2]), ("_", []), ("blue 100", [2])],
)
async def test_a_search_finds_every_word_in_any_case(songs: SqlSongStore, query: str, found: list[int]) -> None:
    page, total = await songs.search(query, None, 10, 0)
    assert sorted(song.id for song in page) == sorted(found)
    assert total == len(found)


async def test_a_search_is_paged_and_filtered_by_mood(songs: SqlSongStore) -> None:
    page, total = await songs.search("", None, 2, 2)
    assert (len(page), total) == (1, 3)
    assert [song.id for song in (await songs.search("", "sad", 10, 0))[0]] == [2]
    (nearest,), total = await songs.search("", None, 1, 0, Point(-0.6, -0.4))
    assert (nearest.id, total) == (2, 3)


async def test_missing_songs_are_no_candidates_until_they_are_back(songs: SqlSongStore) -> None:
    await songs.mark_missing("folder", [SAD.uri])
    await songs.mark_missing("elsewhere", [HAPPY.uri])
    assert [song.id for song in await songs.candidates()] == [1, 3]
    assert await songs.stamps("folder") == {HAPPY.uri: "1", PLAIN.uri: "1"}
    await songs.put("folder", [SAD], NOON)
    assert [song.id for song in await songs.candidates()] == [1, 2, 3]


async def test_a_song_without_mood_information_is_a_candidate_that_is_not_placed(songs: SqlSongStore) -> None:
    assert [song.placed for song in await songs.candidates()] == [True, True, False]


async def test_more_songs_than_a_statement_takes_can_be_put(database: Database) -> None:
    store = SqlSongStore(database)
    await store.put("folder", [replace(PLAIN, uri=f"file:///{n}.mp3") for n in range(1200)], NOON)
    assert len(await store.candidates()) == 1200


async def test_a_point_off_the_plane_is_refused(songs: SqlSongStore) -> None:
    with pytest.raises(IntegrityError):
        await songs.put("folder", [replace(HAPPY, valence=1.5)], NOON)


async def test_a_playlist_keeps_its_order_and_counts_its_songs(database: Database, songs: SqlSongStore) -> None:
    store = SqlPlaylistStore(database)
    made = await store.create("Evening", "calm", [3, 1, 3], NOON)
    assert (made.name, made.mood, made.songs, made.duration_s) == ("Evening", "calm", 3, 61.5)
    assert [song.id for song in await store.songs(made.id)] == [3, 1, 3]
    await store.arrange(made.id, [2, 1])
    assert [song.id for song in await store.songs(made.id)] == [2, 1]


async def test_a_pinned_playlist_leaves_missing_songs_out(database: Database, songs: SqlSongStore) -> None:
    store = SqlPlaylistStore(database)
    await store.create("Evening", "calm", [3, 1, 2], NOON)
    await store.create("Unpinned", None, [1], NOON)
    await songs.mark_missing("folder", [HAPPY.uri])
    (pinned,) = await store.pinned()
    assert (pinned.mood, [song.id for song in pinned.songs]) == ("calm", [3, 2])


async def test_names_and_moods_belong_to_one_playlist(database: Database, songs: SqlSongStore) -> None:
    store = SqlPlaylistStore(database)
    first = await store.create("Evening", "calm", [], NOON)
    with pytest.raises(TakenError, match="“Evening” already"):
        await store.create("Evening", None, [], NOON)
    with pytest.raises(TakenError, match="pinned to the mood calm"):
        await store.create("Night", "calm", [], NOON)
    await store.change(first.id, name="Late", mood=None)
    assert (await store.create("Evening", "calm", [], NOON)).songs == 0
    assert [playlist.name for playlist in await store.all()] == ["Evening", "Late"]


async def test_a_taken_name_that_speaks_of_moods_is_still_a_taken_name(database: Database) -> None:
    store = SqlPlaylistStore(database)
    await store.create("Good mood", "calm", [], NOON)
    with pytest.raises(TakenError, match="“Good mood” already"):
        await store.create("Good mood", None, [], NOON)


async def test_a_playlist_of_unknown_songs_is_refused_and_changes_nothing(
    database: Database, songs: SqlSongStore
) -> None:
    store = SqlPlaylistStore(database)
    with pytest.raises(NoSuchSongsError, match="id 7, 9"):
        await store.create("Evening", None, [9, 1, 7], NOON)
    assert await store.all() == []


async def test_a_deleted_playlist_leaves_its_songs(database: Database, songs: SqlSongStore) -> None:
    store = SqlPlaylistStore(database)
    made = await store.create("Evening", None, [1, 2], NOON)
    await store.delete(made.id)
    assert await store.get(made.id) is None
    assert len(await songs.candidates()) == 3


def _started(song_id: int = 1, at: datetime = NOON, play_id: UUID | None = None) -> Started:
    return Started(play_id or uuid4(), "home", song_id, uuid4(), at)


async def test_a_play_is_kept_once_with_how_it_ended(database: Database, songs: SqlSongStore) -> None:
    store = SqlHistoryStore(database)
    first, second = _started(1), _started(2, NOON + timedelta(minutes=1))
    ended = Ended(first, skipped=True, heard_s=12.5, at=NOON + timedelta(seconds=13))
    for record in (first, first, ended, ended, second):
        await store.record(record)
    newest, oldest = await store.plays("home", 10, **EVER)
    assert (newest.song_id, newest.skipped, newest.ended_at) == (2, None, None)
    assert (oldest.title, oldest.skipped, oldest.heard_s) == ("Ébène", True, 12.5)
    assert len(await store.plays("home", 1, **EVER)) == 1
    assert await store.plays("elsewhere", 10, **EVER) == []


async def test_a_play_of_an_unknown_song_is_dropped(database: Database, songs: SqlSongStore) -> None:
    store = SqlHistoryStore(database)
    await store.record(_started(99))
    await store.record(Ended(_started(99), skipped=False, heard_s=1, at=NOON))
    await store.record(Judgement(id=uuid4(), room="home", song_id=99, liked=True, given_at=NOON))
    assert await store.plays("home", 10, **EVER) == []


async def test_a_decision_comes_back_once_as_it_was(database: Database) -> None:
    store = SqlHistoryStore(database)
    decision = DecisionInfo(
        id=uuid4(), decision_id=uuid4(), room="home", decided_at=NOON, mood="happy", mode="mirror", target_valence=0.8,
        target_arousal=0.5, playlist=None, how="append", reason="Why: “é”", songs=[{"song_id": 1, "score": 0.25}],
    )  # fmt: skip
    await store.record(decision)
    await store.record(decision)
    assert await store.decisions("home", 10, **EVER) == [decision]


async def test_the_newest_judgement_of_a_song_counts(database: Database, songs: SqlSongStore) -> None:
    store = SqlHistoryStore(database)
    play = _started(1)
    await store.record(play)
    for minute, liked in enumerate((True, False)):
        at = NOON + timedelta(minutes=minute)
        await store.record(
            Judgement(id=uuid4(), room="home", song_id=1, liked=liked, given_at=at, play_id=play.play_id)
        )
    assert [judgement.liked for judgement in await store.judgements("home")] == [False]
    assert (await store.plays("home", 1, **EVER))[0].liked is False


async def test_tastes_follow_from_judgements_and_skips(database: Database, songs: SqlSongStore) -> None:
    store = SqlHistoryStore(database)
    await store.record(Judgement(id=uuid4(), room="home", song_id=1, liked=True, given_at=NOON))
    await store.record(Ended(_started(2), skipped=True, heard_s=3, at=NOON))
    await store.record(Ended(_started(3), skipped=False, heard_s=60, at=NOON))
    tastes = await store.tastes("home")
    assert tastes.keys() == {1, 2}
    assert tastes[1] < 0 < tastes[2]
    assert await store.tastes("kitchen") == {}


async def test_a_failed_transaction_stores_nothing(database: Database, songs: SqlSongStore) -> None:
    async def fail() -> None:
        async with database.session() as session:
            row = await session.get(SongRow, 1)
            assert row
            row.title = "half done"
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    song = await songs.get(1)
    assert song
    assert song.title == "Ébène"


def test_migrations_lead_to_the_tables_of_the_code(settings: Settings) -> None:
    migrate(settings)
    migrate(settings)
    url = database_url(settings)
    engine = create_engine(url.set(drivername=url.drivername.replace("+aiosqlite", "")))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_a_failed_migration_is_one_line_and_leaves_nothing_behind(settings: Settings) -> None:
    url = database_url(settings)
    engine = create_engine(url.set(drivername=url.drivername.replace("+aiosqlite", "")))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE playlists (id INTEGER)")
    with pytest.raises(SetupError, match=r"cannot be migrated: .*playlists.* already exists"):
        migrate(settings)
    assert inspect(engine).get_table_names() == ["playlists"]
    engine.dispose()


async def test_a_database_of_a_newer_version_is_refused(settings: Settings) -> None:
    migrate(settings)
    url = database_url(settings)
    engine = create_engine(url.set(drivername=url.drivername.replace("+aiosqlite", "")))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(SetupError, match=r"newer Moodring.*9999.*: update Moodring, or restore a backup"):
        migrate(settings)
    database = Database(url, Health())
    with pytest.raises(DatabaseAwayError, match="has tables of revision 9999"):
        await database.connect()
    await database.close()


async def test_a_database_without_tables_says_which_command_makes_them(settings: Settings) -> None:
    health = Health()
    database = Database(database_url(settings), health)
    with pytest.raises(DatabaseAwayError, match="run `moodring migrate`"):
        await database.connect()
    with pytest.raises(DatabaseAwayError):
        await SqlSongStore(database).candidates()
    assert "moodring migrate" in health.problems["database"]
    await database.close()
