import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.aggregator.chances import too_few
from services.aggregator.room import Room
from services.aggregator.service import SAVE_EVERY_S, build
from services.contracts.channels import MOOD_SET
from services.contracts.messages import CameraState, EventType, MoodOverride, MoodSource
from services.contracts.moods import NOBODY, UNKNOWN
from services.runtime.mood_settings import MoodRules
from services.runtime.settings import Aggregator, Settings
from tests.unit.aggregator_doubles import START, Running, running, sure

REFUSED = "moodring_aggregator_overrides_refused_total"


def words(run: Running) -> list[str]:
    return [mood.mood for mood in run.moods]


async def test_faces_become_a_mood_with_its_event(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "happy")
    [mood] = run.moods
    [event] = run.events
    assert (mood.mood, mood.people, mood.source) == ("happy", 1, MoodSource.CAMERA)
    assert (event.type, event.before, event.decision_id) == (EventType.MOOD_CHANGED, None, mood.decision_id)
    assert event.after == mood.model_dump(mode="json")


async def test_a_change_is_told_with_before_and_after(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "happy")
        await run.play(25, "sad")
    assert (words(run)[0], words(run)[-1]) == ("happy", "sad")
    doubt, event = run.events[-2:]
    assert doubt.before is not None
    assert doubt.before["mood"] == "happy"
    assert event.before is not None
    assert event.after is not None
    assert event.before["mood"] == UNKNOWN
    assert event.after["decision_id"] == str(event.decision_id) == str(run.moods[-1].decision_id)
    assert len({event.decision_id for event in run.events}) == len(run.events) == 3


async def test_the_mood_is_told_again_every_half_minute_with_fresh_figures(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "happy")
        await run.play(65, "happy", "happy")
    assert words(run) == ["happy"] * 3
    assert len({mood.decision_id for mood in run.moods}) == 1
    assert [mood.people for mood in run.moods] == [1, 2, 2]
    assert len(run.events) == 1


