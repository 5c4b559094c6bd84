"""What is recorded, and how it is read again."""

import asyncio
import io
import math

import pytest

from services.aggregator.errors import BadRecordingError
from services.aggregator.recorder import Recorder
from services.aggregator.recording import Line, read, seen
from services.contracts.channels import CAMERA_STATUS, CUSTOM_MOODS, EXPRESSIONS
from services.contracts.messages import CameraState, CameraStatus, CustomMood, CustomMoods
from services.contracts.moodring_pb2 import Box
from services.runtime.memory import MemoryBus
from tests.unit import aggregator_doubles as doubles
from tests.unit.aggregator_doubles import START, message

FACE = '{"heard_at": 1, "room": "home", "faces": [{"track": 1, "quality": 1, "probabilities":'


def lines_of(file: io.StringIO) -> list[Line]:
    return list(read(file.getvalue().encode().splitlines(keepends=True)))


async def recorded(*faces: str, state: CameraState = CameraState.OK, max_bytes: int = 10_000) -> list[Line]:
    file = io.StringIO()
    async with MemoryBus() as bus:
        recorder = Recorder(file, "home", max_bytes=max_bytes, clock=lambda: START + 1)
        recorder.listen(bus)
        bus.publish(CAMERA_STATUS, CameraStatus(state=state), room="home", camera="camera")
        await bus.settle()
        for number, face in enumerate(faces):
            sent = message(START + number / 5, face)
            sent.faces[0].taught.add(label="focused", probability=0.25)
            sent.faces[0].box.CopyFrom(Box(x=1, y=2, width=3, height=4))
            bus.publish(EXPRESSIONS, sent, room="home", camera="camera")
            bus.publish(EXPRESSIONS, sent, room="kitchen", camera="camera")
        await bus.settle()
    return lines_of(file)


async def test_a_recording_holds_one_rooms_frames_and_its_cameras_states() -> None:
    status, first, second = await recorded("happy", "sad")
    assert (status.state, status.heard_at) == (CameraState.OK, START + 1)
    assert first.captured_at == START
    assert second.faces[0].probabilities["sad"] == 0.8


async def test_a_recording_holds_no_boxes() -> None:
    _, line = await recorded("happy")
    assert set(line.model_dump()["faces"][0]) == {"track", "quality", "probabilities", "taught"}
    assert line.faces[0].taught == {"focused": 0.25}


async def test_a_private_camera_is_not_recorded() -> None:
    lines = await recorded("happy", state=CameraState.PRIVATE)
    assert [line.state for line in lines] == [CameraState.PRIVATE]


async def test_a_full_file_ends_with_a_whole_line() -> None:
    lines = await recorded(*["happy"] * 20, max_bytes=2000)
    assert 1 < len(lines) < 20


async def test_what_was_taught_is_recorded_where_the_room_is_heard_of() -> None:
    file = io.StringIO()
    taught = CustomMoods(moods=(CustomMood(mood="focused", valence=0.3, arousal=0.1, rooms=("home",)),))
    async with MemoryBus() as bus:
        Recorder(file, "home", max_bytes=10_000, clock=lambda: START).listen(bus)
        bus.publish(CUSTOM_MOODS, taught)
        await bus.settle()
        assert not file.getvalue()
        bus.publish(EXPRESSIONS, message(START, "happy"), room="home", camera="camera")
        await bus.settle()
    first, second = lines_of(file)
    assert (first.custom, len(second.faces)) == (taught, 1)


@pytest.mark.parametrize("at", [-(2**40), 2**60, -0.5])
async def test_a_time_that_cannot_be_is_said_once_and_not_recorded(caplog: pytest.LogCaptureFixture, at: float) -> None:
    file = io.StringIO()
    wrong = message(START, "happy")
    wrong.captured_at.seconds, wrong.captured_at.nanos = math.floor(at), round(at % 1 * 1e9)
    strange = message(START, "happy")
    strange.faces[0].taught.add(label="Film night", probability=0.5)
    async with MemoryBus() as bus:
        Recorder(file, "home", max_bytes=10_000, clock=lambda: START).listen(bus)
        for sent in (wrong, wrong, strange, strange, message(START, "sad")):
            bus.publish(EXPRESSIONS, sent, room="home", camera="camera")
        await bus.settle()
    assert [line.faces[0].probabilities["sad"] for line in lines_of(file)] == [0.8]
    assert ["captured_at is" in record.message for record in caplog.records] == [True, False]
    assert "film_night can" in caplog.records[1].message


async def test_a_full_disk_ends_the_recording() -> None:
    async with MemoryBus() as bus:
        with open("/dev/full", "w", encoding="utf-8", buffering=1) as file:  # noqa: PTH123, ASYNC230 -- as is
            recorder = Recorder(file, "home", max_bytes=10_000, clock=lambda: START)
            recorder.listen(bus)
            bus.publish(EXPRESSIONS, message(START, "happy"), room="home", camera="camera")
            async with asyncio.timeout(10):
                await recorder.full.wait()
            with pytest.raises(OSError, match="No space left"):
                file.close()
    assert (recorder.failed and recorder.failed.strerror, recorder.frames) == ("No space left on device", 0)


@pytest.mark.parametrize("end", [b"", b'{"heard_at": 1, "ro', b'{"heard_at": 2, "room": "home", "frame_id": "k\xc3'])
def test_a_last_line_that_was_cut_is_left_out_and_said(end: bytes) -> None:
    whole = b'{"heard_at": 1, "room": "home"}\n'
    cut: list[int] = []
    assert len(list(read(io.BytesIO(whole * 2 + end), cut.append))) == 2
    assert cut == ([3] if end else [])


async def test_a_recorder_says_when_its_file_is_full() -> None:
    recorder = Recorder(io.StringIO(), "home", max_bytes=10, clock=lambda: START)
    async with MemoryBus() as bus:
        recorder.listen(bus)
        bus.publish(EXPRESSIONS, message(START, "happy"), room="home", camera="camera")
        async with asyncio.timeout(10):
            await recorder.full.wait()


def test_what_is_written_reads_the_same() -> None:
    line = seen("home", "camera", [doubles.seen(START, "happy")], START + 0.1)
    assert list(read([line.written().encode()])) == [line]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 2: Invalid JSON"),
        ('{"heard_at": 1, "room": "Living room"}', "line 2: room"),
        ('{"heard_at": NaN, "room": "home"}', "line 2: "),
        (f'{FACE} {{"happy": 0.5}}}}]}}', "0.5"),
        (f'{FACE} {{"glad": 1}}}}]}}', "labels"),
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_named(text: str, says: str) -> None:
    with pytest.raises(BadRecordingError, match=says):
        list(read([b'{"heard_at": 1, "room": "home"}\n', f"{text}\n".encode()]))
