"""Every source keeps the promises of the port; real clips, photos, and what is neither."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.camera.analysis import Analyst
from services.camera.captures import Stream, VideoFile, Webcam
from services.camera.pictures import DemoSource, Photos
from services.camera.sources import Frame, ScriptedSource, Source, SourceEnded, SourceError, open_source
from services.camera.still import LONGEST_SIDE_PX
from services.runtime.service import SetupError
from services.runtime.settings import Camera
from services.vision.images import jpeg
from tests.camera_doubles import ScriptedDetector, face, picture

Shared = Callable[[str], Path]
CLIPS = ("again.mkv", "head-pose-face-detection-female.gif")


def camera(source: str | Path, **settings: object) -> Camera:
    return Camera.model_validate({"source": str(source), **settings})


def photos(folder: Path, count: int = 3) -> Path:
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(jpeg(np.full((60, 80, 3), 40 * number, np.uint8)))
    return folder


def count(source: Source) -> int:
    """Return how many frames a source has that ends."""
    source.open()
    frames = 0
    try:
        while True:
            frames += source.read() is not None
    except SourceEnded:
        source.close()
    return frames


def open_files() -> set[str]:
    return {str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}


@pytest.fixture(params=["demo", "scripted", "photos", *CLIPS])
def source(request: pytest.FixtureRequest, tmp_path: Path, shared_data: Shared) -> Source:
    if request.param == "scripted":
        return ScriptedSource([np.full((48, 64, 3), number, np.uint8) for number in range(9)])
    if request.param == "demo":
        return open_source(camera("demo"))
    where = photos(tmp_path) if request.param == "photos" else shared_data(f"video/{request.param}")
    return open_source(camera(where, fps=12))


def test_frames_are_colour_pictures_of_ones_own(source: Source) -> None:
    source.open()
    frames = [frame for frame in (source.read() for _ in range(8)) if frame is not None]
    source.close()
    assert len(frames) >= 4
    assert all(frame.ndim == 3 and frame.shape[2] == 3 and frame.dtype == np.uint8 for frame in frames)
    assert not any(np.shares_memory(frames[0], later) for later in frames[1:])


def test_a_source_can_be_closed_twice_and_opened_again(source: Source) -> None:
    source.open()
    source.close()
    source.close()
    source.open()
    assert source.read() is not None
    source.close()


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("demo", DemoSource), ("0", Webcam), ("/dev/video2", Webcam), ("rtsp://user:secret@host/1", Stream),
        ("HTTP://host/x.mjpg", Stream), ("clip.mkv", VideoFile), ("photo.JPG", Photos), (".", Photos),
    ],
)  # fmt: skip
def test_the_address_picks_the_adapter(where: str, kind: type) -> None:
    assert isinstance(open_source(camera(where)), kind)


def test_an_address_that_nothing_takes_is_one_clear_line_without_its_password() -> None:
    with pytest.raises(SetupError, match="not supported; use demo") as caught:
        open_source(camera("ftp://user:secret@host/clip.mkv"))
    assert "secret" not in str(caught.value)


def test_as_fast_as_possible_gives_every_frame_once(shared_data: Shared) -> None:
    clip = camera(shared_data("video/again.mkv"), as_fast_as_possible=True, loop=False)
    assert count(open_source(clip)) == 77


def test_a_clip_in_its_own_time_gives_as_many_frames_as_fit(shared_data: Shared) -> None:
    clip = camera(shared_data("video/again.mkv"), fps=5, loop=False)
    assert count(open_source(clip)) == 13  # 77 frames at 30 a second


def test_a_clip_slower_than_asked_for_does_not_run_faster(shared_data: Shared) -> None:
    gif = camera(shared_data("video/head-pose-face-detection-female.gif"), fps=25, loop=False)
    source = open_source(gif)  # 12.5 frames a second
    source.open()
    shown = [source.read() is not None for _ in range(20)]
    source.close()
    assert shown == [True, False] * 10


def test_a_clip_starts_again_at_its_end(shared_data: Shared) -> None:
    source = open_source(camera(shared_data("video/again.mkv"), as_fast_as_possible=True))
    source.open()
    frames = [source.read() for _ in range(77 + 3)]
    source.close()
    assert all(one is not None and (one == other).all() for one, other in zip(frames[:3], frames[77:], strict=True))


def test_a_closed_clip_is_closed(shared_data: Shared) -> None:
    path = shared_data("video/again.mkv")
    source = open_source(camera(path))
    source.open()
    assert str(path.resolve()) in open_files()
    source.close()
    assert str(path.resolve()) not in open_files()


def test_a_photo_is_shown_for_two_seconds(tmp_path: Path) -> None:
    source = open_source(camera(photos(tmp_path, 2), fps=5, loop=False))
    source.open()
    shown = [int(frame.mean()) // 40 for frame in (source.read() for _ in range(20)) if frame is not None]
    assert shown == [0] * 10 + [1] * 10
    with pytest.raises(SourceEnded):
        source.read()


def test_a_folder_starts_again_with_what_is_in_it_by_then(tmp_path: Path) -> None:
    source = open_source(camera(photos(tmp_path, 1), as_fast_as_possible=True))
    source.open()
    source.read()
    photos(tmp_path, 3)
    assert [int(frame.mean()) // 40 for frame in (source.read() for _ in range(3)) if frame is not None] == [0, 1, 2]


def test_a_bad_photo_is_skipped_with_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photos(tmp_path, 2)
    (tmp_path / "0.jpg").write_bytes((tmp_path / "1.jpg").read_bytes()[:-20])
    source = open_source(camera(tmp_path, as_fast_as_possible=True))
    source.open()
    frames = [source.read() for _ in range(5)]
    assert all(frame is not None for frame in frames)
    said = f"{tmp_path / '0.jpg'} is skipped: the image is cut off or damaged"
    assert [record.message for record in caplog.records] == [said]


def test_a_large_photo_is_reduced(tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(jpeg(np.zeros((3000, 4000, 3), np.uint8)))
    source = open_source(camera(tmp_path))
    source.open()
    frame = source.read()
    assert frame is not None
    assert frame.shape == (960, LONGEST_SIDE_PX, 3)


def unreadable(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"no photo")
    (tmp_path / "garbage.mkv").write_bytes(os.urandom(4000))
    (tmp_path / "nothing.mp4").touch()
    (tmp_path / "text.txt").write_text("hello")
    return {each.name: each for each in tmp_path.iterdir()}


@pytest.mark.parametrize("name", ["missing.mkv", "empty", "bad", "garbage.mkv", "nothing.mp4", "text.txt", "no.jpg"])
def test_what_cannot_be_read_is_a_clear_error_and_stays_closed(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    unreadable(tmp_path)
    source = open_source(camera(tmp_path / name, as_fast_as_possible=True))
    with pytest.raises(SourceError) as caught:
        count(source)
    source.close()
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any(str(tmp_path) in each for each in open_files())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("length", [500, 60_000])
def test_a_clip_that_is_cut_off_ends_or_is_refused(tmp_path: Path, shared_data: Shared, length: int) -> None:
    clip = tmp_path / "cut.mkv"
    clip.write_bytes(shared_data("video/again.mkv").read_bytes()[:length])
    source = open_source(camera(clip, as_fast_as_possible=True, loop=False))
    try:
        frames = count(source)
    except SourceError:
        frames = 0
    assert frames < 77


def test_a_clip_that_vanishes_is_lost_at_its_end(tmp_path: Path, shared_data: Shared) -> None:
    clip = Path(shutil.copy(shared_data("video/again.mkv"), tmp_path))
    source = open_source(camera(clip, as_fast_as_possible=True))
    source.open()
    clip.unlink()
    for _ in range(77):
        source.read()
    with pytest.raises(SourceError, match="There is no file"):
        source.read()


@pytest.mark.parametrize("where", ["97", "/dev/video97"])
def test_a_missing_webcam_is_a_clear_error(where: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=rf"The webcam {where} cannot be opened; is it plugged in"):
        open_source(camera(where)).open()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_network_camera_that_is_away_is_a_clear_error_without_its_password(
    scheme: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SourceError, match="does not answer") as caught:
        open_source(camera(f"{scheme}://user:secret@127.0.0.1:9/stream")).open()
    assert "secret" not in str(caught.value) + capfd.readouterr().err


@pytest.mark.parametrize("kind", ["clip", "photos"])
def test_a_film_that_begins_again_and_another_photo_are_another_scene(
    tmp_path: Path, shared_data: Shared, kind: str
) -> None:
    where = photos(tmp_path) if kind == "photos" else shared_data("video/head-pose-face-detection-female.gif")
    frames = count(open_source(camera(where, as_fast_as_possible=True, loop=False)))
    source = open_source(camera(where, as_fast_as_possible=True))
    source.open()
    scenes: list[int] = []
    while len(scenes) < 2 * frames:
        if source.read() is not None:
            scenes.append(source.scene)
    source.close()
    first, *_ = scenes
    of_one = 1 if kind == "photos" else frames
    assert scenes == [first + number // of_one for number in range(2 * frames)]


def test_nobody_is_missed_after_the_seam_of_a_film() -> None:
    detector = ScriptedDetector(face())
    analyst = Analyst(detector, Camera(), run="test")
    for number in range(4):
        assert analyst.analyse(Frame(picture(number), number / 5, scene=0)).hidden == 0
    detector.found = ()
    assert analyst.analyse(Frame(picture(4), 0.8, scene=0)).hidden == 1
    assert analyst.analyse(Frame(picture(5), 1.0, scene=1)).hidden == 0
