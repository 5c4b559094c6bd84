"""The recommender over REST."""

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.contracts.messages import CustomMoods
from services.contracts.moods import MOOD_POINTS, Point
from services.recommender.migrate import migrate
from services.recommender.moods import known_moods
from services.recommender.service import RecommenderService, build
from services.runtime.memory import MemoryBus
from services.runtime.mood_settings import MoodRules
from services.runtime.service import SetupError
from services.runtime.settings import Aggregator, Recommender, Settings
from tests.unit.recommender_doubles import Clock
from tests.unit.test_recommender_import import write_wave


def client_of(service: RecommenderService) -> httpx.AsyncClient:
    """Return a client of the service's router."""
    app = FastAPI()
    app.include_router(service.router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.fixture
async def service(tmp_path: Path) -> RecommenderService:
    """A service with a folder of four songs."""
    music = tmp_path / "music"
    for name in ("happy/Ann - Glad.wav", "happy/Ann - Merry.wav", "sad/Bob - Blue.wav", "Plain.wav"):
        write_wave(music / name)
    settings = Settings(data=tmp_path, music=music)
    migrate(settings)
    return build(settings, clock=Clock(), chance=Random(1))


@pytest.fixture
async def client(service: RecommenderService) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it while it runs: ids 1 (Glad), 2 (Merry), 3 (Blue) and 4 (Plain)."""
    async with MemoryBus() as bus, client_of(service) as client:
        running = asyncio.create_task(service.run(bus))
        await scanned(client)
        yield client
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def scanned(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the report of the scan that runs, once it is through."""
    async with asyncio.timeout(30):
        while True:
            status = (await client.get("/api/songs/scan")).json()
            if status["last"] and not status["running"]:
                report: dict[str, Any] = status["last"]
                return report
            await asyncio.sleep(0.01)  # the scan's thread announces nothing


async def _id(client: httpx.AsyncClient, title: str) -> int:
    (song,) = (await client.get("/api/songs", params={"query": title})).json()["songs"]
    song_id: int = song["id"]
    return song_id


async def _make(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/api/playlists", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _titles(playlist: httpx.Response) -> list[str]:
    assert playlist.status_code == 200, playlist.text
    return [song["title"] for song in playlist.json()["entries"]]


async def test_songs_are_listed_searched_and_paged(client: httpx.AsyncClient) -> None:
    everything = (await client.get("/api/songs")).json()
    assert everything["total"] == 4
    assert {song["title"] for song in everything["songs"]} == {"Glad", "Merry", "Blue", "Plain"}
    page = (await client.get("/api/songs", params={"query": "ANN", "limit": 1, "offset": 1})).json()
    assert (page["total"], [song["title"] for song in page["songs"]]) == (2, ["Merry"])
    sad = (await client.get("/api/songs", params={"mood": "sad"})).json()
    assert [song["title"] for song in sad["songs"]] == ["Blue"]
    point = {"valence": -0.6, "arousal": -0.4}
    nearest = (await client.get("/api/songs", params=point)).json()["songs"]
    away = [math.dist((song["valence"], song["arousal"]), point.values()) for song in nearest]
    assert (nearest[0]["title"], away) == ("Blue", sorted(away))


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0}, {"limit": 501}, {"offset": -1}, {"query": "x" * 201}, {"mood": "A!"},
        {"valence": 0.5}, {"valence": 0.5, "arousal": 1.1},
    ],
)  # fmt: skip
async def test_a_search_beyond_its_bounds_is_refused(client: httpx.AsyncClient, params: dict[str, Any]) -> None:
    assert (await client.get("/api/songs", params=params)).status_code == 422


async def test_a_song_is_corrected_and_stays_so_after_a_scan(client: httpx.AsyncClient) -> None:
    song = await _id(client, "Plain")
    changed = (await client.patch(f"/api/songs/{song}", json={"mood": "calm", "arousal": -1})).json()
    assert (changed["valence"], changed["arousal"]) == (MOOD_POINTS["calm"].valence, -1)
    assert (changed["mood"], changed["placed_by"]) == ("calm", "hand")
    assert (await client.post("/api/songs/scan")).json()["running"]
    await scanned(client)
    assert (await client.get(f"/api/songs/{song}")).json() == changed


