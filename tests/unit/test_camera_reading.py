"""The buffer between camera and detector, and the thread that fills it."""

import threading

import numpy as np
import pytest

from services.camera.reading import BUFFERED, FrameBuffer, Reader
from services.camera.sources import Frame, ScriptedSource, SourceEnded, SourceError


def frame(number: int) -> Frame:
    return Frame(np.full((2, 2, 3), number, np.uint8), float(number))


def numbers(buffer: FrameBuffer) -> list[float]:
    found = []
    while (each := buffer.take()) is not None:
        found.append(each.captured_at)
    return found


def test_only_the_newest_frame_waits() -> None:
    buffer = FrameBuffer(keep_all=False)
    for number in range(5):
        buffer.put(frame(number))
    buffer.close()
    assert numbers(buffer) == [4]


def test_no_frame_is_lost_where_all_are_wanted() -> None:
    buffer = FrameBuffer(keep_all=True)

    def fill() -> None:
        for number in range(50):
            buffer.put(frame(number))
        buffer.close()

    thread = threading.Thread(target=fill)
    thread.start()
    assert numbers(buffer) == list(range(50))
    thread.join()


def test_who_waits_for_room_is_released_when_the_buffer_closes() -> None:
    buffer = FrameBuffer(keep_all=True)

    def fill() -> None:
        for number in range(BUFFERED + 3):
            buffer.put(frame(number))

    thread = threading.Thread(target=fill)
    thread.start()
    first = buffer.take()
    buffer.close(discard=True)
    thread.join(10)
    assert not thread.is_alive()
    assert first is not None
    assert buffer.take() is None


def test_a_closed_buffer_takes_nothing() -> None:
    buffer = FrameBuffer(keep_all=False)
    buffer.close()
    buffer.put(frame(1))
    assert buffer.take() is None


async def test_the_reader_stamps_frames_and_closes_the_source_at_the_end() -> None:
    source = ScriptedSource([frame(1).image, frame(2).image, SourceEnded()])
    reader = Reader(source, every_s=None, clock=iter([10.0, 20.0]).__next__)
    await reader.finished
    assert numbers(reader.frames) == [10, 20]
    assert not source.is_open


@pytest.mark.parametrize("steps", [[SourceError("gone")], [frame(1).image, SourceError("gone")]])
async def test_a_lost_source_is_closed_and_its_error_is_told(steps: list[np.ndarray | Exception]) -> None:
    source = ScriptedSource(steps)
    reader = Reader(source, every_s=None, clock=float)
    with pytest.raises(SourceError, match="gone"):
        await reader.finished
    assert not source.is_open


async def test_a_bug_in_a_source_is_not_hidden() -> None:
    reader = Reader(ScriptedSource([ZeroDivisionError()]), every_s=None, clock=float)
    with pytest.raises(ZeroDivisionError):
        await reader.finished


async def test_stopping_closes_the_source_and_forgets_its_frames() -> None:
    source = ScriptedSource([frame(number).image for number in range(100)])
    reader = Reader(source, every_s=0.001, clock=float)
    reader.stop()
    await reader.finished
    assert not source.is_open
    assert reader.frames.take() is None
