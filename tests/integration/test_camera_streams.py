"""A camera on the network: its newest frame, its silence, and how fast it is let go."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from services.camera.captures import Stream
from services.camera.patience import Patience
from services.camera.service import build
from services.camera.sources import SourceError
from services.camera.status import STARTING
from services.contracts.messages import CameraState, Privacy
from services.runtime.settings import load
from services.vision.images import Bgr, jpeg
from tests.camera_doubles import ScriptedDetector, Timer, only_camera, only_room, picture, running

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


BROKEN = b"\xff\xd8\xff" + bytes(3000)


class Live:
    """Sends motion JPEG to everyone for as long as it has something to send; who comes then hears nothing at all."""

    def __init__(self) -> None:
        self._shown: bytes | None = jpeg(picture())
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/live.mjpg"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def send(self, shown: bytes | Bgr | None) -> None:
        """Send that from now on: a picture, bytes that pass for one, or nothing."""
        self._shown = jpeg(shown) if isinstance(shown, np.ndarray) else shown

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=[client], daemon=True))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        head = HEAD
        with client, contextlib.suppress(OSError):
            while not self._over.wait(0.05):
                if (shown := self._shown) is not None:
                    client.sendall(head + b"--x\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(shown))
                    client.sendall(shown + b"\r\n")
                    head = b""


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


@pytest.mark.parametrize("garbage", [False, True])
async def test_a_steady_camera_that_stalls_is_told_within_five_seconds_and_comes_back(
    tmp_path: Path, garbage: bool
) -> None:
    with Live() as camera:
        service = build(
            load(data=tmp_path, camera={"source": camera.url}), detector=ScriptedDetector,
            patience=Patience(retry_s=(0.1, 0.5), steady_s=0),
        )  # fmt: skip
        async with running(service) as (_, heard):
            await heard.state(CameraState.OK)
            camera.send(BROKEN if garbage else None)
            timer = Timer()
            timer.wind()
            await heard.state(CameraState.OFFLINE)
            assert heard.all("events")[0].at.timestamp() <= await timer.rang
            camera.send(picture())
            await heard.state(CameraState.OK)


async def test_cameras_that_never_answer_hold_up_no_other(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent, Live() as camera:
        nothing = f"127.0.0.1:{silent.getsockname()[1]}/live"
        cameras = {f"dead{n}": {"source": f"{('rtsp', 'http')[n % 2]}://{nothing}"} for n in range(6)}
        cameras["well"] = {"source": camera.url}
        service = build(load(data=tmp_path, cameras=cameras), detector=ScriptedDetector)
        async with running(service) as (_, heard):
            well = service.cameras["well"]
            await heard.until(lambda: well.status.state is CameraState.OK)
            assert {one.status.detail for one in service.cameras.values()} == {"", STARTING}, "none has given up yet"
