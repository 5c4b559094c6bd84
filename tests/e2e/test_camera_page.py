"""The page that lends this device's camera, in a real browser with a camera that shows the synthetic person."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.demo.faces import Person
from services.vision.images import jpeg
from tests.browser import Browser
from tests.product import Product

CAMERA = "/api/cameras/camera"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("data"), CAMERA_SOURCE="browser") as running:
        yield running


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic person as motion JPEG: pictures, one after another."""
    person, file = Person(), tmp_path_factory.mktemp("film") / "person.mjpeg"
    file.write_bytes(b"".join(jpeg(person.frame(number / 10), 90) for number in range(80)))
    return file


@pytest.fixture
def page(product: Product, film: Path) -> Iterator[Browser]:
    with Browser(camera=film) as browser:
        browser.open(product.url)
        browser.until(lambda: browser.all("lend"), "the way to the page")
        browser.click("lend")
        browser.until(lambda: browser.all("sender-button"), "the page")
        yield browser
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def state(page: Browser) -> str:
    return page.attribute("sender", "data-state")


def tracks(page: Browser) -> int:
    """Return how many tracks of the device's camera are live."""
    script = (
        "const s = document.querySelector('video').srcObject; return s ? s.getTracks().map((t) => t.readyState) : []"
    )
    return list(page.run(script)).count("live")


def test_a_face_before_this_devices_camera_gives_the_room_its_mood(product: Product, page: Browser) -> None:
    assert state(page) == "idle", "nothing is taken before somebody says so"
    page.click("sender-button")
    page.until(lambda: state(page) == "sending", "pictures go out")
    product.wait_for(CAMERA, lambda status: status["state"] == "ok" and status["faces_used"] > 5 and status["watching"])
    mood = product.wait_for("/api/rooms/home/mood", lambda mood: mood["mood"] not in ("unknown", "nobody"))
    assert mood["source"] == "camera"
    page.click("sender-button")
    page.until(lambda: state(page) == "idle" and tracks(page) == 0, "the device is let go")
    gone = product.wait_for(CAMERA, lambda status: status["state"] == "offline")
    assert "/camera" in gone["detail"]
    assert page.errors() == []


def test_privacy_lets_the_device_go_and_its_end_takes_it_again(product: Product, page: Browser) -> None:
    page.click("sender-button")
    page.until(lambda: state(page) == "sending" and tracks(page) == 1, "pictures go out")
    product.get(f"{CAMERA}/privacy", "PUT", {"privacy": "ON"})
    page.until(lambda: state(page) == "private" and tracks(page) == 0, "the device is let go")
    assert "privacy" in page.text("sender-note")
    product.get(f"{CAMERA}/privacy", "PUT", {"privacy": "OFF"})
    page.until(lambda: state(page) == "sending" and tracks(page) == 1, "it is taken again")
    page.errors()  # the browser notes the refusal


def test_a_browser_that_gives_no_camera_is_told_what_to_do(product: Product) -> None:
    with Browser(390, 844) as page:
        page.open(f"{product.url}/camera")
        page.until(lambda: page.all("sender-button"), "the page")
        page.click("sender-button")
        page.until(lambda: state(page) == "failed", "the refusal")
        assert any(word in page.text("sender-note") for word in ("allow it", "no camera"))


def test_a_page_without_https_says_so(product: Product) -> None:
    with Browser() as page:
        page.open(f"{product.url}/camera")
        page.until(lambda: page.all("sender-button"), "the page")
        page.run("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")  # as beyond loopback
        page.click("sender-button")
        page.until(lambda: "https" in page.text("sender-note"), "why")


def test_a_house_without_such_a_camera_says_what_to_set(tmp_path: Path) -> None:
    with Product(tmp_path) as product, Browser() as page:
        page.open(f"{product.url}/camera")
        page.until(lambda: "camera.source" in page.text("nothing-to-lend"), "what to set")
