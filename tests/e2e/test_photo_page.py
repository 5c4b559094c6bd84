"""The photo page in a real browser, on the product as `make run` starts it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.vision.opencv import cv2
from tests.browser import Browser
from tests.product import Product

FACES = Path(__file__).parents[2] / "services/demo/assets/faces"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def page(product: Product) -> Iterator[Browser]:
    with Browser() as browser:
        browser.open(product.url)
        browser.until(lambda: browser.all("from-photo"), "the way to the photo page")
        browser.click("from-photo")
        browser.until(lambda: browser.all("photo-file"), "a place for a picture")
        yield browser


def picture(folder: Path, *moods: str) -> Path:
    """Write a picture with the synthetic person, once for each mood, side by side."""
    canvas = np.full((480, 320 * max(1, len(moods)), 3), 120, np.uint8)
    for at, mood in enumerate(moods):
        sprite = cv2.imread(str(FACES / f"{mood}.png"))
        assert sprite is not None
        canvas[100:340, 320 * at + 40 : 320 * at + 280] = cv2.resize(sprite, (240, 240))
    file = folder / "picture.jpg"
    assert cv2.imwrite(str(file), canvas)
    return file


def choose(page: Browser, file: Path) -> None:
    page.find("photo-file").send_keys(str(file))
    page.until(lambda: page.find("photo-file").is_enabled(), "the answer")


def test_a_picture_gives_its_faces_a_mood_and_songs(page: Browser, tmp_path: Path) -> None:
    choose(page, picture(tmp_path, "happy", "happy"))
    page.until(lambda: page.text("photo-mood") == "Happy", "the mood")
    assert page.text("photo-line").startswith("2 faces")
    assert len(page.all("face")) == 2
    page.until(
        lambda: page.run("return document.querySelector('[data-testid=photo-picture]').naturalWidth"), "it framed"
    )
    page.until(lambda: len(page.all("photo-song")) == 5, "songs")
    assert "happy" in page.attribute("plane", "aria-label")
    assert page.errors() == []


def test_the_room_can_feel_as_the_picture(product: Product, page: Browser, tmp_path: Path) -> None:
    choose(page, picture(tmp_path, "happy"))
    page.until(lambda: page.text("feel").endswith("Home feels happy, too"), "the button")
    page.click("feel")
    mood = product.wait_for("/api/rooms/home/mood", lambda mood: mood["source"] == "override")
    assert mood["mood"] == "happy"


def test_the_songs_that_fit_a_picture_play_as_they_are_shown(product: Product, page: Browser, tmp_path: Path) -> None:
    choose(page, picture(tmp_path, "happy", "happy"))
    page.until(lambda: page.text("photo-line").startswith("2 faces"), "this picture's answer, not the one before")
    page.until(lambda: len(page.all("photo-song")) == 5, "songs")
    shown = [song.text.partition(" · ")[0] for song in page.all("photo-song")]
    page.click("play-these")
    playing = product.wait_for(
        "/api/players/home", lambda player: player["current"] and player["current"]["reason"] == "a picture: Happy"
    )
    assert [playing["current"]["track"]["title"], *(song["track"]["title"] for song in playing["queue"][:4])] == shown


def test_a_picture_without_a_face_says_what_helps(page: Browser, tmp_path: Path) -> None:
    choose(page, picture(tmp_path))
    page.until(lambda: page.text("photo-mood") == "Nobody here", "that there is nobody")
    assert not page.find("feel").is_displayed()
    assert not page.find("play-these").is_displayed()
    assert page.all("photo-song") == []


def test_what_is_no_picture_is_said_in_a_sentence_and_nothing_of_the_picture_before(
    page: Browser, tmp_path: Path
) -> None:
    choose(page, picture(tmp_path, "happy"))
    page.until(lambda: len(page.all("photo-song")) == 5, "songs")
    file = tmp_path / "notes.jpg"
    file.write_text("no picture")
    choose(page, file)
    page.until(lambda: "neither a JPEG nor a PNG" in page.run("return document.body.innerText"), "why")
    page.until(lambda: page.text("photo-mood") == "…", "no mood")
    page.until(lambda: not any(map(page.all, ("photo-picture", "face", "photo-song"))), "nothing of it")
    assert not page.find("feel").is_displayed()
    page.errors()  # the browser notes the refusal


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(page: Browser, width: int) -> None:
    page.resize(width, 844)
    page.until(lambda: page.run("return innerWidth") == width, "the new size")
    assert page.run("return document.documentElement.scrollWidth") == width
    page.resize(1280, 800)
