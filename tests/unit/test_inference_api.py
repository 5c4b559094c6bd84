import asyncio
import base64
import tempfile
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from services.contracts.channels import FACES as FACES_CHANNEL
from services.contracts.channels import MAX_FACES
from services.contracts.moods import EXPRESSIONS as LABELS
from services.inference.api import UPLOADS, PhotoBox, PhotoFace, _caption
from services.inference.breaker import FAILURES
from services.inference.photo import PART_PX, Photos, parts_of
from services.inference.predictor import PredictorAwayError
from services.inference.service import PHOTO_S
from services.runtime.http import make_app
from services.runtime.uploads import LARGE_BYTES
from services.vision.crops import cut, model_input
from services.vision.detectors import Detection, Haar
from services.vision.geometry import Box
from services.vision.images import PHOTO, Bgr, jpeg
from services.vision.opencv import cv2
from services.vision.views import View
from tests.camera_doubles import ScriptedDetector
from tests.hanging_up import hang_up
from tests.unit.inference_doubles import FACES, Running, frame, huge_png, running

PATH = "/api/expressions"


@asynccontextmanager
async def client(run: Running) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(run.service.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        yield http


def photo() -> bytes:
    """A picture with the synthetic person left of the middle."""
    sprite = cv2.imdecode(np.fromfile(FACES / "happy.png", np.uint8), cv2.IMREAD_GRAYSCALE)
    assert sprite is not None
    canvas = np.full((480, 640), int(np.median(sprite)), np.uint8)
    canvas[100:340, 60:300] = cv2.resize(sprite, (240, 240))
    return jpeg(cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR))


async def test_a_photo_gives_its_faces_with_every_labels_probability() -> None:
    async with running() as run, client(run) as http:
        response = await http.post(PATH, files={"photo": photo()})
    assert response.status_code == 200
    body = response.json()
    assert (body["width"], body["height"], body["model"]) == (640, 480, "expression 7")
    [face] = body["faces"]
    assert 60 < face["box"]["x"] + face["box"]["width"] / 2 < 300
    assert set(face["expressions"]) == set(LABELS)


async def test_a_photo_without_a_face_is_an_answer_too() -> None:
    async with running() as run, client(run) as http:
        response = await http.post(PATH, files={"photo": jpeg(np.zeros((100, 100, 3), np.uint8))})
    assert response.json() == {"width": 100, "height": 100, "faces": [], "left_out": 0, "model": ""}
    assert run.predictor.batches == []


def two_faces() -> list[Detection]:
    """The smaller one first, as no detector of ours has them."""
    return [Detection(Box(20, 0, 80, 104), (), 0.8), Detection(Box(300, 120, 200, 260), (), 0.9)]


async def test_several_faces_come_the_largest_first() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[:, 200:] = 255
    async with running(detector=lambda: ScriptedDetector(*two_faces())) as run, client(run) as http:
        faces = (await http.post(PATH, files={"photo": jpeg(picture)})).json()["faces"]
    assert [face["box"]["x"] for face in faces] == [300, 20]
    assert faces[0]["expressions"]["happy"] > 0.9 > faces[1]["expressions"]["happy"]


class Thorough:
    """Finds a small face in a reduced picture; in its parts a large one, and before it an eye of that."""

    name, smallest_px, clear_px = "thorough", 12, 24

    def __init__(self) -> None:
        self.views: list[View] = []

    def detect(self, frame: Bgr, view: View | None = None) -> list[Detection]:
        if view is None:
            return [Detection(Box(20, 20, 20, 26), (), 0.8)]
        self.views.append(view)
        return [Detection(Box(340, 180, 40, 52), (), 0.8), Detection(Box(300, 120, 200, 260), (), 0.9)]


async def test_a_photo_is_searched_part_by_part_and_each_face_of_it_is_one() -> None:
    detector = Thorough()
    async with running(detector=lambda: detector) as run, client(run) as http:
        faces = (await http.post(PATH, files={"photo": jpeg(np.zeros((480, 640, 3), np.uint8))})).json()["faces"]
    assert [face["box"]["x"] for face in faces] == [300, 20]
    assert detector.views == [View(0, 0, 640, 480, 1)]


