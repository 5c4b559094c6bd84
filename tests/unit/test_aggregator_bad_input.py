import logging
import math
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.aggregator import rooms as rooms_module
from services.aggregator.calibration import Verdict
from services.aggregator.errors import NoSuchRoomError
from services.aggregator.intake import Fault
from services.aggregator.window import Refusal
from services.contracts import channels
from services.contracts.channels import EXPRESSIONS, MOOD_SET, PLAYER
from services.contracts.messages import CameraState, MoodOverride, Playback, PlayerState
from services.contracts.moodring_pb2 import Expressions
from services.contracts.moods import UNKNOWN
from services.runtime.mood_settings import Aggregator, MoodRules
from tests.unit.aggregator_doubles import START, Running, message, running, sure


def words(run: Running) -> list[str]:
    return [mood.mood for mood in run.moods]


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("moodring_aggregator_observations_total", {"outcome": outcome}) or 0


WEEK_S = 7 * 86_400


@pytest.mark.parametrize(
    ("bad", "outcome"),
    [
        (message(START, {"happy": 0.4}), Fault.SUM),
        (message(START, {"happy": math.nan}), Fault.PROBABILITY),
        (message(START, {"joy": 1.0}), Fault.LABEL),
        (message(START, {"Happiness": 0.5, "Sadness": 0.5}), Fault.LABEL),
        (Expressions(frame_id="camera-a-1", faces=message(START, "happy").faces), Fault.TIME),
        (message(-(2**30), "happy"), Fault.TIME),
        (message(START - 3600, "happy"), Refusal.LATE),
        (message(0.001, "happy"), Refusal.LATE),
        (message(START + 3600, "happy"), Refusal.FUTURE),
        (message(START + WEEK_S, "happy"), Refusal.FUTURE),
    ],
    ids=["sum", "nan", "label", "another model", "no time", "1935", "late", "1970", "ahead", "next week"],
)
async def test_bad_expressions_are_counted_said_once_and_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: Expressions, outcome: str
) -> None:
    before = counted(outcome)
    async with running(tmp_path) as run:
        for _ in range(20):
            run.bus.publish(EXPRESSIONS, bad, room="home", camera="camera")
        await run.tick()
        assert run.service.mood("home").samples == 0
        await run.play(20, "happy")
        assert run.service.mood("home").mood == "happy"
    assert counted(outcome) == before + 20
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (START - 3600, "late, captured 3600.2 s ago; if"),
        (0, "late, captured at 1970-01-01 00:00:00 UTC by the camera's clock; if"),
        (START + WEEK_S, "future, captured at 2026-09-28 14:13:20 UTC by the camera's clock; if"),
    ],
)
async def test_a_time_that_is_far_off_is_said_as_the_date_that_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, at: float, said: str
) -> None:
    async with running(tmp_path) as run:
        run.now += 0.2
        run.bus.publish(EXPRESSIONS, message(at, "happy"), room="home", camera="camera")
        await run.tick()
    assert said in caplog.text


async def test_a_flood_of_faces_is_counted_said_once_and_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path) as run:
        await run.play(2, *["happy"] * 100)
        assert run.service.mood("home").samples == 64 * 10
    [said] = [record.message for record in caplog.records if "there are 100 faces" in record.message]
    assert said.endswith("the first 64 are used (36 times)")


