"""The history of rooms over REST."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.recommender import api_history, export, mood_history
from services.recommender.export import cell
from services.recommender.migrate import migrate
from services.recommender.minutes import Held, Minute
from services.recommender.mood_history import MoodDecision, SqlMoodHistoryStore
from services.recommender.records import DecisionInfo, Ended, Judgement, Started, happened_at
from services.recommender.service import RecommenderService, build
from services.recommender.songs import FoundSong
from services.runtime.memory import MemoryBus
from services.runtime.settings import Settings
from tests.unit.recommender_doubles import EVER, NOON, Clock, state_of
from tests.unit.test_recommender_api import client_of

PATH = "/api/rooms/home/history"
EXPORT = f"{PATH}/export"


@dataclass
class House:
    """A running recommender, its clock, and a client of its REST API."""

    service: RecommenderService
    client: httpx.AsyncClient
    clock: Clock

    async def get(self, path: str = PATH, **query: str) -> dict[str, Any]:
        """Return an answer."""
        params = {name.rstrip("_"): value for name, value in query.items()}
        answer = await self.client.get(path, params=params or None)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def decide(self, minutes: float, mood: str = "happy") -> None:
        """Write down a decision some minutes after noon."""
        decision = MoodDecision(
            decision_id=UUID(int=int(minutes)), room="home", decided_at=NOON + timedelta(minutes=minutes), mood=mood,
            confidence=0.75, distribution={mood: 0.75}, valence=-0.5, arousal=0.25, people=1, samples=60,
            source="camera",
        )  # fmt: skip
        await self.service.chronicle.moods.record(decision)

    async def live(self, *minutes: int) -> None:
        """Write down whole happy minutes after noon."""
        for minute in minutes:
            at = int(NOON.timestamp()) + 60 * minute
            await self.service.chronicle.moods.record(Minute("home", at, (Held("happy", 60, 0.8, 0.5, 0.7, 1, 300),)))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house without songs, a day after noon."""
    settings = Settings(data=tmp_path, music=tmp_path)
    migrate(settings)
    clock = Clock()
    clock.now += 24 * 3600
    service = build(settings, clock=clock)
    async with MemoryBus() as bus, client_of(service) as client:
        running = asyncio.create_task(service.run(bus))
        async with asyncio.timeout(30):
            await service.database.available.wait()
        yield House(service, client, clock)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def at(minutes: float) -> str:
    """Return a time some minutes after noon, as answers have it."""
    return (NOON + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def requested(room: str, minutes: float) -> DecisionInfo:
    """Return a request to a room's player some minutes after noon."""
    return DecisionInfo(
        id=uuid4(), decision_id=uuid4(), room=room, decided_at=NOON + timedelta(minutes=minutes), mood="happy",
        mode="mirror", target_valence=0.5, target_arousal=0.5, playlist=None, how="append", reason="it fits", songs=[],
    )  # fmt: skip


async def test_the_history_of_a_quiet_room_is_empty(house: House) -> None:
    history = await house.get()
    assert (history["start"][:19], history["end"][:19]) == ("2026-11-21T12:00:00", "2026-11-22T12:00:00")
    assert history["resolution"] == "hour"
    assert [history[key] for key in ("moods", "mood_decisions", "plays", "decisions", "next")] == [[], [], [], [], None]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/export"), ("DELETE", "")])
async def test_a_room_that_never_was_is_refused_and_one_that_is_gone_is_not(
    house: House, method: str, path: str
) -> None:
    times = {"from": NOON.isoformat(), "to": (NOON + timedelta(hours=1)).isoformat()}
    there = f"/api/rooms/hme/history{path}"
    refused = await house.client.request(method, there, params=times)
    assert (refused.status_code, refused.json()["detail"][:36]) == (404, "nothing is known of a room hme: it h")
    minute = Minute("hme", int(NOON.timestamp()), (Held("happy", 60, 0.8, 0.5, 0.7, 1, 300),))
    await house.service.chronicle.moods.record(minute)
    assert (await house.client.request(method, there, params=times)).status_code == 200


async def test_plays_and_requests_are_of_the_same_time_as_the_moods(house: House) -> None:
    await house.service.library.songs.put("folder", [FoundSong("file:///1.mp3", "", "Song 1")], NOON)
    for minutes in (-10, 10):
        await house.service.history.record(requested("home", minutes))
        await house.service.history.record(Started(uuid4(), "home", 1, None, NOON + timedelta(minutes=minutes)))
    for query, found in (({}, [at(10)]), ({"to": at(0)}, [at(-10)]), ({"from_": at(-20)}, [at(10), at(-10)])):
        history = await house.get(**query)
        assert [play["started_at"] for play in history["plays"]] == found
        assert [decision["decided_at"] for decision in history["decisions"]] == found


@pytest.mark.parametrize(
    ("hours", "resolution"), [(1, "minute"), (6, "minute"), (7, "hour"), (14 * 24, "hour"), (15 * 24, "day")]
)
async def test_the_resolution_fits_the_time(house: House, hours: int, resolution: str) -> None:
    history = await house.get(from_=NOON.isoformat(), to=(NOON + timedelta(hours=hours)).isoformat())
    assert history["resolution"] == resolution


async def test_moods_come_by_the_minute_and_by_the_hour(house: House) -> None:
    await house.live(1, 2, 70)
    history = await house.get(resolution="minute")
    assert [span["start"] for span in history["moods"]] == [at(1), at(2), at(70)]
    history = await house.get(resolution="hour")
    assert [(span["start"], span["seconds"], span["shares"]) for span in history["moods"]] == [
        (at(0), 120, {"happy": 1}), (at(60), 60, {"happy": 1}),
    ]  # fmt: skip


async def test_days_begin_where_the_caller_is_and_are_told_in_utc(house: House) -> None:
    await house.live(0)
    history = await house.get(from_="2026-11-21T00:00:00+01:00", to="2026-11-22T00:00:00+01:00", resolution="day")
    assert [span["start"] for span in history["moods"]] == ["2026-11-20T23:00:00Z"]


async def test_every_decision_can_be_had(house: House) -> None:
    for minutes in (5, 3):
        await house.decide(minutes)
    history = await house.get(resolution="raw")
    assert [decision["decided_at"] for decision in history["mood_decisions"]] == [at(3), at(5)]
    assert history["moods"] == []


@pytest.mark.parametrize(("resolution", "key"), [("raw", "mood_decisions"), ("minute", "moods")])
async def test_a_long_history_is_paged(
    house: House, monkeypatch: pytest.MonkeyPatch, resolution: str, key: str
) -> None:
    for module in (api_history, mood_history):
        monkeypatch.setattr(module, "MAX_SPANS", 2)
    await house.live(*range(5))
    for minutes in range(1, 6):
        await house.decide(minutes)
    page = await house.get(from_="2026-11-21T13:00:00+01:00", resolution=resolution)
    found = page[key]
    while page["next"]:
        page = await house.get(page["next"])
        assert len(page[key]) <= 2
        found += page[key]
    assert len({json.dumps(one) for one in found}) == len(found) == 5


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "yesterday"}, "`from` is 'yesterday', which is no time"),
        ({"to": "2026-11-21T12:00:00"}, "`to` is '2026-11-21T12:00:00', a time without its zone"),
        ({"from": "2026-11-21"}, "a time without its zone"),
        ({"from": "0001-01-01T00:00:00+05:00"}, "the years from 1970 to 9998"),
        ({"to": "9999-12-31T23:59:59-05:00"}, "the years from 1970 to 9998"),
        ({"from": "2026-11-21T12:00:00Z", "to": "2026-11-21T12:00:00Z"}, "`from` has to be earlier than `to`"),
        ({"from": "2027-11-21T12:00:00Z"}, "`from` has to be earlier than `to`"),
    ],
)
@pytest.mark.parametrize("path", [PATH, EXPORT])
async def test_a_bad_time_is_refused_with_a_sentence(house: House, path: str, query: dict[str, str], said: str) -> None:
    answer = await house.client.get(path, params=query)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "text", ["2026-11-21T13:00:00+01:00", "2026-11-21T13:00:00 01:00", "2026-11-21t12:00:00z", "2026-11-21 12:00:00Z"]
)
async def test_a_time_may_be_written_in_each_way_of_the_standard(house: House, text: str) -> None:
    assert (await house.get(from_=text))["start"] == at(0)