@pytest.mark.parametrize("size", [(640, 480), (960, 961), (1600, 1200), (3199, 900), (30, 3000)])
def test_the_parts_of_a_photo_are_all_of_it_and_small(size: tuple[int, int]) -> None:
    seen = np.zeros(size[::-1], np.uint8)
    for view in parts_of(size):
        assert max(view.width, view.height) <= PART_PX * view.shrink
        assert min(view.left, view.top) >= 0
        assert view.left + view.width <= size[0]
        assert view.top + view.height <= size[1]
        seen[view.top : view.top + view.height, view.left : view.left + view.width] = 1
    assert seen.all()


async def test_the_photo_comes_back_with_its_faces_framed_where_it_is_asked_for() -> None:
    async with running(detector=lambda: ScriptedDetector(*two_faces())) as run, client(run) as http:
        black = jpeg(np.zeros((480, 640, 3), np.uint8))
        body = (await http.post(PATH, params={"picture": True}, files={"photo": black})).json()
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(body["picture"]), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (480, 640, 3)
    lit = picture.max(axis=2) > 128
    assert lit[250, 300]  # the left side of the first frame
    assert not lit[250, 400]  # the face itself stays as it is
    assert lit[10, 30:60].any()  # the caption of a face at the upper edge is inside the picture


@pytest.mark.parametrize(
    ("share", "caption"), [(0.8, "1 focused 80%"), (0.4, "1 neutral 60%"), (None, "1 neutral 100%")]
)
def test_a_caption_names_a_taught_mood_that_is_likelier_than_every_label(share: float | None, caption: str) -> None:
    box = PhotoBox(x=0, y=0, width=10, height=10)
    taught = None if share is None else {"focused": share}
    assert _caption(1, PhotoFace(box=box, detector_score=1, expressions={"neutral": 1.0}, taught=taught)) == caption


async def test_a_large_photo_comes_back_no_larger_than_a_screen() -> None:
    large = jpeg(np.zeros((3000, 4000, 3), np.uint8))
    async with running() as run, client(run) as http:
        body = (await http.post(PATH, params={"picture": True}, files={"photo": large})).json()
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(body["picture"]), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (960, 1280, 3)


async def test_a_large_photo_is_kept_in_memory_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spool: tempfile.SpooledTemporaryFile[bytes]) -> None:
        del spool
        raise AssertionError("a photo is written to the disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refuse)
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1600, 3), np.uint8)
    data = jpeg(noise, 95)
    assert len(data) > 1 << 20
    async with running() as run, client(run) as http:
        response = await http.post(PATH, files={"photo": data})
    assert (response.status_code, response.json()["width"]) == (200, 1600)


async def test_no_more_photos_are_read_than_there_are_places() -> None:
    reading, most, go_on = 0, 0, asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        if reading == UPLOADS:
            for _ in range(100):  # every other one gets its turns to begin too, if it may
                await asyncio.sleep(0)
            go_on.set()
        await go_on.wait()
        yield form
        reading -= 1

    async with running() as run, client(run) as http:
        request = http.build_request("POST", PATH, files={"photo": jpeg(np.zeros((100, 100, 3), np.uint8))})
        form, kind = request.read(), request.headers["content-type"]
        headers = {"content-type": kind, "content-length": str(len(form))}
        posts = [http.post(PATH, content=body(), headers=headers) for _ in range(3 * UPLOADS)]
        assert {response.status_code for response in await asyncio.gather(*posts)} == {200}
    assert most == UPLOADS


