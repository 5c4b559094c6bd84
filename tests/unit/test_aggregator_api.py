from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.contracts.messages import Mood, MoodSource, uuid7
from services.runtime.mood_settings import Aggregator, MoodRules
from tests.unit.aggregator_doubles import Running, running


def client(run: Running) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(run.service.router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/api/rooms")


async def test_rest_reads_sets_and_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as run, client(run) as http:
        await run.play(20, "happy")
        assert Mood.model_validate_json((await http.get("/home/mood")).content).mood == "happy"
        answer = await http.put("/home/mood/override", json={"mood": "focused", "minutes": 5})
        mood = Mood.model_validate_json(answer.content)
        assert (answer.status_code, mood.mood, mood.source) == (200, "focused", MoodSource.OVERRIDE)
        assert Mood.model_validate_json((await http.delete("/home/mood/override")).content).mood == "happy"
        await run.bus.settle()
        assert [mood.mood for mood in run.moods] == ["happy", "focused", "happy"]


async def test_a_room_of_the_settings_is_there_before_anything_speaks(tmp_path: Path) -> None:
    async with running(tmp_path, aggregator=Aggregator(rooms={"kitchen": MoodRules()})) as run, client(run) as http:
        assert (await http.get("/kitchen/mood")).json()["mood"] == "unknown"
        assert (await http.put("/kitchen/mood/override", json={"mood": "calm"})).json()["mood"] == "calm"
        assert (await http.put("/kitchen/mood/override", json={"mood": " CALM"})).json()["mood"] == "calm"
        assert (await http.get("/attic/mood")).status_code == 404


async def test_rest_measures_a_neutral_face_shows_and_keeps_it(tmp_path: Path) -> None:
    async with running(tmp_path) as run, client(run) as http:
        sad_at_rest = {"neutral": 0.4, "sad": 0.6}
        await run.play(2, sad_at_rest)
        answer = await http.post("/home/calibration/neutral")
        assert (answer.status_code, answer.json()["baseline"], answer.json()["measuring"]["samples"]) == (202, None, 0)
        await run.play(61, sad_at_rest)
        shown = (await http.get("/home/calibration")).json()
        assert (shown["factors"]["sad"], shown["measuring"], shown["problem"]) == (0.05, None, "")
    async with running(tmp_path, now=run.now) as run, client(run) as http:
        assert (await http.get("/home/calibration")).json()["baseline"] == shown["baseline"]
        assert (await http.delete("/home/calibration/neutral")).json()["factors"] == {}


async def test_rest_takes_answers_shows_what_they_move_and_forgets_them(tmp_path: Path) -> None:
    async with running(tmp_path) as run, client(run) as http:
        await run.play(20, "sad")
        answer = await http.post("/home/calibration/feedback", json={"right": False, "mood": "neutral"})
        moved = answer.json()["thresholds"]
        assert (moved["sad"]["shift"], moved["neutral"]["shift"], moved["happy"]["shift"]) == (0.04, -0.04, 0)
        assert answer.json()["answers"][0]["decided"] == "sad"
        forgotten = (await http.delete("/home/calibration/feedback")).json()
        assert forgotten["answers"] == []
        assert {one["shift"] for one in forgotten["thresholds"].values()} == {0}
        await http.post("/home/calibration/feedback", json={"right": True})
        assert (await http.delete("/home/calibration")).json() == forgotten


async def test_rest_takes_blanks_and_capitals_in_an_answer_as_in_a_command(tmp_path: Path) -> None:
    async with running(tmp_path) as run, client(run) as http:
        answer = await http.post("/home/calibration/feedback", json={"right": False, "mood": " Neutral "})
        assert answer.json()["answers"][0]["mood"] == "neutral"


async def test_rest_refuses_an_answer_that_contradicts_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as run, client(run) as http:
        await run.play(20, "happy")
        answer = await http.post("/home/calibration/feedback", json={"right": True, "mood": "sad"})
        assert (answer.status_code, answer.json()["detail"]) == (
            409, 'the mood is happy: that cannot be right where it is sad; say "right": false, or no mood',
        )  # fmt: skip
        answer = await http.post("/home/calibration/feedback", json={"right": False, "mood": "happy"})
        assert (answer.status_code, answer.json()["detail"]) == (
            409, 'the mood is happy already: say "right": true, or what it is instead',
        )  # fmt: skip
        answer = await http.post("/home/calibration/feedback", json={"right": True, "mood": "happy"})
        assert (answer.status_code, answer.json()["answers"][0]["mood"]) == (200, None)


@pytest.mark.parametrize(
    ("request_line", "body", "status", "text"),
    [
        ("POST /home/calibration/feedback", {"right": False, "mood": "calm"}, 422, "'calm' is never decided; neutral"),
        ("POST /home/calibration/feedback", {}, 422, "Field required"),
        ("POST /home/calibration/feedback", {"right": True, "decision_id": str(uuid7())}, 409, "has changed meanwhile"),
        ("POST /attic/calibration/neutral", None, 404, "nothing is known of a room attic"),
        ("GET /attic/calibration", None, 404, "nothing is known of a room attic"),
        ("PUT /home/mood/override", {"mood": "grumpy"}, 422, "these are: angry, calm"),
        ("PUT /home/mood/override", {"mood": "nobody"}, 422, "these are: angry, calm"),
        ("PUT /home/mood/override", {"mood": "calm", "minutes": -1}, 422, "greater than 0"),
        ("PUT /Home/mood/override", {"mood": "calm"}, 422, "pattern"),
        ("GET /attic/mood", None, 404, "does not stand in the settings; there are home"),
        ("DELETE /attic/mood/override", None, 404, "nothing is known of a room attic"),
    ],
)
async def test_rest_explains_what_it_refuses(
    tmp_path: Path, request_line: str, body: dict[str, Any] | None, status: int, text: str
) -> None:
    async with running(tmp_path) as run, client(run) as http:
        answer = await http.request(*request_line.split(), json=body)
        assert answer.status_code == status
        assert text in str(answer.json()["detail"])


async def test_rest_says_when_the_service_is_not_running(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        pass
    async with client(run) as http:
        for answer in (
            await http.get("/home/mood"),
            await http.get("/home/calibration"),
            await http.delete("/home/calibration"),
            await http.put("/home/mood/override", json={"mood": "calm"}),
        ):
            assert answer.status_code == 503
