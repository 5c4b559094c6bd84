"""Faces are kept as files only where somebody asked for it, and only for their hours."""

import os
import time
from pathlib import Path

import pytest

from services.camera.debug_crops import DebugCrops
from services.camera.service import build
from services.camera.sources import ScriptedSource
from services.contracts.messages import CameraState
from services.runtime.settings import load
from services.vision.images import decode_photo
from tests.camera_doubles import ScriptedDetector, face, only_camera, picture, running


async def seen(tmp_path: Path, hours: float) -> list[Path]:
    """Let a camera see a face, and return the files that are kept of it."""
    source = ScriptedSource([picture(number) for number in range(5)])
    settings = load(data=tmp_path, camera={"as_fast_as_possible": True}, privacy={"debug_crops_hours": hours})
    service = build(settings, source=lambda: source, detector=lambda: ScriptedDetector(face()))
    folder = tmp_path / "debug-crops"
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        assert only_camera(service).status.kept_hours == hours
        await heard.until(lambda: len(heard.all("faces")) == 5)
        await heard.until(lambda: not hours or any(folder.glob("*.jpg")))
    return sorted(folder.glob("*"))


async def test_no_face_is_kept_unless_somebody_asked(tmp_path: Path) -> None:
    assert await seen(tmp_path, 0) == []
    assert not (tmp_path / "debug-crops").exists()


async def test_faces_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    files = await seen(tmp_path, 2)
    assert files
    assert decode_photo(files[0].read_bytes()).shape[0] > 48
    assert files[0].stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "debug-crops").stat().st_mode & 0o777 == 0o700


async def test_faces_are_deleted_after_their_hours_and_when_the_setting_is_taken_back(tmp_path: Path) -> None:
    (old, *_) = await seen(tmp_path, 2)
    new = old.with_name("new.jpg")
    new.write_bytes(old.read_bytes())
    os.utime(old, (time.time() - 7201,) * 2)
    DebugCrops(old.parent, 2, time.time).purge()
    assert (old.exists(), new.exists()) == (False, True)
    DebugCrops(old.parent, 0, time.time).purge()
    assert not old.parent.exists()


def test_the_oldest_go_where_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.camera.debug_crops.MAX_FILES", 3)
    for number in range(5):
        file = tmp_path / f"{number}.jpg"
        file.touch()
        os.utime(file, (1000 + number,) * 2)
    DebugCrops(tmp_path, 2, lambda: 1010.0).purge()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["2.jpg", "3.jpg", "4.jpg"]