async def test_other_bad_values_are_refused(house: House) -> None:
    for query in ({"resolution": "week"}, {"limit": "0"}, {"after": "x"}):
        assert (await house.client.get(PATH, params=query)).status_code == 422
    assert (await house.client.get(EXPORT, params={"format": "xls"})).status_code == 422


async def test_decisions_are_exported_as_csv(house: House) -> None:
    await house.decide(1, "sad")
    answer = await house.client.get(EXPORT)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="moodring-home-raw.csv"'
    (row,) = csv.DictReader(answer.text.splitlines())
    assert (row["decided_at"], row["mood"], row["valence"]) == (at(1), "sad", "-0.5")
    assert json.loads(row["distribution"]) == {"sad": 0.75}


@pytest.mark.parametrize("resolution", ["raw", "minute"])
async def test_each_row_of_a_csv_says_its_room(house: House, resolution: str) -> None:
    await house.live(0)
    await house.decide(1)
    answer = await house.client.get(EXPORT, params={"resolution": resolution})
    (row,) = csv.DictReader(answer.text.splitlines())
    assert row["room"] == "home"


async def test_minutes_are_exported_as_json(house: House) -> None:
    await house.live(0, 1)
    answer = await house.client.get(EXPORT, params={"format": "json", "resolution": "minute"})
    assert answer.headers["content-type"] == "application/json"
    exported = answer.json()
    assert (exported["room"], exported["resolution"]) == ("home", "minute")
    assert exported["moods"] == (await house.get(resolution="minute"))["moods"]