async def test_a_corrected_song_is_on_the_shelf_without_reading_the_library_again(
    client: httpx.AsyncClient, service: RecommenderService, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = await _id(client, "Plain")
    await _make(client, name="Mine", songs=[song], mood="calm")

    async def load() -> None:
        raise AssertionError

    monkeypatch.setattr(service.library, "load", load)
    assert (await client.patch(f"/api/songs/{song}", json={"mood": "calm", "title": "Soft"})).status_code == 200
    (changed,) = [one for one in service.library.shelf.songs if one.id == song]
    assert (changed.title, changed.point, changed.placed) == ("Soft", MOOD_POINTS["calm"], True)
    assert service.library.shelf.pinned["calm"].songs == (changed,)
    assert len(service.library.shelf.songs) == 4


async def test_a_point_of_zero_and_no_mood_can_be_set(client: httpx.AsyncClient) -> None:
    song = await _id(client, "Glad")
    changed = (await client.patch(f"/api/songs/{song}", json={"valence": 0, "arousal": 0, "mood": None})).json()
    assert (changed["valence"], changed["arousal"], changed["mood"]) == (0, 0, None)


@pytest.mark.parametrize(
    "body",
    [
        {"valence": 1.1},
        {"mood": "nobody"},
        {"mood": "auto"},
        {"mood": "hapy"},
        {"mood": "Not a name"},
        {"title": ""},
        {"uri": "file:///etc/passwd"},
    ],
)
async def test_a_wrong_correction_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await client.patch("/api/songs/1", json=body)).status_code == 422


async def test_a_word_that_is_no_mood_is_answered_with_those_that_are(client: httpx.AsyncClient) -> None:
    detail = (await client.post("/api/playlists", json={"name": "A", "mood": "hapy"})).json()["detail"]
    assert detail.startswith("hapy is no mood for music; choose from angry, ")
    assert "happy" in detail


def test_every_mood_that_a_room_can_be_in_is_known() -> None:
    rooms = {"den": MoodRules(fold="quadrants", moods={"cosy": (0.7, -0.3)})}
    known = known_moods(Settings(aggregator=Aggregator(fold={"angry": "cross"}, rooms=rooms)), CustomMoods())
    assert known["cosy"] == Point(0.7, -0.3)
    assert known.keys() >= {"cross", "pleasant", "happy", "calm"}
    assert not known.keys() & {"unknown", "nobody", "auto"}


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_an_unknown_song_is_not_found(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/api/songs/99", json={})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no song 99; see /api/songs"


async def test_an_artist_can_be_cleared(client: httpx.AsyncClient) -> None:
    song = await _id(client, "Glad")
    assert (await client.patch(f"/api/songs/{song}", json={"artist": " ", "title": None})).json()["artist"] == ""
    assert (await client.get(f"/api/songs/{song}")).json()["title"] == "Glad"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/api/songs/{2**70}", None),
        ("GET", f"/api/playlists/{2**70}", None),
        ("POST", "/api/playlists", {"name": "A", "songs": [2**70]}),
        ("POST", "/api/rooms/home/feedback", {"song_id": 2**70, "liked": True}),
    ],
)
async def test_an_id_that_no_database_holds_is_refused(
    client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None
) -> None:
    assert (await client.request(method, path, json=body)).status_code == 422


async def test_songs_that_are_added_at_once_all_arrive(client: httpx.AsyncClient) -> None:
    path = f"/api/playlists/{(await _make(client, name='Mine'))['id']}"
    await asyncio.gather(*(client.post(f"{path}/songs", json={"songs": [song]}) for song in (1, 2, 3, 4)))
    assert sorted(song["id"] for song in (await client.get(path)).json()["entries"]) == [1, 2, 3, 4]


async def test_a_playlist_is_made_read_renamed_and_deleted(client: httpx.AsyncClient) -> None:
    blue, glad = await _id(client, "Blue"), await _id(client, "Glad")
    made = await _make(client, name="  My   evening ", songs=[blue, glad], mood="calm")
    assert (made["name"], made["mood"], made["songs"]) == ("My evening", "calm", 2)
    path = f"/api/playlists/{made['id']}"
    assert _titles(await client.get(path)) == ["Blue", "Glad"]
    renamed = (await client.patch(path, json={"name": "Night"})).json()
    assert (renamed["name"], renamed["mood"]) == ("Night", "calm")
    unpinned = (await client.patch(path, json={"mood": None})).json()
    assert (unpinned["name"], unpinned["mood"]) == ("Night", None)
    assert [playlist["name"] for playlist in (await client.get("/api/playlists")).json()] == ["Night"]
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_a_playlists_songs_are_replaced_added_and_taken_out(client: httpx.AsyncClient) -> None:
    glad, merry, blue = [await _id(client, title) for title in ("Glad", "Merry", "Blue")]
    path = f"/api/playlists/{(await _make(client, name='Mine'))['id']}/songs"
    assert _titles(await client.put(path, json={"songs": [glad, merry]})) == ["Glad", "Merry"]
    assert _titles(await client.put(path, json={"songs": [merry, glad]})) == ["Merry", "Glad"]
    assert _titles(await client.post(path, json={"songs": [blue]})) == ["Merry", "Glad", "Blue"]
    assert _titles(await client.post(path, json={"songs": [blue], "position": 0})) == ["Blue", "Merry", "Glad", "Blue"]
    assert _titles(await client.delete(f"{path}/0")) == ["Merry", "Glad", "Blue"]
    gone = await client.delete(f"{path}/3")
    assert gone.status_code == 404
    assert gone.json()["detail"] == "the playlist has 3 songs, and none at position 3"