async def test_a_photo_keeps_its_place_until_it_is_answered() -> None:
    begun = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal begun
        begun += 1
        yield form

    async with running(detector=lambda: ScriptedDetector(*two_faces())) as run, client(run) as http:
        run.predictor.open.clear()
        request = http.build_request("POST", PATH, files={"photo": jpeg(np.zeros((480, 640, 3), np.uint8))})
        form, kind = request.read(), request.headers["content-type"]
        headers = {"content-type": kind, "content-length": str(len(form))}
        posts = [asyncio.create_task(http.post(PATH, content=body(), headers=headers)) for _ in range(UPLOADS + 1)]
        async with asyncio.timeout(10):
            for _ in range(UPLOADS):
                await run.predictor.asked.acquire()
        for _ in range(100):  # the last one gets its turns to begin too, if it may
            await asyncio.sleep(0)
        assert begun == UPLOADS
        run.predictor.open.set()
        assert {response.status_code for response in await asyncio.gather(*posts)} == {200}


async def test_of_large_photos_one_at_a_time_is_read_and_holds_up_no_small_one() -> None:
    begun, go_on = 0, asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        nonlocal begun
        begun += 1
        yield form[:-1]
        await go_on.wait()
        yield form[-1:]

    async with running() as run, client(run) as http:
        small = jpeg(np.zeros((100, 100, 3), np.uint8))
        request = http.build_request("POST", PATH, files={"photo": small + bytes(LARGE_BYTES)})
        form, kind = request.read(), request.headers["content-type"]
        headers = {"content-type": kind, "content-length": str(len(form))}
        large = [asyncio.create_task(http.post(PATH, content=body(), headers=headers)) for _ in range(UPLOADS + 1)]
        async with asyncio.timeout(10):
            assert (await http.post(PATH, files={"photo": small})).status_code == 200
            assert begun == 1
            go_on.set()
            assert {response.status_code for response in await asyncio.gather(*large)} == {200}


async def test_a_phone_that_hangs_up_gives_its_place_up_without_an_error() -> None:
    async with running() as run, client(run) as http:
        request = http.build_request("POST", PATH, files={"photo": jpeg(np.zeros((100, 100, 3), np.uint8))})
        form = request.read()
        for _ in range(UPLOADS + 1):
            assert await hang_up(make_app([run.service]), PATH, form[:200], request.headers) == [400]
        assert (await http.post(PATH, content=form, headers=request.headers)).status_code == 200


async def test_a_form_that_is_damaged_is_refused() -> None:
    async with running() as run, client(run) as http:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        response = await http.post(PATH, content=b"no boundary", headers=headers)
    assert response.status_code == 400


async def test_a_photo_far_larger_than_needed_gives_its_own_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    detect = Haar.detect

    def look(haar: Haar, image: Bgr, view: View | None = None) -> list[Detection]:
        seen.append(image.shape)
        return detect(haar, image, view)

    monkeypatch.setattr(Haar, "detect", look)
    large = cv2.resize(cv2.imdecode(np.frombuffer(photo(), np.uint8), cv2.IMREAD_COLOR), None, fx=6, fy=6)
    async with running() as run, client(run) as http:
        small = (await http.post(PATH, files={"photo": photo()})).json()
        body = (await http.post(PATH, files={"photo": jpeg(large)})).json()
    assert seen[:2] == [(480, 640, 3)] * 2
    assert set(seen[2:]) == {(1440, 1920, 3)}
    assert len(seen[2:]) == 1 + len(parts_of((1920, 1440)))
    assert (body["width"], body["height"]) == (3840, 2880)
    assert [value / 6 for value in body["faces"][0]["box"].values()] == pytest.approx(
        list(small["faces"][0]["box"].values()), abs=10
    )