async def test_one_fault_hides_no_other_of_that_camera(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wrong = [message(START, face) for face in ({"happy": 0.4}, {"happy": math.nan}, {"joy": 1.0})]
    async with running(tmp_path) as run:
        for sent in (*wrong, message(START, *["happy"] * 100), message(START, "sad", model=99), *wrong):
            run.bus.publish(EXPRESSIONS, sent, room="home", camera="camera")
        await run.tick()
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    words = ("sum to 0.400", "probability of happy is nan", "label 'joy'", "there are 100 faces", "model version 99")
    assert [word in line for word, line in zip(words, said, strict=True)] == [True] * 5


async def test_rooms_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
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
        with pytest.raises(NoSuchRoomError, match="nothing is known of a room three"):
            await run.service.say("three", MoodOverride(mood="calm"))
    assert "there are 2 rooms already; two is not listened to" in caplog.text


async def test_a_command_to_a_room_that_is_not_there_makes_none_and_names_those_that_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []

    def search(name: str, there: list[str], n: int) -> list[str]:
        searched.append(name)
        return get_close_matches(name, there, n)

    monkeypatch.setattr(channels, "get_close_matches", search)
    async with running(tmp_path, aggregator=Aggregator(rooms={"kitchen": MoodRules()})) as run:
        for _ in range(3):
            run.bus.publish(MOOD_SET, MoodOverride(mood="calm"), room="kitchn")
        await run.tick()
        assert "moodring/kitchn/mood" not in run.bus.broker.retained
        with pytest.raises(NoSuchRoomError):
            run.service.mood("kitchn")
    [said] = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert said.startswith("mood/set of kitchn: nothing is known of a room kitchn: it has no camera and no player")
    assert "there are kitchen, home" in said, "the nearest first"
    assert searched == ["kitchn"], "three commands, and one line"


@pytest.mark.parametrize("restarts", [1, 2])
async def test_a_command_that_waited_for_a_restart_is_done_in_every_room_that_was_there(
    tmp_path: Path, restarts: int
) -> None:
    async with running(tmp_path) as run:
        run.status(CameraState.OK, room="attic")
        await run.tick()
    for _ in range(1, restarts):
        async with running(tmp_path) as run:
            await run.tick()
    async with running(tmp_path) as run:
        run.bus.publish(MOOD_SET, MoodOverride(mood="calm"), room="attic")
        await run.tick()
        assert run.service.mood("attic").mood == "calm"


@pytest.mark.parametrize("at", [START - 3600, 0.001, START + WEEK_S], ids=["late", "1970", "next week"])
async def test_faces_that_were_all_dropped_for_their_time_make_no_room(tmp_path: Path, at: float) -> None:
    async with running(tmp_path) as run:
        for room in ("attic", *(f"room_{number}" for number in range(40))):
            run.bus.publish(EXPRESSIONS, message(at, "happy"), room=room, camera="camera")
        await run.tick()
        with pytest.raises(NoSuchRoomError, match=r"there are home$"):
            run.service.mood("attic")
        run.status(CameraState.OK, room="attic")
        await run.tick()
        assert run.service.mood("attic").mood == UNKNOWN


async def test_a_new_room_whose_camera_has_a_wrong_clock_is_there_once_that_is_known(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        for _ in range(25 * 5):
            run.now += 0.2
            run.bus.publish(EXPRESSIONS, message(run.now - 40, "happy"), room="attic", camera="camera")
            await run.tick()
        mood = run.service.mood("attic")
        assert mood.mood == "happy"
        assert mood.since.timestamp() > START + 5


async def hours(run: Running, count: int) -> None:
    """Let hours pass in which nothing is heard."""
    for _ in range(2 * count):
        run.now += 1800
        await run.tick()


async def test_a_room_that_was_silent_for_a_day_is_none_any_more_unless_it_was_taught(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "happy", room="one")
        await run.play(20, "happy", room="two")
        await run.service.teach("two", "", lambda room, now: room.judge(Verdict(right=True), now))
        await hours(run, 23)
        assert {"moodring/one/mood", "moodring/two/mood"} <= run.bus.broker.retained.keys()
        await hours(run, 2)
        assert "moodring/one/mood" not in run.bus.broker.retained
        assert "moodring/two/mood" in run.bus.broker.retained
        with pytest.raises(NoSuchRoomError, match="there are home, two"):
            run.service.mood("one")


async def test_a_room_whose_player_has_no_news_is_there(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        now = datetime.fromtimestamp(run.now, UTC)
        state = PlayerState(playback=Playback.STOPPED, position_at=now, backend="null")
        run.bus.publish(PLAYER, state, room="bedroom")
        await hours(run, 50)
        assert run.service.mood("bedroom").mood == UNKNOWN


async def test_a_clock_that_is_set_makes_no_room_silent(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "happy", room="one")
        for jump_s in (90_000, -200_000):
            run.now += jump_s
            await run.tick()
            assert "moodring/one/mood" in run.bus.broker.retained


async def test_a_room_that_was_silent_for_a_day_makes_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 2)
    async with running(tmp_path) as run:
        await run.play(20, "happy", room="one")
        await run.service.teach("one", "", lambda room, now: room.judge(Verdict(right=True), now))
        run.bus.publish(MOOD_SET, MoodOverride(mood="calm", minutes=1), room="one")
        await run.tick()
        assert "moodring/one/mood" in run.bus.broker.retained
        await hours(run, 25)
        run.status(CameraState.OK, room="two")
        await run.tick()
        assert run.service.mood("two").mood == UNKNOWN
        with pytest.raises(NoSuchRoomError, match="there are home, two"):
            run.service.mood("one")
        assert "moodring/one/mood" not in run.bus.broker.retained


async def test_a_room_of_the_settings_makes_place_for_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 2)
    async with running(tmp_path, aggregator=Aggregator(rooms={"kitchen": MoodRules()})) as run:
        await hours(run, 25)
        run.status(CameraState.OK, room="two")
        await run.tick()
        assert run.service.mood("kitchen").mood == UNKNOWN
        with pytest.raises(NoSuchRoomError):
            run.service.mood("two")


@pytest.mark.parametrize("room", ["services", "x" * 65, "Kitchen"])
async def test_a_name_that_no_room_can_have_is_said_and_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, room: str
) -> None:
    async with running(tmp_path) as run:
        for _ in range(3):
            expressions = EXPRESSIONS.encode(message(run.now, "happy"))
            run.bus.broker.publish(f"moodring/{room}/camera/expressions", expressions)
            run.bus.broker.publish(f"moodring/{room}/mood/set", b"calm")
        await run.tick()
        await run.play(20, "happy")
        assert words(run) == ["happy"]
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert [f"no room can be called '{room[:64]}" in line for line in said] == [True, True]


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


async def test_a_model_that_lacks_a_mood_is_used_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seven = {label: share for label, share in sure("happy").items() if label != "contemptuous"}
    seven["happy"] += 1 - sum(seven.values())
    async with running(tmp_path) as run:
        await run.play(20, seven)
    assert [mood.mood for mood in run.moods] == ["happy"]
    assert "their model does not know contemptuous: such a mood is never found here" in caplog.text
