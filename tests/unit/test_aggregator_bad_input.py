import logging
import math
from pathlib import Path

import pytest

from services.aggregator import rooms as rooms_module
from services.aggregator.errors import NoSuchRoomError
from services.aggregator.hearing import OBSERVATIONS
from services.aggregator.window import Refusal
from services.contracts.channels import EXPRESSIONS, MOOD_SET
from services.contracts.messages import CameraState, MoodOverride
from services.contracts.moodring_pb2 import Expressions
from services.contracts.moods import UNKNOWN
from tests.unit.aggregator_doubles import START, Running, message, running


def words(run: Running) -> list[str]:
    return [mood.mood for mood in run.moods]


WEEK_S = 7 * 86_400


@pytest.mark.parametrize(
    ("bad", "outcome"),
    [
        (message(START, {"happy": 0.4}), "bad"),
        (message(START, {"happy": math.nan}), "bad"),
        (message(START, {"joy": 1.0}), "bad"),
        (message(START, {"Happiness": 0.5, "Sadness": 0.5}), "bad"),
        (Expressions(frame_id="camera-a-1", faces=message(START, "happy").faces), "bad"),
        (message(START - 3600, "happy"), Refusal.LATE),
        (message(0.001, "happy"), Refusal.LATE),
        (message(START + 3600, "happy"), Refusal.FUTURE),
        (message(START + WEEK_S, "happy"), Refusal.FUTURE),
    ],
    ids=["sum", "nan", "label", "another model", "no time", "late", "1970", "ahead", "next week"],
)
async def test_bad_expressions_are_counted_said_once_and_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: Expressions, outcome: str
) -> None:
    before = OBSERVATIONS.labels(outcome)._value.get()
    async with running(tmp_path) as run:
        for _ in range(20):
            run.bus.publish(EXPRESSIONS, bad, room="home", camera="camera")
        await run.tick()
        assert run.service.mood("home").samples == 0
        await run.play(20, "happy")
        assert run.service.mood("home").mood == "happy"
    assert OBSERVATIONS.labels(outcome)._value.get() == before + 20
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


async def test_a_flood_of_faces_is_counted_said_once_and_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path) as run:
        await run.play(2, *["happy"] * 100)
        assert run.service.mood("home").samples == 64 * 10
    assert len([record for record in caplog.records if "there are 100 faces" in record.message]) == 1


async def test_rooms_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 2)
    async with running(tmp_path) as run:
        for room in ("one", "two", "three"):
            run.bus.publish(EXPRESSIONS, message(START, "happy"), room=room, camera="camera")
            run.status(CameraState.OK, room=room)
        run.bus.publish(MOOD_SET, MoodOverride(mood="calm"), room="three")
        await run.tick()
        assert run.service.mood("one").mood == UNKNOWN
        with pytest.raises(NoSuchRoomError, match="nothing is known of a room three"):
            run.service.mood("three")
        with pytest.raises(NoSuchRoomError, match="there are 2 rooms already; three is not listened to"):
            await run.service.say("three", MoodOverride(mood="calm"))


async def test_a_room_that_was_silent_for_a_day_makes_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 2)
    async with running(tmp_path) as run:
        run.bus.publish(MOOD_SET, MoodOverride(mood="calm", minutes=1), room="one")
        await run.tick()
        assert "moodring/one/mood" in run.bus.broker.retained
        run.now += 86_401
        run.status(CameraState.OK, room="two")
        await run.tick()
        assert run.service.mood("two").mood == UNKNOWN
        with pytest.raises(NoSuchRoomError, match="there are home, two"):
            run.service.mood("one")
        assert "moodring/one/mood" not in run.bus.broker.retained


@pytest.mark.parametrize("room", ["services", "x" * 65])
async def test_a_name_that_no_room_can_have_is_said_and_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, room: str
) -> None:
    async with running(tmp_path) as run:
        for _ in range(3):
            run.bus.publish(EXPRESSIONS, message(run.now, "happy"), room=room, camera="camera")
            run.status(CameraState.OK, room=room)
            run.bus.publish(MOOD_SET, MoodOverride(mood="calm"), room=room)
        await run.tick()
        await run.play(20, "happy")
        assert words(run) == ["happy"]
    assert {record.message[:5] for record in caplog.records if "cannot be a room" in record.message} == {
        "rooms",
        "mood/",
    }


async def test_a_clock_that_is_wrong_is_allowed_for_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as run:
        for _ in range(25 * 5):
            run.now += 0.2
            run.bus.publish(EXPRESSIONS, message(run.now + 40, "happy"), room="home", camera="camera")
            await run.tick()
        assert run.service.mood("home").mood == "happy"
    said = [record.message for record in caplog.records if record.message.startswith("the clock of home/camera")]
    assert said == [
        "the clock of home/camera: it is 40 s ahead, which is allowed for; set the clocks of both machines (1 times)"
    ]


async def test_a_model_that_moods_were_not_tuned_for_is_said_once_and_believed_less(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as run:
        for _ in range(25 * 5):
            run.now += 0.2
            run.bus.publish(EXPRESSIONS, message(run.now, "happy", model=99), room="home", camera="camera")
            await run.tick()
        assert run.service.mood("home").mood == "happy"
    [said] = [record.message for record in caplog.records if "model version" in record.message]
    assert said.startswith("expressions of home/camera: they come from model version 99, moods were tuned for version")
