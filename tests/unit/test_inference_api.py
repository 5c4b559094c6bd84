from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI

from services.contracts.moods import EXPRESSIONS as LABELS
from services.inference.predictor import PredictorAwayError
from services.vision.images import PHOTO, jpeg
from services.vision.opencv import cv2
from tests.unit.inference_doubles import FACES, Running, huge_png, running

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
    assert response.json() == {"width": 100, "height": 100, "faces": [], "model": ""}
    assert run.predictor.batches == []


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


async def test_a_model_server_that_is_away_is_said() -> None:
    async with running() as run, client(run) as http:
        run.predictor.error = PredictorAwayError("the model server at x is away")
        response = await http.post(PATH, files={"photo": photo()})
    assert response.status_code == 503
    assert response.json()["detail"] == "The photo cannot be classified: the model server at x is away."


async def test_a_service_that_does_not_run_says_so() -> None:
    async with running() as run:
        pass
    async with client(run) as http:
        response = await http.post(PATH, files={"photo": photo()})
    assert response.status_code == 503
