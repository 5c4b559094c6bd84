"""A real RTSP camera: watched, cut off and brought back, hung, and let go for privacy; its password stays ours."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from services.camera.patience import Patience
from services.camera.service import CameraService, build
from services.contracts.messages import CameraState, Privacy
from services.runtime.settings import load
from tests.camera_doubles import ScriptedDetector, Timer, only_room, running
from tests.servers import Rtsp, free_port

RETRY = Patience(retry_s=(0.1, 0.5))


@pytest.fixture
def camera() -> Iterator[Rtsp]:
    with Rtsp() as server:
        yield server


@pytest.fixture
def service(tmp_path: Path, camera: Rtsp) -> CameraService:
    settings = load(data=tmp_path, camera={"source": camera.url, "fps": 15, "idle_fps": 15})
    return build(settings, detector=ScriptedDetector, patience=RETRY)


def connections(camera: Rtsp) -> list[object]:
    found = psutil.Process().net_connections()
    return [each for each in found if each.raddr and each.raddr.port == camera.port and each.status == "ESTABLISHED"]


async def test_it_is_watched_cut_off_and_comes_back(service: CameraService, camera: Rtsp) -> None:
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        await asyncio.to_thread(camera.stop)
        await heard.state(CameraState.OFFLINE)
        await heard.until(lambda: len(heard.all("events")) == 1)
        await asyncio.to_thread(camera.start)
        await heard.state(CameraState.OK)
    assert len(heard.all("events")) == 1


@pytest.mark.parametrize("steady_s", [0.0, 1000.0], ids=["steady", "new"])
async def test_one_that_hangs_is_noticed_within_five_seconds_and_comes_back(
    tmp_path: Path, camera: Rtsp, steady_s: float
) -> None:
    settings = load(data=tmp_path, camera={"source": camera.url, "fps": 15, "idle_fps": 15})
    service = build(settings, detector=ScriptedDetector, patience=replace(RETRY, steady_s=steady_s))
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        timer = Timer()
        with camera.frozen():
            timer.wind()
            await heard.state(CameraState.OFFLINE)
            assert heard.all("events")[0].at.timestamp() <= await timer.rang
        await heard.state(CameraState.OK)


@pytest.mark.parametrize("hangs", [False, True])
async def test_privacy_hangs_up_on_it(service: CameraService, camera: Rtsp, hangs: bool) -> None:
    async with running(service) as (_, heard):
        await heard.state(CameraState.OK)
        assert connections(camera)
        await _private(service, camera, hangs=hangs)
        assert connections(camera) == []
        assert not heard.all("status")[-1].watching
        await only_room(service).turn(Privacy.OFF)
        await heard.state(CameraState.OK)


async def _private(service: CameraService, camera: Rtsp, *, hangs: bool) -> None:
    async with asyncio.timeout(2 if hangs else 1):  # one that hangs is in the middle of a read of a second
        if not hangs:
            await only_room(service).turn(Privacy.ON)
            return
        with camera.frozen():
            await only_room(service).turn(Privacy.ON)


async def test_its_password_is_in_no_log_status_event_or_problem(
    tmp_path: Path, camera: Rtsp, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for url in (camera.url, camera.url.replace("/test", "/nothing"), camera.url.replace("s3cret", "s3cret-wr0ng")):
        service = build(load(data=tmp_path, camera={"source": url}), detector=ScriptedDetector, patience=RETRY)
        async with running(service) as (_, heard):
            await heard.until(_settled(service, heard.all))
        said = [*heard.all("status"), *heard.all("events"), service.health.problems, caplog.text, capfd.readouterr()]
        assert "s3cret" not in str(said)
        assert "rtsp://***@127.0.0.1" in str(said)


def _settled(service: CameraService, said: Callable[[str], list[object]]) -> Callable[[], bool]:
    return lambda: bool(service.health.problems) or "state=<CameraState.OK" in str(said("status"))


async def test_a_wrong_password_is_told_from_a_wrong_address(tmp_path: Path, camera: Rtsp) -> None:
    told = {}
    for url in (camera.url.replace("s3cret", "wrong"), camera.url.replace(str(camera.port), str(free_port()))):
        service = build(load(data=tmp_path, camera={"source": url}), detector=ScriptedDetector, patience=RETRY)
        async with running(service) as (_, heard):
            await heard.until(lambda heard=heard: bool(heard.all("events")))  # type: ignore[misc]
            told[url] = heard.all("events")[0].after["text"]
    refused, absent = told.values()
    assert "user and password" in refused
    assert "does not answer" in absent
