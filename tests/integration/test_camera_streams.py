"""A camera on the network: its newest frame, its silence, and how fast it is let go."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.camera.captures import Stream
from services.camera.service import build
from services.camera.sources import SourceError
from services.contracts.messages import CameraState, Privacy
from services.runtime.settings import load
from services.vision.images import jpeg
from tests.camera_doubles import ScriptedDetector, only_camera, only_room, running

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n"


class NetworkCamera:
    """Sends motion JPEG to everyone, as many frames as it is told, and then nothing."""

    def __init__(self, frames: int, *, hang_up: bool = False) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._frames = frames
        self._hang_up = hang_up
        self._clients: list[socket.socket] = []
        self.url = f"http://user:secret@127.0.0.1:{self._listening.getsockname()[1]}/cam.mjpg"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def deserted(self) -> bool:
        """Whether the last client has closed its connection; waits a while for it."""
        client = self._clients[-1]
        client.settimeout(5)
        try:
            while client.recv(4096):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)
        for client in self._clients:
            client.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._clients.append(client)
            try:
                client.sendall(HEAD)
                for number in range(self._frames):
                    image = jpeg(np.full((120, 160, 3), 10 + number % 200, np.uint8))
                    head = b"--x\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(image)
                    client.sendall(head + image + b"\r\n")
                if self._hang_up:
                    client.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


@pytest.fixture
def silent() -> Iterator[NetworkCamera]:
    """A camera that sends some frames, keeps the connection, and says no more."""
    camera = NetworkCamera(40)
    yield camera
    camera.close()


@pytest.fixture
def leaving() -> Iterator[NetworkCamera]:
    """A camera that hangs up after some frames."""
    camera = NetworkCamera(40, hang_up=True)
    yield camera
    camera.close()


def frames_until_lost(stream: Stream) -> int:
    """Read until the stream is given up, and return how many frames came."""
    frames = 0
    with pytest.raises(SourceError, match="sends no more pictures") as caught:  # noqa: PT012 -- it reads until then
        for _ in range(1000):
            frames += stream.read() is not None
    assert "secret" not in str(caught.value)
    return frames


def test_old_frames_are_skipped_until_one_is_due(silent: NetworkCamera) -> None:
    now = iter(range(1000))
    stream = Stream(silent.url, 20.0, clock=lambda: float(next(now)) / 10)  # each look at the clock takes 0.1 s
    stream.open()
    frames = [frame for frame in (stream.read() for _ in range(3)) if frame is not None]
    stream.close()
    assert len(frames) == 1


@pytest.mark.parametrize("camera", ["silent", "leaving"])
def test_a_camera_that_stops_sending_is_lost(camera: str, request: pytest.FixtureRequest) -> None:
    stream = Stream(request.getfixturevalue(camera).url, None, clock=lambda: 0.0)
    stream.open()
    assert frames_until_lost(stream) >= 30
    stream.close()


def test_a_lost_camera_can_be_opened_again(leaving: NetworkCamera) -> None:
    stream = Stream(leaving.url, None, clock=lambda: 0.0)
    for _ in range(2):
        stream.open()
        assert frames_until_lost(stream) >= 30
        stream.close()


async def test_privacy_hangs_up_on_a_camera_even_while_it_is_silent(tmp_path: Path, silent: NetworkCamera) -> None:
    service = build(load(data=tmp_path, camera={"source": silent.url}), detector=ScriptedDetector)
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        assert only_camera(service).status.source.startswith("http://***@127.0.0.1")
        await only_room(service).turn(Privacy.ON)
        assert await asyncio.to_thread(lambda: silent.deserted)
