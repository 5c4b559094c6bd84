"""Moods taught over REST to the service at work: what is kept, what is told, who is not watched."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.contracts.channels import CAMERA_STATUS, CUSTOM_MOODS, FACES
from services.contracts.messages import CameraState, CameraStatus, CustomMoods
from services.inference import classroom
from services.inference.custom_moods import learnt
from services.inference.teaching import AMOUNTS, SETTLE_S, SPACING_S, Step
from services.runtime.bus import Delivery
from services.runtime.http import make_app
from tests.unit.inference_doubles import Running, face, frame, running
from tests.unit.test_inference_api import photo

PATH = "/api/custom-moods"
USUAL, MOOD = AMOUNTS[Step.USUAL], AMOUNTS[Step.MOOD]
APART_S = SPACING_S + 0.01
"""Far enough for every face to be taken."""


class House:
    """A service at work, its REST, and what it tells the house."""

    def __init__(self, run: Running, http: httpx.AsyncClient) -> None:
        self.run, self.http = run, http
        self.told: list[CustomMoods] = []
        self.frames = 0
        run.bus.subscribe(CUSTOM_MOODS, self._hear)

    async def ask(self, method: str, path: str = "", body: object = None) -> Any:
        answer = await self.http.request(method, f"{PATH}{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        answer = await self.http.request(method, f"{PATH}{path}", json=body)
        return answer.status_code, str(answer.json()["detail"])

    def camera(self, state: CameraState = CameraState.OK, detail: str = "", *, room: str = "study") -> None:
        self.run.bus.publish(CAMERA_STATUS, CameraStatus(state=state, detail=detail), room=room, camera="camera")

    async def show(self, count: int, grey: int, *, room: str = "study") -> Any:
        """Show faces of about a grey, as far apart as faces are taken, and return what was said of the last one."""
        said = None
        for number in range(count):
            self.frames += 1
            self.run.now += APART_S
            self.run.timer += APART_S
            crops = frame(self.frames, face(1, grey + number % 9))
            crops.captured_at.FromNanoseconds(int(self.run.now * 1e9))
            self.run.bus.publish(FACES, crops, room=room, camera="camera")
            async with asyncio.timeout(10):
                said = await self.run.published.get()
        await self.run.bus.settle()
        return said

    async def begin(self, mood: str = "focused", **more: float) -> Any:
        """Begin a lesson before an open camera."""
        self.camera()
        await self.run.bus.settle()
        begun = await self.ask("POST", f"/{mood}/teaching", {"room": "study", "consent": True, **more})
        self.settle()
        return begun

    def greys(self) -> list[int]:
        """Return about which greys were taken in the lesson's first step."""
        classroom = self.run.service.classroom
        assert classroom is not None
        assert classroom.lesson is not None
        return [10 * round(25.5 * face.embedding[0]) for face in classroom.lesson.taken[Step.USUAL]]

    def settle(self) -> None:
        """Let the time pass in which a step takes no face yet."""
        self.run.now += SETTLE_S
        self.run.timer += SETTLE_S

    async def teach(self, mood: str = "focused", *, shown: int = 200, **more: float) -> Any:
        await self.begin(mood, **more)
        await self.show(USUAL.least, 60)
        await self.ask("POST", f"/{mood}/teaching/next")
        await self.ask("POST", f"/{mood}/teaching/next")
        self.settle()
        await self.show(MOOD.least, shown)
        await self.ask("POST", f"/{mood}/teaching/next")
        return await self.over()

    async def over(self) -> Any:
        async with asyncio.timeout(30):
            while (state := await self.ask("GET"))["teaching"]:  # noqa: ASYNC110 -- REST has no event
                await asyncio.sleep(0.01)  # asked without a pause, it would take the interpreter from what learns
        await self.run.bus.settle()
        return state

    async def _hear(self, delivery: Delivery[CustomMoods]) -> None:
        self.told.append(delivery.message)


@asynccontextmanager
async def house(data: Path) -> AsyncIterator[House]:
    async with running(data=data) as run:
        app = make_app([run.service])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            yield House(run, http)


def kept(data: Path) -> str:
    return (data / "state" / "inference.json").read_text()


def taught(said: Any) -> dict[str, float]:
    return {row.label: row.probability for row in said.faces[0].taught}