async def test_a_face_in_a_photo_is_cut_as_the_camera_cuts_it() -> None:
    rows, columns = np.arange(480)[:, None] // 2, np.arange(640)[None] // 3
    picture = np.dstack([rows + 0 * columns, columns + 0 * rows, 255 - rows - columns // 16]).astype(np.uint8)
    box = Box(280, 180, 64, 84)
    photos = Photos(lambda: ScriptedDetector(Detection(box, (), 0.9)))
    looked = await photos.look(bytes(cv2.imencode(".png", picture)[1]))
    cropped = cut(picture, box)
    assert cropped is not None
    assert np.ptp(looked.inputs) > 20
    assert (looked.inputs == [model_input(*cropped, box)]).all()


async def test_one_detector_is_there_at_a_time_and_none_while_a_photo_is_decoded() -> None:
    made: list[weakref.ref[ScriptedDetector]] = []

    def make() -> ScriptedDetector:
        assert [each() for each in made] == [None] * len(made)
        detector = ScriptedDetector()
        made.append(weakref.ref(detector))
        return detector

    photos = Photos(make)
    for _ in range(2):
        await photos.look(photo())
        assert made.pop()() is None


async def test_of_a_crowd_the_largest_faces_are_read_and_how_many_are_left_out_is_said() -> None:
    crowd = [Detection(Box(8 * at, 20, 60 - at, 70 - at), (), 0.9) for at in reversed(range(MAX_FACES + 3))]
    found = list(crowd)
    async with running(detector=lambda: ScriptedDetector(*found)) as run, client(run) as http:
        body = (await http.post(PATH, files={"photo": photo()})).json()
        del found[:3]
        all_read = (await http.post(PATH, files={"photo": photo()})).json()
    assert (len(body["faces"]), body["left_out"]) == (MAX_FACES, 3)
    assert body["faces"][-1]["box"]["width"] == 60 - MAX_FACES + 1
    assert (len(all_read["faces"]), all_read["left_out"]) == (MAX_FACES, 0)


async def test_what_is_no_picture_is_refused_in_a_sentence() -> None:
    async with running() as run, client(run) as http:
        for data, text in ((b"GIF89a", "neither a JPEG nor a PNG"), (huge_png(), "60000x60000 pixels")):
            response = await http.post(PATH, files={"photo": data})
            assert response.status_code == 422
            assert text in response.json()["detail"]


async def test_a_form_without_a_photo_is_refused() -> None:
    async with running() as run, client(run) as http:
        requests: list[dict[str, Any]] = [{"data": {"photo": "text"}}, {"files": {"picture": b"x"}}, {"json": {}}]
        for request in requests:
            response = await http.post(PATH, **request)
            assert response.status_code == 422
            assert "file field `photo`" in response.json()["detail"]


async def test_too_large_a_body_is_refused_unread() -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    async with running() as run, client(run) as http:
        headers = {"content-length": str(PHOTO.max_bytes + 20_000), "content-type": "multipart/form-data; boundary=x"}
        response = await http.post(PATH, content=body(), headers=headers)
        assert response.status_code == 413
        response = await http.post(PATH, content=body(), headers={"content-type": "multipart/form-data; boundary=x"})
        assert response.status_code == 411


async def test_a_photo_that_only_its_form_leaves_room_for_is_too_large() -> None:
    async with running() as run, client(run) as http:
        response = await http.post(PATH, files={"photo": bytes(PHOTO.max_bytes + 1)})
    assert (response.status_code, response.json()["detail"]) == (
        413,
        "The picture is too large; at most 30 MB are read.",
    )


async def test_a_model_server_that_is_away_is_said() -> None:
    async with running() as run, client(run) as http:
        run.predictor.error = PredictorAwayError("the model server at x is away")
        response = await http.post(PATH, files={"photo": photo()})
    assert response.status_code == 503
    said = "The photo cannot be classified: the model server at x is away; send it again in a moment."
    assert response.json()["detail"] == said


async def test_a_photo_has_more_time_than_a_frame_and_is_tried_where_frames_are_given_up() -> None:
    async with running() as run, client(run) as http:
        run.predictor.error = PredictorAwayError("the model server at x has not answered within 1 s")
        for number in range(FAILURES):
            run.bus.publish(FACES_CHANNEL, frame(number), room="study", camera="camera")
            await run.bus.settle()
        run.predictor.error = None
        run.bus.publish(FACES_CHANNEL, frame(FAILURES), room="study", camera="camera")
        await run.bus.settle()
        response = await http.post(PATH, files={"photo": photo()})
    assert (response.status_code, run.predictor.deadlines) == (200, [*FAILURES * [None], PHOTO_S])


async def test_a_service_that_does_not_run_says_so() -> None:
    async with running() as run:
        pass
    async with client(run) as http:
        response = await http.post(PATH, files={"photo": photo()})
    assert response.status_code == 503
