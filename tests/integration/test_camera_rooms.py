"""Several cameras in one process, and what closes rooms: people, the clock, and the lack of consent."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.camera.camera import SILENT
from services.camera.condition import WORDS
from services.camera.patience import Patience
from services.camera.service import CameraService, build
from services.camera.sources import ScriptedSource, SourceError
from services.contracts import channels
from services.contracts.messages import CameraState, Privacy
from services.runtime.memory import MemoryBroker, MemoryBus
from services.runtime.settings import load
from services.vision.geometry import Box
from services.vision.images import jpeg
from tests.camera_doubles import ScriptedDetector, Watcher, face, only_camera, only_room, picture, running


class Clock:
    """Shows the time that it is told, of the first days of January in UTC."""

    def __init__(self, shown: str) -> None:
        self.turn(shown)

    def turn(self, shown: str) -> None:
        self._now = datetime.strptime(f"2026-01-{shown}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self._now


def photos(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "one.jpg").write_bytes(jpeg(picture()))
    return folder


def house(tmp_path: Path, **rooms: str) -> CameraService:
    """Return a service with a camera for each name, in the room that is said."""
    cameras = {
        name: {"source": str(photos(tmp_path / "photos" / name)), "room": room, "fps": 100}
        for name, room in rooms.items()
    }
    return build(load(data=tmp_path / "data", cameras=cameras), detector=lambda: ScriptedDetector(face()))


def sees(service: CameraService, *names: str) -> Callable[[], bool]:
    return lambda: all(service.cameras[name].status.state is CameraState.OK for name in names)


def scripted(tmp_path: Path, clock: Clock, **privacy: Any) -> tuple[CameraService, ScriptedSource]:
    source = ScriptedSource([picture(number) for number in range(9)], live=True)
    settings = load(data=tmp_path, camera={"fps": 200}, privacy={"time_zone": "UTC", **privacy})
    service = build(
        settings, clock=clock, source=lambda: source, detector=lambda: ScriptedDetector(face()),
        patience=Patience(retry_s=(0.001, 0.01)),
    )  # fmt: skip
    return service, source


async def test_every_camera_publishes_in_its_own_room(tmp_path: Path) -> None:
    service = house(tmp_path, door="hall", desk="study")
    topics: set[tuple[str, str, str]] = set()
    async with running(service) as (bus, heard):
        bus.subscribe(channels.FACES, _note(topics, "faces"))
        bus.subscribe(channels.CAMERA_STATUS, _note(topics, "status"))
        await heard.until(lambda: len(topics) == 4)
    assert topics == {
        ("hall", "door", "faces"), ("study", "desk", "faces"), ("hall", "door", "status"), ("study", "desk", "status"),
    }  # fmt: skip


def _note(topics: set[tuple[str, str, str]], what: str) -> Callable[[Any], Any]:
    async def note(delivery: Any) -> None:
        topics.add((delivery.room, delivery.camera, what))

    return note


async def test_privacy_closes_the_cameras_of_one_room_and_leaves_the_others(tmp_path: Path) -> None:
    service = house(tmp_path, door="hall", stairs="hall", desk="study")
    async with running(service) as (bus, heard):
        await heard.until(sees(service, "door", "stairs", "desk"))
        bus.publish(channels.PRIVACY_SET, Privacy.ON, room="hall")
        await heard.until(lambda: heard.all("privacy")[-1:] == [Privacy.ON])
        assert {one.status.state for one in service.cameras.values() if one.room == "hall"} == {CameraState.PRIVATE}
        assert not any(one.status.watching for one in service.cameras.values() if one.room == "hall")
        assert service.cameras["desk"].status.watching
    again = build(
        load(data=tmp_path / "data", cameras={"door": {"room": "hall"}, "desk": {"room": "study"}}),
        detector=ScriptedDetector,
    )
    async with running(again) as (_, heard):
        await heard.until(sees(again, "desk"))
        assert again.cameras["door"].status.state is CameraState.PRIVATE


async def test_a_command_that_changes_nothing_puts_right_what_another_said_of_the_switch(tmp_path: Path) -> None:
    service = house(tmp_path, door="hall")
    async with running(service) as (bus, heard):
        await heard.until(sees(service, "door"))
        bus.publish(channels.PRIVACY, Privacy.ON, room="hall")
        bus.publish(channels.PRIVACY_SET, Privacy.OFF, room="hall")
        await heard.until(lambda: heard.all("privacy")[-2:] == [Privacy.ON, Privacy.OFF])
        assert service.cameras["door"].status.watching


async def test_a_camera_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    good = str(photos(tmp_path / "photos"))
    settings = load(data=tmp_path / "data", cameras={"bad": {"source": "/dev/video97"}, "good": {"source": good}})
    service = build(settings, detector=lambda: ScriptedDetector(face()))
    async with running(service) as (_, heard):
        await heard.until(sees(service, "good"))
        await heard.until(lambda: "video97" in service.cameras["bad"].status.detail)
        assert set(service.health.problems) == {"camera bad"}
        await heard.until(lambda: bool(heard.all("events")))
    assert heard.all("events")[0].after["camera"] == "bad"


async def test_the_schedule_closes_and_opens_by_itself(tmp_path: Path) -> None:
    clock = Clock("01 21:59")
    service, source = scripted(tmp_path, clock, schedule="22:00-07:00")
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        clock.turn("01 22:00")
        await heard.state(CameraState.PRIVATE)
        assert not source.is_open
        assert "22:00-07:00" in heard.all("status")[-1].detail
        await heard.until(lambda: heard.all("privacy") == [Privacy.OFF, Privacy.ON])
        clock.turn("02 07:00")
        source.show(picture())
        await heard.state(CameraState.OK)
        await heard.until(lambda: heard.all("privacy")[-1] is Privacy.OFF)


async def test_the_switch_opens_within_the_schedule_and_the_next_night_closes_again(tmp_path: Path) -> None:
    clock = Clock("01 23:00")
    service, source = scripted(tmp_path, clock, schedule="22:00-07:00")
    async with running(service) as (_, heard):
        await heard.state(CameraState.PRIVATE)
        await only_room(service).ask(Privacy.OFF)
        await heard.state(CameraState.OK)
        clock.turn("02 22:00")
        await heard.state(CameraState.PRIVATE)
        assert not source.is_open


async def test_a_restart_at_night_neither_opens_the_camera_nor_keeps_it_shut_in_the_morning(tmp_path: Path) -> None:
    clock, broker = Clock("01 23:00"), MemoryBroker()  # it keeps the retained ON of the night
    for _ in range(2):
        service, source = scripted(tmp_path, clock, schedule="22:00-07:00")
        async with running(service, broker) as (_, heard):
            await heard.state(CameraState.PRIVATE)
        assert source.opened == 0
    clock.turn("02 08:00")
    service, source = scripted(tmp_path, clock, schedule="22:00-07:00")
    async with running(service, broker) as (_, heard):
        await heard.state(CameraState.OK)


async def test_who_closed_it_at_night_finds_it_closed_in_the_morning(tmp_path: Path) -> None:
    clock = Clock("01 23:00")
    service, source = scripted(tmp_path, clock, schedule="22:00-07:00")
    async with running(service) as (_, heard):
        await heard.state(CameraState.PRIVATE)
        await only_room(service).ask(Privacy.ON)
    clock.turn("02 08:00")
    service, source = scripted(tmp_path, clock, schedule="22:00-07:00")
    async with running(service) as (_, heard):
        await heard.until(lambda: heard.all("privacy") == [Privacy.ON])
    assert source.opened == 0


async def test_a_room_that_has_not_opted_in_is_not_opened_by_any_word(tmp_path: Path) -> None:
    service, source = scripted(tmp_path, Clock("01 12:00"), consent={"kitchen": "always"})
    async with running(service) as (bus, heard):
        await heard.state(CameraState.PRIVATE)
        bus.publish(channels.PRIVACY_SET, Privacy.OFF, room="home")
        await heard.until(lambda: heard.all("privacy") == [Privacy.ON, Privacy.ON])
        assert "not opted in" in only_camera(service).status.detail
    assert source.opened == 0


async def test_consent_ends_with_its_hours(tmp_path: Path) -> None:
    clock = Clock("01 08:00")
    service, source = scripted(tmp_path, clock, consent={"home": "07:00-09:00"})
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        clock.turn("01 09:00")
        await heard.state(CameraState.PRIVATE)
        assert not source.is_open


async def test_what_an_earlier_version_remembered_still_closes(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "camera.json").write_text('{"privacy": "ON"}')
    service, source = scripted(tmp_path, Clock("01 12:00"))
    async with running(service) as (_, heard):
        await heard.state(CameraState.PRIVATE)
    assert source.opened == 0


async def test_the_status_says_whether_the_device_is_open(tmp_path: Path) -> None:
    service, _ = scripted(tmp_path, Clock("01 12:00"))
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        assert heard.all("status")[-1].watching
        await only_room(service).turn(Privacy.ON)
        await heard.state(CameraState.PRIVATE)
    assert not heard.all("status")[-1].watching


async def test_a_silent_camera_is_offline_in_words_and_in_one_event(tmp_path: Path) -> None:
    source = ScriptedSource([picture(1)], live=True)
    service = build(
        load(data=tmp_path, camera={"fps": 200}), source=lambda: source, detector=lambda: ScriptedDetector(face()),
        patience=Patience(retry_s=(0.001, 0.01), silent_s=1),
    )  # fmt: skip
    async with running(service) as (_, heard):
        await heard.until(lambda: SILENT in [status.detail for status in heard.all("status")])
        assert heard.all("status")[-1].state is CameraState.OFFLINE
        source.show(SourceError("lost"), SourceError("still lost"))  # its library notices too, and it is gone
        await heard.until(lambda: "still lost" in [status.detail for status in heard.all("status")])
        assert [event.after["text"] for event in heard.all("events")] == [SILENT]
        before = len(heard.all("status"))
        source.show(picture(2))
        await heard.until(lambda: CameraState.OK in [status.state for status in heard.all("status")[before:]])


async def test_a_camera_that_speaks_only_of_people_is_well_without_any(tmp_path: Path) -> None:
    source = ScriptedSource([], live=True, sparse=True)
    service = build(
        load(data=tmp_path), source=lambda: source, detector=ScriptedDetector, patience=Patience(silent_s=0.1)
    )
    async with running(service) as (bus, heard):
        await heard.state(CameraState.OK)
        await asyncio.sleep(0)
        for _ in range(60):  # the same picture again and again: nothing is frozen
            source.show(picture(1))
        await heard.until(lambda: source.is_open and not source._steps)
        await bus.settle()
    assert {status.state for status in heard.all("status")} == {CameraState.OK, CameraState.OFFLINE}
    assert heard.all("events") == []


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([picture(number, gain=0.1) for number in range(30)], CameraState.DARK),
        ([np.full((480, 640, 3), 90 + number % 2, np.uint8) for number in range(30)], CameraState.COVERED),
        ([picture(1)] * 30, CameraState.FROZEN),
    ],
)
async def test_what_a_camera_suffers_from_is_one_event_and_retained(
    tmp_path: Path, steps: list[Any], state: CameraState
) -> None:
    times = iter(range(10_000))
    source = ScriptedSource(steps, live=True)
    service = build(
        load(data=tmp_path, camera={"as_fast_as_possible": True}), clock=lambda: float(next(times)),
        source=lambda: source, detector=ScriptedDetector,
        patience=Patience(silent_s=60),
    )  # fmt: skip
    broker = MemoryBroker()
    async with running(service, broker) as (_, heard):
        await heard.state(state)
        await heard.until(lambda: bool(heard.all("events")))
        async with MemoryBus(broker=broker) as late:
            newcomer = Watcher(late)
            await newcomer.state(state)
    assert [event.after["text"] for event in heard.all("events")] == [WORDS[state]]


async def test_a_trouble_that_comes_and_goes_is_one_event(tmp_path: Path) -> None:
    clock = itertools.count()
    dark, bright = ([picture(number, gain=gain) for number in range(10)] for gain in (0.05, 1.0))
    source = ScriptedSource((dark + bright) * 5, live=True)
    service = build(
        load(data=tmp_path, camera={"as_fast_as_possible": True}), clock=lambda: float(next(clock)) / 4,
        source=lambda: source, detector=ScriptedDetector, patience=Patience(silent_s=60),
    )  # fmt: skip
    async with running(service) as (_, heard):
        await heard.until(lambda: _brightenings(heard) >= 4)
        assert [event.after["text"] for event in heard.all("events")] == [WORDS[CameraState.DARK]]


def _brightenings(heard: Watcher) -> int:
    states = [status.state for status in heard.all("status")]
    return [*itertools.pairwise(states)].count((CameraState.DARK, CameraState.OK))


async def test_a_face_that_is_found_proves_that_there_is_light(tmp_path: Path) -> None:
    clock = itertools.count()
    frames = []
    for number in range(20):
        frame = np.zeros((480, 640, 3), np.uint8)
        frame[180:210, 280:300] = picture(number)[:30, :20]
        frames.append(frame)
    source = ScriptedSource(frames, live=True)
    service = build(
        load(data=tmp_path, camera={"as_fast_as_possible": True}), clock=lambda: float(next(clock)) / 4,
        source=lambda: source,
        detector=lambda: ScriptedDetector(face(Box(280, 180, 16, 20))), patience=Patience(silent_s=60),
    )  # fmt: skip
    async with running(service) as (_, heard):
        await heard.until(lambda: only_camera(service).status.rejected.get("too_small", 0) == 20)
    assert CameraState.DARK not in [status.state for status in heard.all("status")]


async def test_one_of_several_cameras_is_named_with_its_room_where_it_is_in_trouble(tmp_path: Path) -> None:
    cameras = {"front_door": {"source": str(tmp_path / "gone.mkv"), "room": "living_room"}, "desk": {"source": "demo"}}
    service = build(load(data=tmp_path, cameras=cameras), detector=ScriptedDetector)
    async with running(service) as (_, heard):
        await heard.until(lambda: bool(heard.all("events")))
        (event,) = heard.all("events")
        assert event.after["text"].startswith("Front door (living room): There is no file")
        assert service.health.problems["camera front_door"] == event.after["text"]


async def test_cameras_and_rooms_that_are_gone_leave_nothing_behind(tmp_path: Path) -> None:
    at_first = {"door": {"room": "hall"}, "desk": {"room": "study"}, "shelf": {"room": "study"}}
    broker = MemoryBroker()
    async with running(build(load(data=tmp_path, cameras=at_first), detector=ScriptedDetector), broker) as (_, heard):
        await heard.until(lambda: len(heard.all("privacy")) == 2)
    left = {"moodring/hall/privacy", "moodring/hall/door/status"}
    study = {"moodring/study/desk/status", "moodring/study/shelf/status", "moodring/study/privacy"}
    assert set(broker.retained) == left | study
    later = load(data=tmp_path, cameras={"desk": {"room": "study"}, "yard": {"room": "garden"}})
    service = build(later, detector=ScriptedDetector, patience=Patience(others_s=0.05))
    async with running(service, broker) as (_, heard):
        await heard.until(lambda: not left & set(broker.retained))
        await heard.until(lambda: "moodring/garden/privacy" in broker.retained)
        assert set(broker.retained) == (study - {"moodring/study/shelf/status"}) | {
            "moodring/garden/privacy", "moodring/garden/yard/status"
        }  # fmt: skip


async def test_a_camera_that_another_process_has_now_stays(tmp_path: Path) -> None:
    at_first = {"door": {"room": "hall"}, "stairs": {"room": "hall"}}
    broker = MemoryBroker()
    before = build(load(data=tmp_path / "a", cameras=at_first), detector=ScriptedDetector)
    async with running(before, broker) as (_, heard):
        await heard.until(lambda: len(heard.all("privacy")) == 1)
    there = build(load(data=tmp_path / "b", camera={"name": "door", "room": "hall"}), detector=ScriptedDetector)
    here = build(
        load(data=tmp_path / "a", cameras={"desk": {"room": "study"}}), detector=ScriptedDetector,
        patience=Patience(others_s=1),
    )  # fmt: skip
    async with running(there, broker) as (_, heard), running(here, broker):
        await heard.until(lambda: here.cameras["desk"].status.state is CameraState.OK)
        only_camera(there).publish()
        await heard.until(lambda: "moodring/hall/stairs/status" not in broker.retained)
        assert {"moodring/hall/door/status", "moodring/hall/privacy"} < set(broker.retained)
