"""The camera service on a bus: faces, states, privacy, recovery."""

import asyncio
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.camera.patience import Patience
from services.camera.service import CameraService, build
from services.camera.sources import ScriptedSource, Source, SourceEnded, SourceError
from services.contracts import channels
from services.contracts.messages import CameraState, Event, EventType, Privacy
from services.runtime.memory import MemoryBroker, MemoryBus
from services.runtime.service import SetupError
from services.runtime.settings import Settings, load
from services.vision.crops import face_input
from services.vision.detectors import Detector
from services.vision.geometry import Box
from services.vision.images import Bgr
from services.vision.views import View
from tests.camera_doubles import BOX, ScriptedDetector, Watcher, face, only_camera, only_room, picture, running

Shared = Callable[[str], Path]
RETRY_S = (0.001, 0.01)


def settings(tmp_path: Path, **camera: Any) -> Settings:
    return load(data=tmp_path, camera={"fps": 200, **camera})


def scripted(
    tmp_path: Path, *steps: Bgr | Exception, detector: Detector | None = None, live: bool = False, **camera: Any
) -> tuple[CameraService, ScriptedSource]:
    source = ScriptedSource(steps, live=live)
    found = detector or ScriptedDetector(face())
    service = build(
        settings(tmp_path, **camera), source=lambda: source, detector=lambda: found, patience=Patience(retry_s=RETRY_S)
    )
    return service, source


class Hanging(ScriptedSource):
    """A camera that hangs once, in `open` or in `read`, until it is told to go on."""

    def __init__(self, where: str) -> None:
        super().__init__([picture(number) for number in range(1000)])
        self.hangs, self.go_on = threading.Event(), threading.Event()
        self._where = where

    def open(self) -> None:
        super().open()
        self._hang("open")

    def read(self) -> Bgr | None:
        self._hang("read")
        return super().read()

    def _hang(self, where: str) -> None:
        if where == self._where:
            self.hangs.set()
            self.go_on.wait(30)


def files_below(folder: Path) -> set[Path]:
    return {each for each in folder.rglob("*") if each.is_file()}


def open_paths() -> set[str]:
    return {str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}


async def test_every_frame_with_a_usable_face_is_published(tmp_path: Path) -> None:
    service, _ = scripted(tmp_path, picture(1), picture(2), as_fast_as_possible=True)
    async with running(service) as (_, heard):
        await heard.until(lambda: len(heard.all("faces")) == 2)
    one, other = heard.all("faces")
    assert (one.camera, one.frame_width, one.frame_height) == ("camera", 640, 480)
    assert one.frame_id.rpartition("-")[0] == other.frame_id.rpartition("-")[0]
    assert [each.frame_id.rpartition("-")[2] for each in (one, other)] == ["1", "2"]
    assert [each.faces[0].track_id for each in (one, other)] == [1, 1]
    assert Box.of(one.faces[0].box) == BOX
    assert len(one.faces[0].landmarks) == 5
    assert one.faces[0].quality > 0.9
    assert face_input(one.faces[0]).std() > 10


async def test_frames_carry_the_time_of_their_reading(tmp_path: Path) -> None:
    source = ScriptedSource([picture(1)])
    service = build(
        settings(tmp_path), clock=lambda: 1234.5, source=lambda: source, detector=lambda: ScriptedDetector(face())
    )
    async with running(service) as (_, heard):
        await heard.until(lambda: bool(heard.all("faces")))
    assert heard.all("faces")[0].captured_at.ToMilliseconds() == 1_234_500


async def test_unfit_faces_are_counted_and_not_sent(tmp_path: Path) -> None:
    detector = ScriptedDetector(face(), face(Box(20, 20, 17, 22)))
    service, _ = scripted(tmp_path, picture(1), picture(2), SourceEnded(), detector=detector, as_fast_as_possible=True)
    async with running(service) as (_, heard):
        await heard.until(lambda: bool(heard.all("status")) and "ended" in heard.all("status")[-1].detail)
    status = heard.all("status")[-1]
    assert (status.faces_seen, status.faces_used, status.rejected) == (4, 2, {"too_small": 2})
    assert [len(each.faces) for each in heard.all("faces")] == [1, 1]


