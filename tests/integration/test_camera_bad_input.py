"""Films, streams and folders that are broken, huge, odd, silent or changing: each is refused or seen, never fatal."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from services.camera.captures import Webcam
from services.camera.openings import Openings
from services.camera.pictures import Photos
from services.camera.sources import SourceError, open_source
from services.runtime.settings import Camera
from services.vision.images import Bgr, jpeg
from services.vision.opencv import cv2
from tests.camera_doubles import picture
from tests.integration.test_camera_frames import png


def film(file: Path, *arguments: str) -> Path:
    """Make a film with Debian's ffmpeg."""
    program = shutil.which("ffmpeg", path="/usr/bin:/usr/local/bin")
    assert program, "ffmpeg is not installed: run `make test-packages`"
    subprocess.run([program, "-v", "error", "-y", *arguments, str(file)], check=True, timeout=60)
    return file


def frames_of(source: str | Path, count: int = 40) -> list[Bgr]:
    opened = open_source(Camera(source=str(source), as_fast_as_possible=True))
    opened.open()
    found = [frame for frame in (opened.read() for _ in range(count)) if frame is not None]
    opened.close()
    return found


@pytest.mark.parametrize(
    ("pixels", "codec", "suffix"),
    [
        ("gray", "ffv1", "mkv"), ("gray16le", "ffv1", "mkv"), ("rgba", "png", "mov"), ("yuv444p", "libx264", "mp4"),
        ("yuv420p10le", "libx264", "mkv"), ("yuvj422p", "mjpeg", "avi"), ("rgb24", "rawvideo", "avi"),
        ("yuyv422", "rawvideo", "avi"), ("rgb8", "gif", "gif"), ("monow", "rawvideo", "nut"),
    ],
)  # fmt: skip
def test_odd_pixel_formats_become_colour_pictures(tmp_path: Path, pixels: str, codec: str, suffix: str) -> None:
    pattern = ("-f", "lavfi", "-i", "testsrc=size=162x122:rate=5:duration=2", "-pix_fmt", pixels, "-c:v", codec)
    frames = frames_of(film(tmp_path / f"odd.{suffix}", *pattern), 10)
    assert len(frames) == 10
    assert {(frame.shape, frame.dtype.name) for frame in frames} == {((122, 162, 3), "uint8")}
    assert frames[0].std() > 20


def test_a_film_of_huge_pictures_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(png(16_000, 16_000))
    file = film(tmp_path / "huge.mkv", "-i", str(tmp_path / "huge.png"), "-c", "copy")
    with pytest.raises(SourceError, match=r"huge.mkv .*16000x16000 pixels"):
        frames_of(file, 1)


def test_a_film_that_is_refused_is_not_decoded_at_every_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = film(tmp_path / "large.mkv", "-f", "lavfi", "-i", "color=size=8000x6400", "-frames:v", "1", "-c:v", "png")
    with pytest.raises(SourceError, match="8000x6400 pixels"):
        frames_of(file, 1)
    tries = []
    monkeypatch.setattr(cv2, "VideoCapture", lambda *each: tries.append(each))
    with pytest.raises(SourceError, match="8000x6400 pixels"):
        frames_of(file, 1)
    assert tries == []


def test_a_camera_that_is_too_large_is_not_decoded_at_every_try(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    opened: Any = cv2.VideoCapture

    def opening(where: str, *how: object) -> object:
        decoded.append(where)
        return opened(where, *how)

    monkeypatch.setattr(cv2, "VideoCapture", opening)
    openings = Openings()
    with MotionJpeg([jpeg(np.zeros((6400, 8000, 3), np.uint8))]) as camera:
        for _ in range(2):
            with pytest.raises(SourceError, match="8000x6400 pixels"):
                open_source(Camera(source=camera.url), openings=openings).open()
    assert decoded == [camera.url]


def test_a_camera_that_changes_its_resolution_is_seen_all_along() -> None:
    sizes = [(640, 480), (320, 240), (1280, 960), (640, 360)]
    shown = [picture(number) for number in range(len(sizes))]
    with MotionJpeg([jpeg(cv2.resize(one, size)) for one, size in zip(shown, sizes, strict=True)]) as camera:
        frames = frames_of(camera.url, 3 * len(sizes))
    assert {frame.shape for frame in frames} == {(480, 640, 3)}, "the size that it began with"
    nearest = [int(np.argmin([np.abs(frame.astype(int) - one).mean() for one in shown])) for frame in frames]
    assert set(nearest) == set(range(len(sizes))), "each whole, and in its place"


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_an_address_that_never_answers_is_given_up(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{scheme}://viewer:s3cret@127.0.0.1:{silent.getsockname()[1]}/live"
        with pytest.raises(SourceError, match="does not answer") as caught:
            open_source(Camera(source=address)).open()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [png(16_000, 16_000), png(30_001, 4), b"\x89PNG\r\n\x1a\n" + bytes(50), jpeg(picture(1))[:5000]],
    ids=["16k by 16k", "too wide", "no header", "cut off"],
)
def test_a_bomb_in_a_folder_is_passed_over(tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "1.png").write_bytes(data)
    (tmp_path / "2.jpg").write_bytes(jpeg(picture(2)))
    photos = Photos(tmp_path, None, loop=False)
    photos.open()
    frame = photos.read()
    assert frame is not None
    assert frame.shape == (480, 640, 3)
    assert "1.png is skipped: the" in caplog.text


def test_a_webcam_that_another_program_has_is_said(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()  # it is there, and does not open
    with pytest.raises(SourceError, match="does no other program use it"):
        Webcam(str(tmp_path / "video0"), None, clock=float).open()


class MotionJpeg:
    """Sends pictures over HTTP, again and again, as a network camera does."""

    def __init__(self, pictures: Sequence[bytes]) -> None:
        self._pictures = pictures
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/live.mjpg"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listening.accept()
                with client:
                    client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n")
                    for each in self._endless():
                        head = b"--x\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(each)
                        client.sendall(head + each + b"\r\n")
            except OSError:
                continue

    def _endless(self) -> Iterator[bytes]:
        while not self._over.wait(0.01):
            yield from self._pictures