@pytest.mark.parametrize("resolution", ["raw", "minute"])
async def test_an_export_goes_on_over_many_pages(
    house: House, monkeypatch: pytest.MonkeyPatch, resolution: str
) -> None:
    for module in (export, mood_history):
        monkeypatch.setattr(module, "MAX_SPANS", 2)
    await house.live(*range(5))
    for minutes in range(1, 6):
        await house.decide(minutes)
    query = {"resolution": resolution, "format": "json"}
    assert len((await house.client.get(EXPORT, params=query)).json()["moods"]) == 5
    lines = (await house.client.get(EXPORT, params={"resolution": resolution})).text.splitlines()
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("form", "text"), [("csv", "start,seconds,"), ("json", '{"room": "home", "resolution": "day"')]
)
async def test_an_export_of_nothing_is_a_whole_file(house: House, form: str, text: str) -> None:
    answer = await house.client.get(EXPORT, params={"format": form, "resolution": "day"})
    assert answer.text.startswith(text)
    assert form == "csv" or answer.json()["moods"] == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_is_disarmed(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "expected"), [(-0.5, -0.5), (3, 3), (None, ""), ("happy", "happy"), ({"a": 1}, '{"a": 1}')]
)
def test_other_values_are_exported_as_they_are(value: object, expected: object) -> None:
    assert cell(value) == expected


async def test_a_time_is_deleted(house: House) -> None:
    await house.live(0, 1, 2)
    for minutes in (1, 2):
        await house.decide(minutes)
    answer = await house.client.delete(PATH, params={"from": at(0), "to": at(2)})
    assert answer.status_code == 200
    assert answer.json() == {"mood_decisions": 1, "mood_minutes": 2, "decisions": 0, "plays": 0}
    assert [span["start"] for span in (await house.get(resolution="minute"))["moods"]] == [at(2)]


async def test_what_waits_to_be_written_is_deleted_with_its_time(tmp_path: Path) -> None:
    service = await _ready(tmp_path)
    for room, minutes in (("home", 1), ("home", 3), ("kitchen", 1)):
        service.diary.add(requested(room, minutes))
    async with client_of(service) as client:
        await client.delete(PATH, params={"from": at(0), "to": at(2)})
    await _written(service)
    kept = {room: await service.history.decisions(room, 10, **EVER) for room in ("home", "kitchen")}
    await service.database.close()
    assert [each.decided_at for each in kept["home"]] == [NOON + timedelta(minutes=3)]
    assert len(kept["kitchen"]) == 1