async def test_nothing_is_lost_between_reading_and_publishing_when_all_is_measured(tmp_path: Path) -> None:
    steps = [picture(number % 5) for number in range(60)]
    service, _ = scripted(tmp_path, *steps, as_fast_as_possible=True)
    async with running(service) as (_, heard):
        await heard.until(lambda: len(heard.all("faces")) == 60)
    assert [int(each.frame_id.rpartition("-")[2]) for each in heard.all("faces")] == list(range(1, 61))


async def test_a_camera_that_cannot_be_opened_is_offline_in_words_and_comes_back(tmp_path: Path) -> None:
    service, source = scripted(tmp_path, SourceError("The webcam 0 cannot be opened."), SourceError("Still not."))
    async with running(service) as (_, heard):
        await heard.until(lambda: "Still not." in [status.detail for status in heard.all("status")])
        assert service.health.problems == {"camera camera": "Still not."}
        source.show(picture())
        await heard.state(CameraState.OK)
        assert service.health.problems == {}
    assert source.opened >= 3
    (event,) = heard.all("events")
    assert event.type is EventType.PROBLEM
    assert event.after == {"service": "camera", "camera": "camera", "text": "The webcam 0 cannot be opened."}


async def test_a_camera_that_is_lost_is_opened_again(tmp_path: Path) -> None:
    service, source = scripted(tmp_path, picture(1), SourceError("lost"), picture(2), as_fast_as_possible=True)
    async with running(service) as (_, heard):
        await heard.until(lambda: len(heard.all("faces")) == 2)
        await heard.state(CameraState.OK)
    assert source.opened == 2
    assert CameraState.OFFLINE in [status.state for status in heard.all("status")]


async def test_a_hiccup_after_a_steady_time_is_no_news(tmp_path: Path) -> None:
    source = ScriptedSource([picture(1), SourceError("hiccup"), picture(2)])
    times = iter(range(0, 10_000, 20))
    service = build(
        settings(tmp_path, as_fast_as_possible=True),
        clock=lambda: float(next(times)),
        source=lambda: source,
        detector=lambda: ScriptedDetector(face()),
    )
    async with running(service) as (_, heard):
        await heard.until(lambda: len(heard.all("faces")) == 2)
    assert source.opened == 2
    assert heard.all("events") == []


async def test_darkness_is_told(tmp_path: Path) -> None:
    steps = [picture(number, gain=0.1) for number in range(30)]
    times = iter(range(1000))
    source = ScriptedSource(steps)
    service = build(
        settings(tmp_path, as_fast_as_possible=True),
        clock=lambda: float(next(times)),
        source=lambda: source,
        detector=ScriptedDetector,
    )
    async with running(service) as (_, heard):
        await heard.state(CameraState.DARK)
        assert "light" in heard.all("status")[-1].detail


async def test_privacy_closes_the_camera_and_is_confirmed(tmp_path: Path) -> None:
    service, source = scripted(tmp_path, *[picture(number) for number in range(5)])
    async with running(service) as (bus, heard):
        await heard.state(CameraState.OK)
        bus.publish(channels.PRIVACY_SET, Privacy.ON, room="home")
        await heard.until(lambda: heard.all("privacy") == [Privacy.OFF, Privacy.ON])
        assert not source.is_open
        await heard.state(CameraState.PRIVATE)
        assert only_camera(service).last() is None
        assert service.health.problems == {}


async def test_no_face_leaves_after_privacy_was_turned_on(tmp_path: Path) -> None:
    service, _ = scripted(tmp_path, *[picture(number) for number in range(7)] * 300, as_fast_as_possible=True)
    async with running(service) as (bus, heard):
        await heard.until(lambda: len(heard.all("faces")) > 3)
        await only_room(service).turn(Privacy.ON)
        bus.publish(channels.EVENTS, Event(type=EventType.MANUAL_PLAY), room="home")
        await heard.until(lambda: bool(heard.all("events")))
        before = len(heard.all("faces"))
        await bus.settle()
        assert len(heard.all("faces")) == before < 2100


