"""The recommender on a bus, with a player that follows a script and a real database."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from services.contracts.channels import EVENTS, MOOD, POLICY, POLICY_SET
from services.contracts.messages import Event, EventType, Mood, PlayHow, Policy, PolicyMode, SetPolicy, uuid7
from services.recommender import library
from services.recommender import rooms as rooms_module
from services.recommender.migrate import migrate
from services.recommender.service import RecommenderService, build
from services.recommender.state import RoomsFile
from services.runtime.bus import Delivery
from services.runtime.health import Health
from services.runtime.memory import MemoryBroker, MemoryBus
from services.runtime.settings import Recommender, Settings
from tests.postgres import Postgres
from tests.unit.recommender_doubles import Clock, ScriptedPlayer, mood_of, twelve_songs
from tests.unit.test_recommender_api import client_of, scanned
from tests.unit.test_recommender_import import write_wave

PATIENCE_S = 30


@dataclass
class House:
    """A running recommender, its room's player, and the bus between them."""

    service: RecommenderService
    client: httpx.AsyncClient
    bus: MemoryBus
    player: ScriptedPlayer
    clock: Clock

    async def feel(self, mood: Mood, room: str = "home") -> None:
        """Let the room have a mood, and everything that follows from it happen."""
        self.bus.publish(MOOD, mood, room=room)
        await self.bus.settle()

    async def finish(self) -> None:
        """Let the song end, a minute after it began."""
        self.clock.now += 60
        self.player.finish()
        await self.bus.settle()

    async def history(self) -> dict[str, Any]:
        """Return the room's history."""
        answer: dict[str, Any] = (await self.client.get("/api/rooms/home/history")).json()
        return answer


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with a dozen songs by one artist, spread over the plane."""
    for one in twelve_songs():
        write_wave(
            tmp_path / "music" / f"{one.id:02}.wav",
            seconds=0.05,
            title=one.title,
            artist="Demo",
            valence=str(one.point.valence),
            arousal=str(one.point.arousal),
        )
    return tmp_path / "music"


@asynccontextmanager
async def _house(settings: Settings, broker: MemoryBroker | None = None, *, wait: bool = True) -> AsyncIterator[House]:
    clock = Clock()
    service = build(settings, clock=clock, steady=clock, chance=Random(7))
    broker = broker or MemoryBroker()
    async with MemoryBus(broker=broker) as bus, MemoryBus(broker=broker) as others, client_of(service) as client:
        running = asyncio.create_task(service.run(bus))
        try:
            if wait:
                await scanned(client)
            yield House(service, client, others, ScriptedPlayer(others, clock), clock)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def settings(tmp_path: Path, music: Path) -> Settings:
    """Settings with a migrated SQLite file."""
    settings = Settings(data=tmp_path / "data", music=music)
    migrate(settings)
    return settings


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    """A running house."""
    async with _house(settings) as house:
        yield house


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - the database's thread announces nothing
            await asyncio.sleep(0.01)


async def test_ten_songs_in_a_row_across_three_moods_differ(house: House) -> None:
    for mood in ("happy", "sad", "calm"):
        await house.feel(mood_of(mood))
        for _ in range(4):
            await house.finish()
            assert len(house.player.waiting) == 2
    assert len(house.player.song_ids) >= 10
    assert len(set(house.player.song_ids[:10])) == 10


async def test_no_song_of_another_folder_is_chosen_before_the_first_scan_has_ended(
    settings: Settings, tmp_path: Path
) -> None:
    async with _house(settings):
        pass  # the library holds the first folder's songs now
    (tmp_path / "other").mkdir()
    elsewhere = settings.model_copy(update={"music": tmp_path / "other"})
    async with _house(elsewhere, wait=False) as house:
        async with asyncio.timeout(PATIENCE_S):
            await house.service.database.available.wait()
        await house.service.library.load()
        assert house.service.library.shelf.songs == ()


async def test_the_songs_fit_the_mood(house: House) -> None:
    await house.feel(mood_of("happy"))
    happy = house.player.requests[0].tracks
    house.clock.now += 400
    await house.feel(mood_of("sad"))
    sad = house.player.requests[-1].tracks
    assert all(track.valence > 0 for track in happy)
    assert all(track.valence < 0 for track in sad)


async def test_the_queue_follows_a_changed_mood_at_the_next_song(house: House) -> None:
    await house.feel(mood_of("happy"))
    playing = house.player.song_ids
    house.clock.now += 400
    sad = mood_of("sad")
    await house.feel(sad)
    assert house.player.song_ids == playing
    assert house.player.requests[-1].how is PlayHow.REPLACE_NEXT
    assert house.player.requests[-1].decision_id == sad.decision_id


async def test_a_mood_that_had_to_wait_is_acted_on_without_another_message(house: House) -> None:
    await house.feel(mood_of("happy"))
    await house.feel(mood_of("sad"))
    before = len(house.player.requests)
    house.clock.now += 299
    await house.service.tick()
    assert len(house.player.requests) == before
    house.clock.now += 1
    await house.service.tick()
    await house.bus.settle()
    assert "sad" in house.player.requests[-1].reason


async def test_late_and_repeated_states_do_not_fill_the_queue(house: House) -> None:
    await house.feel(mood_of("happy"))
    for _ in range(5):
        house.player.publish()
    await house.bus.settle()
    assert len(house.player.waiting) == 2
    assert len(house.player.requests) == 1


async def test_rooms_beyond_the_limit_are_left_out(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 20)
    for number in range(25):
        house.bus.publish(MOOD, mood_of("happy"), room=f"room{number}")
    await house.bus.settle()
    assert caplog.text.count("rooms already") == 1
    answer = await house.client.put("/api/rooms/one_more/policy", json={"mode": "off"})
    assert answer.status_code == 404, "a room that nobody plays in is none"
    await house.feel(mood_of("happy"))
    assert house.player.requests


async def test_a_room_whose_mood_is_withdrawn_is_none_any_more_and_its_history_stays(house: House) -> None:
    await house.feel(mood_of("happy"), room="attic")
    house.bus.withdraw(MOOD, room="attic")
    await house.bus.settle()
    await house.service.tick()
    await house.service.chronicle.flushed()
    assert "moodring/attic/policy" not in house.bus.broker.retained
    assert (await house.client.get("/api/rooms/attic/policy")).status_code == 404
    assert "attic" not in (house.service.settings.data / "state" / "recommender.json").read_text()
    history = (await house.client.get("/api/rooms/attic/history?resolution=raw")).json()
    assert [one["mood"] for one in history["mood_decisions"]] == ["happy"]


async def test_a_room_whose_mood_is_withdrawn_makes_place_for_one_with_a_history_of_its_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 2)
    await house.feel(mood_of("happy"), room="attic")
    house.bus.withdraw(MOOD, room="attic")
    await house.feel(mood_of("sad"), room="kitchen")
    retained = house.bus.broker.retained
    assert "moodring/kitchen/policy" in retained
    assert "moodring/attic/policy" not in retained
    await house.service.chronicle.flushed()
    for room, felt in (("kitchen", "sad"), ("attic", "happy")):
        history = (await house.client.get(f"/api/rooms/{room}/history?resolution=raw")).json()
        assert [one["mood"] for one in history["mood_decisions"]] == [felt]


async def test_a_room_that_nobody_has_gets_no_policy_and_those_that_are_there_are_named(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        house.bus.publish(POLICY_SET, SetPolicy(mode=PolicyMode.OFF), room="hom")
    await house.bus.settle()
    assert "moodring/hom/policy" not in house.bus.broker.retained
    why = (
        "nothing is known of a room hom: it has no camera and no player, and does not stand in the settings; "
        "there are home"
    )
    assert [record.message for record in caplog.records if "policy/set of hom" in record.message] == [
        f"policy/set of hom: {why} (1 times)"
    ]
    for method, path, body in (
        ("PUT", "policy", {"mode": "off"}),
        ("POST", "feedback", {"song_id": 1, "liked": True}),
    ):
        answer = await house.client.request(method, f"/api/rooms/hom/{path}", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, why)


async def test_a_policy_that_waited_for_a_restart_is_taken_by_every_room_that_was_there(settings: Settings) -> None:
    async with _house(settings) as house:
        await house.feel(mood_of("happy"), room="attic")
    async with _house(settings, MemoryBroker()) as house:
        house.bus.publish(POLICY_SET, SetPolicy(mode=PolicyMode.OFF), room="attic")
        await house.bus.settle()
        assert (await house.client.get("/api/rooms/attic/policy")).json()["mode"] == "off"


async def test_every_room_is_served(house: House) -> None:
    kitchen = ScriptedPlayer(house.bus, house.clock, "kitchen")
    await house.feel(mood_of("happy"))
    await house.feel(mood_of("sad"), room="kitchen")
    assert "happy" in house.player.requests[0].reason
    assert "sad" in kitchen.requests[0].reason


async def test_a_policy_over_the_bus_is_told_kept_and_heard_at_the_next_song(settings: Settings) -> None:
    broker = MemoryBroker()
    told: list[Policy] = []

    async def note(delivery: Delivery[Policy]) -> None:
        told.append(delivery.message)

    async with _house(settings, broker) as house:
        house.bus.subscribe(POLICY, note, room="home")
        await house.feel(mood_of("sad"))
        house.bus.publish(POLICY_SET, SetPolicy(mode=PolicyMode.LIFT), room="home")
        await house.bus.settle()
        assert house.player.requests[-1].how is PlayHow.REPLACE_NEXT
        assert "lift the mood" in house.player.requests[-1].reason
    async with _house(settings, MemoryBroker()) as house:
        house.bus.subscribe(POLICY, note, room="home")
        await house.bus.settle()
    assert [policy.mode for policy in told] == [PolicyMode.MIRROR, PolicyMode.LIFT, PolicyMode.LIFT]


async def test_off_lets_the_queue_play_out(house: House) -> None:
    await house.feel(mood_of("happy"))
    await house.client.put("/api/rooms/home/policy", json={"mode": "off"})
    for _ in range(3):
        await house.finish()
    assert len(house.player.requests) == 1
    assert house.player.waiting == []


async def test_a_playlist_pinned_over_rest_is_heard_at_the_next_song_and_so_is_its_change(house: House) -> None:
    await house.feel(mood_of("happy"))
    body = {"name": "Party", "songs": [1, 2, 3, 4], "mood": "happy"}
    made = (await house.client.post("/api/playlists", json=body)).json()
    await house.bus.settle()
    assert house.player.waiting == [1, 2]
    await house.finish()
    assert house.player.song_ids[-1] == 1
    await house.client.put(f"/api/playlists/{made['id']}/songs", json={"songs": [4, 1, 3]})
    await house.bus.settle()
    assert house.player.waiting == [3, 4]
    await house.client.delete(f"/api/playlists/{made['id']}")
    await house.bus.settle()
    assert "playlist" not in house.player.requests[-1].reason


async def test_what_was_decided_and_played_is_written_down(house: House) -> None:
    mood = mood_of("happy")
    await house.feel(mood)
    await house.finish()

    async def written() -> bool:
        history = await house.history()
        return len(history["decisions"]) == 2 and len(history["plays"]) == 2 and bool(history["plays"][1]["ended_at"])

    await _until(written)
    history = await house.history()
    rows = [*history["decisions"], *history["plays"]]
    assert {row["decision_id"] for row in rows} == {str(mood.decision_id)}
    assert [play["song_id"] for play in history["plays"]] == house.player.song_ids[::-1]
    assert [play["skipped"] for play in history["plays"]] == [None, False]
    assert history["decisions"][-1]["reason"] == house.player.requests[0].reason


async def test_moods_are_written_down_as_they_are_said_and_as_they_change(house: House) -> None:
    said, changed = mood_of("happy"), mood_of("sad")
    await house.feel(said)
    event = Event(type=EventType.MOOD_CHANGED, after=changed.model_dump(mode="json"))
    house.bus.publish(EVENTS, event, room="home")
    house.clock.now += 60
    await house.bus.settle()
    await house.service.tick()

    async def written() -> bool:
        return bool(
            (await house.client.get("/api/rooms/home/history", params={"resolution": "minute"})).json()["moods"]
        )

    await _until(written)
    history = (await house.client.get("/api/rooms/home/history", params={"resolution": "raw"})).json()
    assert {decision["decision_id"] for decision in history["mood_decisions"]} == {
        str(said.decision_id), str(changed.decision_id),
    }  # fmt: skip


async def test_a_deleted_history_takes_its_plays_and_what_they_taught_along(house: House) -> None:
    await house.feel(mood_of("happy"))
    house.player.tell(EventType.TRACK_SKIPPED, house.player.started[0])

    async def learned() -> bool:
        return bool(await house.service.history.tastes("home"))

    await _until(learned)
    query = {"from": "1970-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    deleted = (await house.client.delete("/api/rooms/home/history", params=query)).json()
    assert deleted["plays"] == 1
    assert await house.service.history.tastes("home") == {}
    history = await house.history()
    assert (history["plays"], history["decisions"]) == ([], [])


async def test_a_song_that_plays_while_its_history_is_deleted_leaves_no_trace(settings: Settings) -> None:
    broker = MemoryBroker()
    async with _house(settings, broker) as house:
        await house.feel(mood_of("happy"))
        playing = house.player.started[-1]

        async def plays() -> list[str]:
            return [play["play_id"] for play in (await house.history())["plays"]]

        async def begun() -> bool:
            return str(playing.play_id) in await plays()

        await _until(begun)
        query = {"from": "1970-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
        await house.client.delete("/api/rooms/home/history", params=query)
    async with _house(settings, broker) as house:
        house.player.tell(EventType.TRACK_FINISHED, playing)
        following = playing.model_copy(update={"play_id": uuid7()})
        house.player.tell(EventType.TRACK_STARTED, following)

        async def went_on() -> bool:
            return str(following.play_id) in await plays()

        await _until(went_on)
        assert str(playing.play_id) not in await plays()


async def test_when_the_music_was_changed_is_kept_at_once(house: House, settings: Settings) -> None:
    await house.feel(mood_of("happy"))
    kept = RoomsFile(settings, Health()).load().rooms["home"]
    assert kept.acted_at == house.clock.now
    assert kept.acted_on
    assert kept.acted_on.mood == "happy"


async def test_a_deleted_decision_that_still_stands_does_not_come_back_with_a_restart(settings: Settings) -> None:
    mood = mood_of("happy")
    raw = {"resolution": "raw"}
    for _ in range(2):
        async with _house(settings, MemoryBroker()) as house:
            await house.feel(mood)
            query = {"from": "1970-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
            await house.client.delete("/api/rooms/home/history", params=query)
    async with _house(settings, MemoryBroker()) as house:
        await house.feel(mood)
        await house.feel(mood_of("sad"))

        async def moods() -> list[str]:
            answer = await house.client.get("/api/rooms/home/history", params=raw)
            return [decision["mood"] for decision in answer.json()["mood_decisions"]]

        async def written() -> bool:
            return "sad" in await moods()

        await _until(written)
        assert await moods() == ["sad"]


async def test_a_disliked_song_is_feedback_and_a_like_too(house: House) -> None:
    await house.feel(mood_of("happy"))
    house.player.tell(EventType.TRACK_DISLIKED, house.player.started[0])

    async def written() -> bool:
        return bool((await house.client.get("/api/rooms/home/feedback")).json())

    await _until(written)
    (judgement,) = (await house.client.get("/api/rooms/home/feedback")).json()
    assert (judgement["song_id"], judgement["liked"]) == (house.player.song_ids[0], False)


async def test_a_broken_track_event_changes_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.bus.broker.publish("moodring/home/events", b'{"type": "track_started", "after": {"track": 7}}')
    house.bus.broker.publish("moodring/home/events", b'{"type": "mood_changed", "after": {"mood": 7}}')
    house.bus.broker.publish("moodring/home/events", b"garbage")
    await house.bus.settle()
    assert "events of home: one is dropped" in caplog.text
    await house.feel(mood_of("happy"))
    assert house.player.requests


async def test_a_database_without_tables_is_waited_for(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "BACKOFF_S", (0.01, 0.05))
    settings = Settings(data=tmp_path / "data", music=music)
    settings.data.mkdir()
    async with _house(settings, wait=False) as house:

        async def refused() -> bool:
            return "moodring migrate" in house.service.health.problems.get("database", "")

        await _until(refused)
        answer = await house.client.get("/api/songs")
        assert answer.status_code == 503
        assert "moodring migrate" in answer.json()["detail"]
        await asyncio.to_thread(migrate, settings)
        await scanned(house.client)
        assert house.service.health.problems == {}


async def test_music_goes_on_while_the_database_is_away(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch, postgres: Postgres, postgres_url: str
) -> None:
    monkeypatch.setattr(library, "BACKOFF_S", (0.01, 0.05))
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    settings = Settings(data=tmp_path / "data", music=music, recommender=Recommender(database=postgres_url))
    migrate(settings)
    async with _house(settings) as house:
        await house.feel(mood_of("happy"))
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        for _ in range(3):
            await house.finish()
        await house.feel(mood_of("sad"))
        assert len(house.player.song_ids) == 4
        assert len(house.player.waiting) == 2
        answer = await house.client.get("/api/playlists")
        assert answer.status_code == 503
        assert "database" in house.service.health.problems
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

        async def caught_up() -> bool:
            answer = await house.client.get("/api/rooms/home/history", params={"resolution": "raw"})
            if answer.status_code != 200:
                return False
            moods = [decision["mood"] for decision in answer.json()["mood_decisions"]]
            return moods == ["happy", "sad"] and len((await house.history())["plays"]) == 4

        await _until(caught_up)
        assert "database" not in house.service.health.problems


async def test_a_music_folder_that_goes_away_leaves_the_library_as_it_is(house: House, music: Path) -> None:
    await asyncio.to_thread(music.rename, music.with_name("elsewhere"))
    await house.client.post("/api/songs/scan")

    async def noticed() -> bool:
        return "music" in house.service.health.problems

    await _until(noticed)
    assert "cannot be read: No such file or directory" in house.service.health.problems["music"]
    songs = (await house.client.get("/api/songs")).json()["songs"]
    assert [song["missing"] for song in songs] == [False] * 12


async def test_a_disk_that_is_not_mounted_costs_no_song(house: House, music: Path) -> None:
    elsewhere = music.with_name("elsewhere")
    await asyncio.to_thread(music.rename, elsewhere)
    await asyncio.to_thread(music.mkdir)  # the empty folder that it is mounted on
    await house.client.post("/api/songs/scan")

    async def noticed() -> bool:
        return "is its disk mounted?" in house.service.health.problems.get("music", "")

    await _until(noticed)
    songs = (await house.client.get("/api/songs")).json()["songs"]
    assert [song["missing"] for song in songs] == [False] * 12
    await asyncio.to_thread(music.rmdir)
    await asyncio.to_thread(elsewhere.rename, music)
    await house.client.post("/api/songs/scan")
    assert (await scanned(house.client))["missing"] == 0
    assert "music" not in house.service.health.problems


async def test_songs_of_a_part_that_cannot_be_read_stay_as_they_are(
    house: House, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wave(music / "share" / "deep" / "away.wav")
    write_wave(music / "share 2" / "gone.wav")
    await house.client.post("/api/songs/scan")
    assert (await scanned(house.client))["read"] == 2
    (music / "share 2" / "gone.wav").unlink()
    scandir = os.scandir

    def failing(path: str) -> Any:
        if Path(path).name == "share":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)  # the tests may run as root, who may read everything
    await house.client.post("/api/songs/scan")
    report = await scanned(house.client)
    assert (report["missing"], report["passed_over"]) == (1, 1)
    (away,) = (await house.client.get("/api/songs", params={"query": "away"})).json()["songs"]
    assert not away["missing"]


async def test_of_songs_near_a_point_those_whose_file_is_gone_are_left_out(house: House, music: Path) -> None:
    near = {"valence": 0.5, "arousal": 0.5, "limit": 1}
    (nearest,) = (await house.client.get("/api/songs", params=near)).json()["songs"]
    await asyncio.to_thread((music / nearest["uri"].removeprefix("file:")).unlink)
    await house.client.post("/api/songs/scan")
    assert (await scanned(house.client))["missing"] == 1
    answer = (await house.client.get("/api/songs", params=near)).json()
    assert answer["songs"][0]["id"] != nearest["id"]
    assert answer["total"] == 11
    assert (await house.client.get("/api/songs")).json()["total"] == 12


async def test_a_new_file_is_found_without_a_word(
    settings: Settings, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "RESCAN_S", 0.05)
    async with _house(settings) as house:
        write_wave(music / "new.wav", title="New")

        async def found() -> bool:
            return bool((await house.client.get("/api/songs", params={"query": "new"})).json()["songs"])

        await _until(found)


async def test_an_empty_library_says_where_music_goes(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    settings = Settings(data=tmp_path / "data", music=tmp_path / "music")
    migrate(settings)
    async with _house(settings) as house:
        assert house.service.health.problems.keys() == {"songs"}
        assert f"put music into {tmp_path / 'music'}" in house.service.health.problems["songs"]
        await house.feel(mood_of("happy"))
        assert house.player.requests == []