async def test_names_and_moods_are_taken_once(client: httpx.AsyncClient) -> None:
    await _make(client, name="Mine", mood="happy")
    other = await _make(client, name="Other")
    same_name = await client.post("/api/playlists", json={"name": "Mine "})
    assert same_name.status_code == 409
    assert same_name.json()["detail"] == "there is a playlist “Mine” already; choose another name"
    same_mood = await client.patch(f"/api/playlists/{other['id']}", json={"mood": "happy"})
    assert same_mood.status_code == 409
    assert "unpin that one first" in same_mood.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": " \t"},
        {"name": "x" * 201},
        {"name": "A", "mood": "unknown"},
        {"name": "A", "mood": "auto"},
        {"name": "A", "mood": "hapy"},
        {"name": "A", "songs": [99]},
        {"songs": []},
    ],
)
async def test_a_wrong_playlist_is_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await client.post("/api/playlists", json=body)).status_code == 422
    assert (await client.get("/api/playlists")).json() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "/songs"), ("POST", "/songs"), ("DELETE", "/songs/0"),
    ],
)  # fmt: skip
async def test_an_unknown_playlist_is_not_found(client: httpx.AsyncClient, method: str, path: str) -> None:
    body: dict[str, Any] = {"songs": []} if method in {"PUT", "POST"} else {}
    answer = await client.request(method, f"/api/playlists/7{path}", json=body)
    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no playlist 7; see /api/playlists"


async def test_a_policy_is_set_and_kept(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/rooms/home/policy")).json() == {"mode": "mirror", "exceptions": {}}
    body = {"mode": "lift", "exceptions": {"happy": "mirror"}}
    assert (await client.put("/api/rooms/home/policy", json=body)).json() == body
    assert (await client.get("/api/rooms/home/policy")).json() == body
    assert (await client.put("/api/rooms/home/policy", json={"mode": "louder"})).status_code == 422
    assert (await client.put("/api/rooms/No%20room/policy", json=body)).status_code == 422


async def test_feedback_is_given_and_read(client: httpx.AsyncClient) -> None:
    song = await _id(client, "Glad")
    assert (await client.post("/api/rooms/home/feedback", json={"song_id": song, "liked": True})).status_code == 201
    (judgement,) = (await client.get("/api/rooms/home/feedback")).json()
    assert (judgement["song_id"], judgement["liked"]) == (song, True)
    assert (await client.get("/api/rooms/kitchen/feedback")).json() == []
    assert (await client.post("/api/rooms/home/feedback", json={"song_id": 99, "liked": True})).status_code == 404


async def test_new_changed_vanished_and_broken_files_are_noticed(client: httpx.AsyncClient, tmp_path: Path) -> None:
    music = tmp_path / "music"
    write_wave(music / "calm" / "Cid - Soft.wav")
    write_wave(music / "happy" / "Ann - Merry.wav", seconds=1)
    (music / "sad" / "Bob - Blue.wav").unlink()
    (music / "Plain.wav").write_bytes(b"no audio")
    await client.post("/api/songs/scan")
    report = await scanned(client)
    assert {key: report[key] for key in ("files", "read", "missing", "unreadable")} == {
        "files": 4, "read": 2, "missing": 1, "unreadable": 1,
    }  # fmt: skip
    songs = {song["title"]: song for song in (await client.get("/api/songs")).json()["songs"]}
    assert songs["Merry"]["duration_s"] == pytest.approx(1)
    assert {title for title, song in songs.items() if song["missing"]} == {"Blue", "Plain"}
    assert songs["Soft"]["mood"] == "calm"


async def test_a_service_that_does_not_run_says_so(tmp_path: Path) -> None:
    async with client_of(build(Settings(data=tmp_path))) as client:
        answers = [
            await client.get("/api/songs"),
            await client.get("/api/playlists"),
            await client.put("/api/rooms/home/policy", json={"mode": "off"}),
        ]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert answers[0].json()["detail"].endswith("is not open yet; try again in a moment")


@pytest.mark.parametrize(
    "url", ["mysql://a:secret@host/b", "a:secret@host", "nonsense", "sqlite://", "sqlite:///:memory:"]
)
def test_a_database_of_another_kind_stops_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(SetupError, match=r"recommender.database starts with .* must be postgresql://") as error:
        build(Settings(data=tmp_path, recommender=Recommender(database=url)))
    assert "secret" not in str(error.value)


def test_a_missing_music_folder_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"the music folder .*nowhere is not there"):
        build(Settings(data=tmp_path, music=tmp_path / "nowhere"))


def test_a_database_that_cannot_be_reached_is_one_line_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://someone:secret@127.0.0.1:1/moodring"
    with pytest.raises(SetupError, match=r"the database moodring at 127.0.0.1 cannot be migrated: ") as error:
        migrate(Settings(data=tmp_path, recommender=Recommender(database=url)))
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)