async def test_privacy_closes_the_file_descriptor_of_a_real_clip(tmp_path: Path, shared_data: Shared) -> None:
    clip = str(shared_data("video/again.mkv").resolve())
    service = build(settings(tmp_path, source=clip), detector=lambda: ScriptedDetector(face()))
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        assert clip in open_paths()
        async with asyncio.timeout(1):
            await only_room(service).turn(Privacy.ON)
        assert clip not in open_paths()
        await only_room(service).turn(Privacy.OFF)
        await heard.state(CameraState.OK)
        assert clip in open_paths()
    assert clip not in open_paths()


async def test_privacy_survives_a_restart_and_is_published_again(tmp_path: Path) -> None:
    service, _ = scripted(tmp_path, picture())
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        await only_room(service).turn(Privacy.ON)
    again, source = scripted(tmp_path, picture())
    async with running(again) as (_, heard):
        await heard.state(CameraState.PRIVATE)
        await heard.until(lambda: heard.all("privacy") == [Privacy.ON])
        await only_room(again).turn(Privacy.OFF)
        await heard.state(CameraState.OK)
    assert source.opened == 1


async def test_a_damaged_memory_keeps_the_camera_shut(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "camera.json").write_text("{broken")
    service, source = scripted(tmp_path, picture())
    async with running(service) as (_, heard):
        await heard.state(CameraState.PRIVATE)
    assert source.opened == 0


async def test_privacy_holds_even_where_it_cannot_be_written(tmp_path: Path) -> None:
    service, source = scripted(tmp_path, picture())
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        async with asyncio.timeout(30):
            while not (tmp_path / "state/camera.json").exists():  # noqa: ASYNC110 - which cameras it told of: written late
                await asyncio.sleep(0.01)
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        (tmp_path / "state").write_text("a file where the folder should be")
        await only_room(service).turn(Privacy.ON)
        assert not source.is_open
        assert "a restart will forget it" in service.health.problems["privacy"]


async def test_privacy_during_a_failing_open_is_private_not_offline(tmp_path: Path) -> None:
    service, _ = scripted(tmp_path, *[SourceError("no camera")] * 500)
    async with running(service) as (_, heard):
        await heard.until(lambda: service.health.problems == {"camera camera": "no camera"})
        await only_room(service).turn(Privacy.ON)
        await heard.state(CameraState.PRIVATE)


async def test_switching_to_and_fro_ends_where_it_was_switched_last(tmp_path: Path) -> None:
    service, source = scripted(tmp_path, *[picture()] * 5000)
    async with running(service) as (_, heard):
        await asyncio.gather(*(only_room(service).turn(each) for each in [Privacy.ON, Privacy.OFF] * 5))
        await heard.state(CameraState.OK)
        assert source.is_open
        assert heard.all("privacy")[-1] is Privacy.OFF


async def test_a_camera_that_starts_in_a_private_room_never_opens(tmp_path: Path) -> None:
    service, source = scripted(tmp_path, picture())
    async with MemoryBus() as others:
        others.publish(channels.PRIVACY, Privacy.ON, room="home")
        async with running(service, others.broker) as (_, heard):
            await heard.state(CameraState.PRIVATE)
            await heard.until(lambda: heard.all("privacy") == [Privacy.ON, Privacy.ON])
            await only_room(service).ask(Privacy.OFF)
            await heard.state(CameraState.OK)
    assert source.opened == 1


async def test_a_camera_that_starts_private_closes_its_room(tmp_path: Path) -> None:
    closed, _ = scripted(tmp_path / "closed", picture())
    async with running(closed) as (_, heard):
        await heard.state(CameraState.OK)
        await only_room(closed).turn(Privacy.ON)
    open_one, source = scripted(tmp_path / "open", picture(), name="open")
    async with running(open_one) as (bus, heard):
        await heard.state(CameraState.OK)
        async with running(closed, bus.broker):
            await heard.until(lambda: only_camera(open_one).status.state is CameraState.PRIVATE)
    assert not source.is_open