async def test_a_song_that_plays_leaves_no_trace_though_its_start_still_waited_to_be_written(tmp_path: Path) -> None:
    service = await _ready(tmp_path)
    started = await _playing(service)
    service.diary.add(started)
    async with client_of(service) as client:
        await client.delete(PATH, params={"from": at(0), "to": at(2)})
    service.diary.add(Ended(started, skipped=False, heard_s=60, at=NOON + timedelta(minutes=3)))
    await _written(service)
    plays = await service.history.plays("home", 10, **EVER)
    await service.database.close()
    assert plays == []


async def test_nothing_is_forgotten_while_the_database_is_away_and_everything_when_it_is_back(tmp_path: Path) -> None:
    service = await _ready(tmp_path)
    started = await _playing(service)
    await service.diary.record(started)
    service.diary.add(requested("home", 1))
    await service.database.close()
    async with client_of(service) as client:
        refused = await client.delete(PATH, params={"from": at(0), "to": at(2)})
        assert "the history is not deleted, or not all of it; try again" in refused.json()["detail"]
        await service.database.connect()
        await _written(service)
        assert len(await service.history.decisions("home", 10, **EVER)) == 1
        assert (await client.delete(PATH, params={"from": at(0), "to": at(2)})).json()["decisions"] == 1
    service.diary.add(Ended(started, skipped=False, heard_s=60, at=NOON + timedelta(minutes=3)))
    await _written(service)
    plays = await service.history.plays("home", 10, **EVER)
    await service.database.close()
    assert plays == []


def test_judgements_are_no_history() -> None:
    started = Started(uuid4(), "home", 1, None, NOON)
    assert happened_at(started) == NOON
    assert happened_at(Ended(started, skipped=True, heard_s=None, at=NOON)) == NOON
    assert happened_at(Judgement(id=uuid4(), room="home", song_id=1, liked=True, given_at=NOON)) is None


@pytest.mark.parametrize(
    "query", [{}, {"from": at(0)}, {"to": at(0)}, {"from": at(1), "to": at(0)}, {"from": "x", "to": "y"}]
)
async def test_nothing_is_deleted_without_a_whole_time(house: House, query: dict[str, str]) -> None:
    answer = await house.client.delete(PATH, params=query)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


async def test_without_a_database_the_history_says_so(tmp_path: Path) -> None:
    async with client_of(build(Settings(data=tmp_path))) as client:
        answers = [await client.get(PATH), await client.get(EXPORT)]
        answers.append(await client.delete(PATH, params={"from": at(0), "to": at(1)}))
    assert [answer.status_code for answer in answers] == [503, 503, 503]


async def test_an_export_is_read_page_by_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    decisions = SqlMoodHistoryStore.decisions

    async def noted(
        self: SqlMoodHistoryStore, room: str, start: datetime, end: datetime, *, after: UUID | None, limit: int
    ) -> list[MoodDecision]:
        asked.append(limit)
        return await decisions(self, room, start, end, after=after, limit=limit)

    monkeypatch.setattr(SqlMoodHistoryStore, "decisions", noted)
    monkeypatch.setattr(export, "MAX_SPANS", 3)
    for minutes in range(1, 11):
        await house.decide(minutes)
    await house.client.get(EXPORT)
    assert asked == [3] * 5


async def _ready(data: Path) -> RecommenderService:
    """Return a service that does not run: nothing is written before a test has it so."""
    settings = Settings(data=data, music=data)
    migrate(settings)
    service = build(settings)
    await service.database.connect()
    return service


async def _written(service: RecommenderService) -> None:
    """Have what waits written."""
    running = asyncio.create_task(service.diary.run())
    async with asyncio.timeout(30):
        await service.diary.flushed()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _playing(service: RecommenderService) -> Started:
    """Have a song play in the room `home` since a minute past noon."""
    await service.library.songs.put("folder", [FoundSong("file:///1.mp3", "", "Song 1")], NOON)
    player = state_of(1)
    assert player.current
    service.rooms.enter("home", NOON.timestamp()).hear(player)
    return Started(player.current.play_id, "home", 1, None, NOON + timedelta(minutes=1))