async def test_a_taught_mood_is_told_and_read_beside_the_models_labels(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        state = await home.teach()
        assert (state["outcome"], state["said"].startswith("Learnt: found in 100% of the faces")) == ("learnt", True)
        assert [(one["mood"], one["rooms"], one["faces"]) for one in state["moods"]] == [("focused", ["study"], 30)]
        assert [(one.mood, one.rooms) for one in home.told[-1].moods] == [("focused", ("study",))]
        bright, dark = await home.show(1, 200), await home.show(1, 60)
        elsewhere = await home.show(1, 200, room="kitchen")
    assert taught(bright)["focused"] > 0.5 > taught(dark)["focused"]
    assert taught(elsewhere) == {}
    assert sum(row.probability for row in bright.faces[0].probabilities) == pytest.approx(1)


async def test_a_taught_mood_survives_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.teach(valence=0.5, arousal=-0.25)
    async with house(tmp_path) as home:
        await home.run.bus.settle()
        [told] = home.told[-1].moods
        said = await home.show(1, 200)
    assert (told.mood, told.valence, told.arousal) == ("focused", 0.5, -0.25)
    assert taught(said)["focused"] > 0.5


async def test_forgotten_means_deleted_from_the_disk(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.teach()
        assert "focused" in kept(tmp_path)
        assert (await home.ask("DELETE", "/focused"))["moods"] == []
        assert json.loads(kept(tmp_path)) == {"moods": []}
        assert [path.name for path in (tmp_path / "state").glob("inference*") if path.stat().st_size > 20] == []
        await home.run.bus.settle()
        assert home.told[-1].moods == ()
        assert taught(await home.show(1, 200)) == {}
        assert await home.refused("DELETE", "/focused") == (404, "no mood focused was taught; none was, so far.")


async def test_a_mood_is_renamed_and_moved(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.teach()
        await home.ask("PATCH", "/focused", {"mood": "deep_work", "valence": -0.5, "arousal": 0.5})
        await home.run.bus.settle()
        [told] = home.told[-1].moods
        assert (told.mood, told.valence, told.arousal) == ("deep_work", -0.5, 0.5)
        assert (await home.refused("PATCH", "/deep_work", {"mood": "sad"}))[0] == 422
        assert (await home.refused("PATCH", "/deep_work", {"valence": 1}))[0] == 422
        assert set(taught(await home.show(1, 200))) == {"deep_work"}


async def test_what_ends_a_step_does_not_end_the_next_one(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        await home.show(USUAL.least, 60)
        first = await home.ask("POST", "/focused/teaching/next", {"step": "usual"})
        again = await home.ask("POST", "/focused/teaching/next", {"step": "usual"})
        assert (first["teaching"]["step"], again["teaching"]["step"]) == ("ready", "ready")
        shown = await home.ask("POST", "/focused/teaching/next", {"step": "ready"})
        assert shown["teaching"]["step"] == "mood"
        code, why = await home.refused("POST", "/focused/teaching/next", {"step": "mood"})
        assert (code, "30 more faces" in why) == (409, True)
        code, why = await home.refused("POST", "/focused/teaching/next", {"step": "done"})
        assert (code, "has not begun" in why) == (409, True)
        code, _ = await home.refused("POST", "/calm/teaching/next", {"step": "usual"})
        assert code == 409
        await home.ask("DELETE", "/focused/teaching")
        over = await home.ask("POST", "/focused/teaching/next", {"step": "mood"})
        assert (over["teaching"], over["outcome"]) == (None, "stopped"), "a click that comes late is no error"
        code, _ = await home.refused("POST", "/focused/teaching/next")
        assert code == 409


async def test_a_step_that_ended_by_itself_is_not_ended_again(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        await home.show(USUAL.most, 60)
        state = await home.ask("POST", "/focused/teaching/next", {"step": "usual"})
        assert state["teaching"]["step"] == "ready"


async def test_a_stopped_lesson_leaves_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        await home.show(5, 60)
        assert (await home.ask("GET"))["teaching"]["faces"] == 5
        stopped = await home.ask("DELETE", "/focused/teaching")
        assert (stopped["outcome"], stopped["said"]) == ("stopped", "Stopped: nothing was kept.")
        assert not (tmp_path / "state" / "inference.json").exists()


@pytest.mark.parametrize("how", ["stopped", "closed"])
async def test_a_lesson_can_be_stopped_while_it_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(*lesson: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return learnt(*lesson)

    monkeypatch.setattr(classroom, "learnt", slowly)
    async with house(tmp_path) as home:
        teaching = asyncio.create_task(home.teach())
        assert await asyncio.to_thread(begun.wait, 30)
        if how == "stopped":
            assert (await home.ask("DELETE", "/focused/teaching"))["said"] == "Stopped: nothing was kept."
        else:
            home.camera(CameraState.PRIVATE, "It is night.")
            await home.run.bus.settle()
        go_on.set()
        state = await teaching
        assert ("othing was kept" in state["said"], state["moods"]) == (True, [])
    assert not (tmp_path / "state" / "inference.json").exists()


async def test_what_cannot_be_told_apart_is_not_kept(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        state = await home.teach(shown=60)
    assert "cannot be told from how you usually look" in state["said"]
    assert (state["outcome"], state["moods"]) == ("failed", [])
    assert not (tmp_path / "state" / "inference.json").exists()


@pytest.mark.parametrize(
    ("body", "code", "why"),
    [
        ({"room": "study"}, 422, "send consent: true"),
        ({"room": "attic", "consent": True}, 409, "there are cameras in study"),
        ({"room": "study", "consent": True, "valence": 0.5}, 422, "both valence and arousal"),
    ],
)
async def test_a_lesson_that_cannot_be_says_why(tmp_path: Path, body: object, code: int, why: str) -> None:
    async with house(tmp_path) as home:
        home.camera()
        await home.run.bus.settle()
        status, text = await home.refused("POST", "/focused/teaching", body)
    assert (status, why in text) == (code, True), text


@pytest.mark.parametrize("name", ["sad", "unknown"])
async def test_a_lesson_with_a_name_that_is_taken_is_refused(tmp_path: Path, name: str) -> None:
    async with house(tmp_path) as home:
        home.camera()
        await home.run.bus.settle()
        assert (await home.refused("POST", f"/{name}/teaching", {"room": "study", "consent": True}))[0] == 422


@pytest.mark.parametrize("state", [CameraState.PRIVATE, CameraState.OFFLINE])
async def test_nothing_is_taught_where_the_camera_is_closed(tmp_path: Path, state: CameraState) -> None:
    async with house(tmp_path) as home:
        home.camera(state, "This room has not opted in to be watched.")
        await home.run.bus.settle()
        status, text = await home.refused("POST", "/focused/teaching", {"room": "study", "consent": True})
    assert (status, "not opted in" in text) == (409, True)


async def test_a_camera_that_is_closed_ends_the_lesson_and_nothing_is_kept(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        await home.show(USUAL.least, 60)
        home.camera(CameraState.PRIVATE, "The camera is switched off for privacy.")
        await home.run.bus.settle()
        state = await home.over()
        assert state["said"].startswith("A camera of this room was closed (The camera is switched off")
        await home.show(3, 60)
        assert (await home.ask("GET"))["teaching"] is None


@pytest.mark.parametrize("comes_back", [True, False])
async def test_of_a_camera_that_is_lost_in_the_end_nothing_is_kept_as_it_may_be_closed(
    tmp_path: Path, *, comes_back: bool
) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        await home.show(USUAL.least, 60)
        home.camera(CameraState.OFFLINE, "It hangs.")
        for _ in range(2):
            await home.ask("POST", "/focused/teaching/next")
        home.settle()
        home.camera()
        await home.show(MOOD.least, 200)
        home.camera(CameraState.OK if comes_back else CameraState.OFFLINE)
        await home.run.bus.settle()
        await home.ask("POST", "/focused/teaching/next")
        state = await home.over()
    assert state["outcome"] == ("learnt" if comes_back else "failed"), state["said"]
    assert ("camera was lost in the end" in state["said"]) is not comes_back


async def test_faces_of_a_camera_that_is_not_known_to_be_open_are_not_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        crops = frame(1, face(1, 60), camera="other")
        home.run.bus.publish(FACES, crops, room="study", camera="other")
        await home.run.published.get()
        assert (await home.ask("GET"))["teaching"]["faces"] == 0


async def test_one_lesson_at_a_time(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        status, text = await home.refused("POST", "/bored/teaching", {"room": "study", "consent": True})
        assert (status, "focused is being taught in study" in text) == (409, True)
        assert (await home.refused("POST", "/bored/teaching/next"))[0] == 409
        assert (await home.refused("POST", "/focused/teaching/next"))[1] == "15 more faces are needed before that."


@pytest.mark.parametrize("tracks", [(1, 2), (0, 0)], ids=["of two numbers", "of one number"])
async def test_the_nearest_face_of_a_frame_counts(tmp_path: Path, tracks: tuple[int, int]) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        far, near = face(tracks[0], 250), face(tracks[1], 60)
        near.box.width *= 2
        home.run.bus.publish(FACES, frame(1, far, near, age_s=-SETTLE_S), room="study", camera="camera")
        await home.run.published.get()
        await home.run.bus.settle()
        assert home.greys() == [60]


async def test_who_stands_behind_is_not_taken_where_the_nearest_face_is_not_read(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        far, near = face(1, 250), face(2, 60)
        near.box.width *= 4
        near.box.height *= 4
        near.image.data = b"no picture"
        home.run.bus.publish(FACES, frame(1, far, near, age_s=-SETTLE_S), room="study", camera="camera")
        await home.run.published.get()
        await home.run.bus.settle()
        assert home.greys() == []
        home.run.bus.publish(FACES, frame(2, face(1, 250), age_s=-SETTLE_S), room="study", camera="camera")
        await home.run.published.get()
        await home.run.bus.settle()
        assert home.greys() == [], "the nearest face was noted"


async def test_a_frame_from_before_people_agreed_is_not_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        for number, ahead_s in enumerate((SETTLE_S - 0.1, SETTLE_S), 1):
            crops = frame(number, face(1, 60), age_s=-ahead_s)
            home.run.bus.publish(FACES, crops, room="study", camera="camera")
            await home.run.published.get()
            await home.run.bus.settle()
            assert len(home.greys()) == number - 1


async def test_a_lesson_goes_on_while_the_clock_is_set(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        for step_s in (-3600, 7200):
            home.run.now += step_s
            await home.show(3, 60)
        assert (await home.ask("GET"))["teaching"]["faces"] == 6


async def test_a_lesson_in_which_nobody_is_seen_ends_with_its_time(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        home.run.timer += USUAL.seconds
        assert "Only 0 faces could be read" in (await home.over())["said"]


async def test_a_new_version_of_the_model_sets_moods_aside_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path) as home:
        await home.teach()
        home.run.predictor.version = 8
        assert taught(await home.show(1, 200)) == {}
        home.run.naps.ended.release()
        await home.run.naps.started.get()
        await home.run.bus.settle()
        assert home.told[-1].moods[0].rooms == ()
        [mood] = (await home.ask("GET"))["moods"]
        assert mood["problem"].startswith(
            "it was taught on the model expression, version 7, and is set aside: expression, version 8, is served"
        )
        assert "set aside" in caplog.text
        home.run.predictor.version = 7
        assert taught(await home.show(1, 200))["focused"] > 0.5


async def test_what_another_process_of_the_service_learnt_is_taken_up(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        async with house(tmp_path) as other:
            await other.teach()
        home.run.naps.ended.release()
        await home.run.naps.started.get()
        await home.run.bus.settle()
        assert [one.mood for one in home.told[-1].moods] == ["focused"]


async def test_a_disk_that_is_full_is_said_and_the_service_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        (tmp_path / "state" / "inference.new").mkdir(parents=True)
        state = await home.teach()
        assert state["said"].startswith("It cannot be kept: ")
        assert taught(await home.show(1, 200)) == {}


async def test_without_the_service_there_is_an_answer_too(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.run.service.classroom = None
        assert (await home.refused("GET", ""))[0] == 503


async def test_a_photo_is_read_for_the_moods_of_the_room_that_is_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.teach()
        files = {"photo": photo()}
        asked, plain = [
            (await home.http.post(f"/api/expressions{query}", files=files)).json()["faces"][0]
            for query in ("?room=study", "")
        ]
    assert set(asked["taught"]) == {"focused"}
    assert "taught" not in plain
    assert asked["expressions"] == plain["expressions"]