async def test_asking_one_camera_for_privacy_closes_every_camera_of_the_room(tmp_path: Path) -> None:
    one, first = scripted(tmp_path / "one", *[picture()] * 2000, name="one")
    other, second = scripted(tmp_path / "other", *[picture()] * 2000, name="other")
    async with running(one) as (bus, heard), running(other, bus.broker) as (_, also):
        await heard.state(CameraState.OK)
        await also.until(lambda: only_camera(other).status.state is CameraState.OK)
        await only_room(one).ask(Privacy.ON)
        assert not first.is_open
        await heard.until(lambda: only_camera(other).status.state is CameraState.PRIVATE)
        assert not second.is_open
        await only_room(other).ask(Privacy.OFF)
        await heard.until(lambda: {only_camera(one).status.state, only_camera(other).status.state} == {CameraState.OK})


async def test_a_camera_closes_though_the_broker_is_away(tmp_path: Path) -> None:
    class Away(MemoryBus):
        connected = False

        def publish(self, channel: Any, message: Any, **where: str) -> None:
            if channel is not channels.PRIVACY_SET:
                super().publish(channel, message, **where)

    service, source = scripted(tmp_path, picture())
    async with Away() as bus:
        task = asyncio.create_task(service.run(bus))
        watcher = Watcher(bus)
        await watcher.state(CameraState.OK)
        await only_room(service).ask(Privacy.ON)
        assert not source.is_open
        await only_room(service).ask(Privacy.OFF)
        await watcher.until(lambda: only_camera(service).status.state is not CameraState.PRIVATE)
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("where", ["open", "read"])
async def test_a_device_that_does_not_close_is_told_and_not_opened_again_before_it_did(
    tmp_path: Path, where: str
) -> None:
    source = Hanging(where)
    service = build(
        settings(tmp_path),
        source=lambda: source,
        detector=ScriptedDetector,
        patience=Patience(retry_s=RETRY_S, private_within_s=0.01),
    )
    async with running(service) as (bus, heard):
        await asyncio.to_thread(source.hangs.wait)
        bus.publish(channels.PRIVACY_SET, Privacy.ON, room="home")
        await heard.until(lambda: heard.all("privacy")[-1:] == [Privacy.ON])
        assert "does not close" in heard.all("status")[-1].detail
        assert "does not close" in service.health.problems["camera camera"]
        bus.publish(channels.PRIVACY_SET, Privacy.OFF, room="home")
        await heard.until(lambda: heard.all("privacy")[-1:] == [Privacy.OFF])
        assert source.opened == 1
        source.go_on.set()
        await heard.until(lambda: source.opened == 2 and only_camera(service).status.state is CameraState.OK)
        assert service.health.problems == {}


async def test_a_device_that_closes_late_is_private_in_the_end(tmp_path: Path) -> None:
    source = Hanging("read")
    service = build(
        settings(tmp_path),
        source=lambda: source,
        detector=ScriptedDetector,
        patience=Patience(retry_s=RETRY_S, private_within_s=0.01),
    )
    async with running(service) as (_, heard):
        await asyncio.to_thread(source.hangs.wait)
        await only_room(service).turn(Privacy.ON)
        source.go_on.set()
        await heard.state(CameraState.PRIVATE)
        assert service.health.problems == {}


async def test_switching_privacy_off_twice_does_not_disturb_a_camera_that_works(tmp_path: Path) -> None:
    service, _ = scripted(tmp_path, picture())
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        await only_room(service).turn(Privacy.OFF)
        assert only_camera(service).status.state is CameraState.OK


async def test_stopping_closes_the_camera_and_the_service_can_run_again(tmp_path: Path) -> None:
    service, source = scripted(tmp_path)
    broker = MemoryBroker()
    for _ in range(2):
        source.show(picture())
        async with running(service, broker) as (_, heard):
            await heard.until(lambda heard=heard: bool(heard.all("faces")))  # type: ignore[misc]
        assert not source.is_open
        assert not service.running


async def test_a_service_that_stops_says_that_it_sees_nothing_more(tmp_path: Path) -> None:
    service, _ = scripted(tmp_path, picture())
    broker = MemoryBroker()
    async with MemoryBus(broker=broker) as ears:
        after = Watcher(ears)
        async with running(service, broker) as (_, heard):
            await heard.state(CameraState.OK)
        await after.until(lambda: "stopped" in after.all("status")[-1].detail)
    assert after.all("status")[-1].state is CameraState.OFFLINE
    assert after.all("events") == []