async def test_a_grimace_taken_for_a_resting_face_is_an_event_that_says_what_to_do(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        for _ in range(2):
            await run.service.teach("home", "", Room.measure_neutral)
            await run.play(65, sure("surprised", 0.99))
    problems = [event.after for event in run.events if event.type is EventType.PROBLEM]
    assert len(problems) == 2
    assert problems[0]
    assert problems[0]["service"] == "aggregator"
    assert str(problems[0]["text"]).startswith(
        "The resting face was not learnt: the faces of the minute looked surpris"
    )


async def test_the_mood_is_retained(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "happy")
        assert "moodring/home/mood" in run.bus.broker.retained


async def test_a_room_where_nothing_is_clear_says_so_in_the_end(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        for _ in range(35):
            run.now += 1
            await run.tick()
    assert words(run) == [UNKNOWN]


async def test_an_empty_room_is_nobody_and_a_private_one_unknown(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(31)
        run.status(CameraState.PRIVATE)
        await run.tick()
    assert words(run) == [NOBODY, UNKNOWN]


async def test_rooms_do_not_mix(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "happy", room="kitchen")
        assert run.service.mood("kitchen").mood == "happy"
        assert run.service.mood("home").mood == UNKNOWN


async def test_a_bare_word_on_the_bus_overrides_and_auto_ends_it(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "happy")
        run.bus.broker.publish("moodring/home/mood/set", b"calm")
        await run.bus.settle()
        run.bus.broker.publish("moodring/home/mood/set", b"auto")
        await run.bus.settle()
    assert [(mood.mood, mood.source) for mood in run.moods] == [
        ("happy", MoodSource.CAMERA), ("calm", MoodSource.OVERRIDE), ("happy", MoodSource.CAMERA),
    ]  # fmt: skip


async def test_an_override_that_is_ended_in_a_new_room_is_told_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        run.bus.broker.publish("moodring/home/mood/set", b"calm")
        await run.bus.settle()
        run.bus.broker.publish("moodring/home/mood/set", b"auto")
        await run.bus.settle()
    assert words(run) == ["calm", UNKNOWN]


async def test_a_command_whose_time_is_over_is_refused_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as run:
        given_at = datetime.fromtimestamp(run.now - 500, UTC)
        run.bus.publish(MOOD_SET, MoodOverride(mood="calm", minutes=5, issued_at=given_at), room="home")
        await run.bus.settle()
    assert run.moods == []
    assert "calm for 5 minutes was said 8 minutes ago, so its time is over" in caplog.text


async def test_an_unknown_word_on_the_bus_is_said_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = REGISTRY.get_sample_value(REFUSED) or 0
    async with running(tmp_path) as run:
        for _ in range(3):
            run.bus.broker.publish("moodring/home/mood/set", b"grumpy")
        await run.bus.settle()
    assert run.moods == []
    assert REGISTRY.get_sample_value(REFUSED) == before + 3
    [line] = [record.message for record in caplog.records if "grumpy" in record.message]
    assert "mood/set of home: 'grumpy' is no mood that can be said; these are: angry, calm, cheerful," in line


async def test_an_override_runs_out_by_itself_over_a_restart_too(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "sad")
        run.bus.publish(MOOD_SET, MoodOverride(mood="calm", minutes=24 * 60), room="home")
        await run.bus.settle()
        until = run.moods[-1].until
        calm = run.moods[-1]
    assert until is not None
    async with running(tmp_path, now=until.timestamp() - 2) as run:
        assert run.moods == [calm.model_copy(update={"people": 0, "samples": 0})]
        run.now += 3
        await run.tick()
        assert words(run) == ["calm", "sad"]
        assert len(run.events) == 1


async def test_a_mood_stands_over_a_restart_without_an_event(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "sad")
    decided = run.moods[-1]
    async with running(tmp_path, now=run.now) as again:
        assert [mood.decision_id for mood in again.moods] == [decided.decision_id]
        assert again.events == []
        await again.play(2, "happy")
        assert again.service.mood("home").mood == "sad"
        await again.play(18, "happy")
        assert words(again)[-1] == "happy"


async def test_moods_are_kept_now_and_then_and_what_a_person_says_at_once(tmp_path: Path) -> None:
    file = tmp_path / "state" / "aggregator.json"
    async with running(tmp_path) as run:
        stamps = []
        for second in range(60):
            await run.play(1, room=f"room_{second}")  # which is new
            stamps.append(file.stat().st_mtime_ns)
        assert len(set(stamps)) == 60 / SAVE_EVERY_S
        await run.service.say("home", MoodOverride(mood="calm"))
        assert "calm" in file.read_text()
        await run.play(1, room="attic")
        assert "attic" not in file.read_text()
    assert "attic" in file.read_text()


async def test_a_mood_that_a_later_version_kept_stands_too(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        await run.play(20, "sad")
    file = tmp_path / "state" / "aggregator.json"
    kept = json.loads(file.read_text())
    kept["rooms"]["home"]["mood"]["colour"] = "blue"
    file.write_text(json.dumps(kept))
    async with running(tmp_path, now=run.now) as again:
        assert again.service.mood("home").mood == "sad"


async def test_a_room_has_its_own_rules(tmp_path: Path) -> None:
    rules = Aggregator(rooms={"kitchen": {"fold": "quadrants"}})
    async with running(tmp_path, aggregator=rules) as run:
        await run.play(20, "happy")
        assert run.service.mood("home").mood == "happy"
        await run.play(20, "happy", room="kitchen")
        assert run.service.mood("kitchen").mood == "pleasant"


async def test_a_disk_that_is_full_costs_the_memory_only(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        (tmp_path / "state").write_text("in the way of the folder")
        await run.play(20, "happy")
        assert words(run) == ["happy"]
        assert "moods cannot be kept over a restart" in run.service.health.problems["state"]
        (tmp_path / "state").unlink()
        run.now += SAVE_EVERY_S
        await run.tick()
        assert run.service.health.problems == {}


async def test_the_service_looks_by_itself_once_a_second(tmp_path: Path) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 5:
            raise asyncio.CancelledError

    async with running(tmp_path) as run:
        service = build(run.settings, clock=lambda: START, sleep=sleep)
        with pytest.raises(asyncio.CancelledError):
            await service.run(run.bus)
    assert waits == [1.0] * 5


async def test_a_room_whose_look_fails_leaves_the_others_alone_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Aggregator(rooms={"attic": MoodRules(moods={"cosy": (0.5, -0.4)})})
    async with running(tmp_path, aggregator=own) as run:
        look = Room.look

        def fail(room: Room, now: float) -> None:
            if "cosy" in room.sayable:
                raise ZeroDivisionError
            look(room, now)

        monkeypatch.setattr(Room, "look", fail)
        await run.play(20, "happy")
        assert run.service.mood("home").mood == "happy"
        assert run.service.health.problems == {"rooms": "no mood is found in attic: see the log"}
        monkeypatch.setattr(Room, "look", look)
        await run.tick()
        assert run.service.health.problems == {}
    assert [record.message for record in caplog.records if "attic" in record.message] == [
        "attic: its mood cannot be decided (1 times)"
    ]


async def test_settings_by_which_a_room_never_has_a_mood_are_said_at_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, aggregator=Aggregator(window_s=2)):
        pass
    [line] = [record.message for record in caplog.records if "min_samples" in record.message]
    assert line.startswith(
        "home: one face alone never makes a mood: a decision needs 15 pictures (min_samples), and a "
    )
    assert "window of 2 s (window_s) holds 10 of it at 5 a second" in line


@pytest.mark.parametrize(
    ("keys", "rooms"),
    [
        ({}, []),
        ({"aggregator": {"window_s": 3}}, []),
        ({"camera": {"fps": 30}, "aggregator": {"window_s": 1}}, ["home"]),
        ({"camera": {"fps": 30, "messages_per_s": 30}, "aggregator": {"window_s": 1}}, []),
        ({"cameras": {"door": {"room": "hall", "fps": 0.5}, "desk": {}}}, ["hall"]),
        ({"cameras": {"door": {"room": "hall", "fps": 0.5}, "desk": {"room": "hall", "fps": 0.5}}}, []),
        ({"aggregator": {"rooms": {"home": {"min_samples": 100}}}}, ["home"]),
        ({"aggregator": {"rooms": {"elsewhere": {"min_samples": 100}}}}, []),
    ],
)
def test_rooms_with_too_few_pictures_are_known_by_their_cameras(keys: dict[str, Any], rooms: list[str]) -> None:
    assert [line.partition(":")[0] for line in too_few(Settings.model_validate(keys))] == rooms