async def test_an_error_in_the_detector_ends_the_run_so_that_it_is_restarted(tmp_path: Path) -> None:
    class Broken(ScriptedDetector):
        def detect(self, frame: Bgr, view: View | None = None) -> list[Any]:
            raise ZeroDivisionError

    service, source = scripted(tmp_path, picture(), detector=Broken())
    async with MemoryBus() as bus:
        with pytest.raises(ExceptionGroup):
            await service.run(bus)
    assert not source.is_open


@pytest.mark.parametrize(
    ("kind", "clip", "share"),
    [("yunet", "again.mkv", 0.95), ("yunet", "bird.mkv", 0.95), ("yunet", "help.mkv", 0.95), ("haar", "eat.mkv", 0.9)],
)
async def test_a_person_two_metres_away_is_seen_in_nearly_every_frame(
    tmp_path: Path, shared_data: Shared, clip: str, kind: str, share: float
) -> None:
    settings = load(
        data=tmp_path,
        yunet=shared_data("yunet/face_detection_yunet_2026may.onnx"),
        camera={
            "source": str(shared_data(f"video/{clip}")), "as_fast_as_possible": True, "loop": False, "detector": kind,
        },
    )  # fmt: skip
    async with running(build(settings)) as (_, heard):
        await heard.until(lambda: bool(heard.all("status")) and "ended" in heard.all("status")[-1].detail)
    assert heard.all("status")[-1].detector == kind
    frames = int(heard.all("faces")[-1].frame_id.rpartition("-")[2])
    assert len(heard.all("faces")) >= share * frames
    tracks = [each.faces[0].track_id for each in heard.all("faces")]
    assert tracks.count(tracks[0]) >= 0.9 * len(tracks)


async def test_a_clip_without_people_is_ok_and_says_nothing(tmp_path: Path, shared_data: Shared) -> None:
    service = build(
        load(
            data=tmp_path,
            yunet=shared_data("yunet/face_detection_yunet_2026may.onnx"),
            camera={
                "source": str(shared_data("video/bottle-detection.gif")), "as_fast_as_possible": True, "loop": False,
            },
        ),
    )  # fmt: skip
    async with running(service) as (_, heard):
        await heard.until(lambda: bool(heard.all("status")) and "ended" in heard.all("status")[-1].detail)
    assert CameraState.OK in [status.state for status in heard.all("status")]
    assert heard.all("faces") == []
    assert heard.all("status")[-1].well
    assert (heard.all("events"), service.health.problems) == ([], {})


async def test_no_image_is_ever_written(tmp_path: Path) -> None:
    service, _ = scripted(tmp_path, *[picture(number) for number in range(5)])
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        await only_room(service).turn(Privacy.ON)
        await only_room(service).turn(Privacy.OFF)
    assert files_below(tmp_path) == {tmp_path / "state" / "camera.json"}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"source": "ftp://nowhere"}, "not supported"),
        ({"detector": "yunet"}, "make models"),
    ],
)
def test_what_cannot_work_is_one_clear_line_at_start(tmp_path: Path, section: dict[str, str], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        build(settings(tmp_path, **section))


def test_a_false_model_is_one_clear_line_at_start(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "face_detection_yunet_2023mar.onnx").write_bytes(b"no model")
    with pytest.raises(SetupError, match="not YuNet as published"):
        build(settings(tmp_path))


@pytest.mark.parametrize(("detector", "lines"), [("auto", 1), ("haar", 0)])
def test_every_start_without_yunets_file_says_what_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, detector: str, lines: int
) -> None:
    build(settings(tmp_path, detector=detector))
    assert caplog.text.count("YuNet's file is not there; `make models` fetches it") == lines


def test_building_opens_nothing(tmp_path: Path) -> None:
    def never() -> Source:
        raise AssertionError

    service = build(settings(tmp_path), source=never, detector=ScriptedDetector)
    assert not service.running
    assert list(tmp_path.iterdir()) == []
