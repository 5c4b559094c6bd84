"""A mood that a household teaches, from the first consent to the last embedding, as `make run` starts the product."""

import io
import json
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from selenium.webdriver.common.keys import Keys

from tests.browser import Browser
from tests.product import Product
from tests.sitter import Sitter

pytestmark = pytest.mark.timeout(900)
TEACHING = "/api/custom-moods/amazed/teaching"
ON_SCREEN = """
const strip = document.querySelector("[data-testid=lesson-strip]").getBoundingClientRect();
return strip.height > 0 && strip.bottom <= window.innerHeight;
"""
CHOOSE = """
const option = [...document.querySelectorAll(".q-item")].find(one => one.innerText === "{}");
option?.click();
return option !== undefined;
"""
"""Chooses a value of a list that is open, and says whether there is one."""
STEP = """
const button = document.querySelector("[data-testid=lesson-next]");
return button.checkVisibility() ? button.dataset.step : "over";
"""
END = """
const button = document.querySelector("[data-testid=lesson-next]");
const [step, twice] = arguments;
if (!button.checkVisibility() || button.dataset.step !== step) return true;
if (button.disabled) return false;
button.click();
const clicked = performance.now();
const again = setInterval(() => {
  const late = performance.now() - clicked > 400;
  if (late || button.dataset.step !== step) clearInterval(again);
  if (twice && !late && button.dataset.step !== step) button.click();
}, 10);
return true;
"""
"""Presses the button when a step has enough faces, and says whether that is so or the step has ended by itself. Both in
one moment: between two the next step may begin, whose button it is then. Who is impatient clicks twice: once more when
the button has become the next step's, within half a second."""
STEP_S = 300
"""Beyond what a step takes at most: it ends by itself, sooner or later."""
READY_S = 150
"""Less than people may take until they begin to show the mood."""
MOOD_S = 180
"""Beyond what a room's mood takes to follow its faces: it has to lead for a quarter of a minute, by faces that a busy
machine reads now and then."""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("data"), CAMERA_SOURCE="browser") as running:
        yield running


@pytest.fixture(scope="module")
def sitter(product: Product) -> Iterator[Sitter]:
    with Sitter(product, "neutral") as sitting:
        product.wait_for("/api/cameras/camera", lambda status: status["faces_used"] > 5)
        yield sitting


def refused(act: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        act()
    return refusal.value.code, json.loads(refusal.value.read())["detail"]


class Ear:
    """Hears the house's topics from now on, the retained ones first."""

    def __init__(self, product: Product) -> None:
        line = next((line for line in product.lines if "message bus is at" in line), "mqtt://127.0.0.1:1883")
        self.said: dict[str, Any] = {}
        self._story = product.story
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", int(line.rpartition(":")[2]))
        for topic in ("moodring/home/mood", "moodring/custom_moods"):
            self._client.subscribe(topic, 1)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def until(self, topic: str, wanted: Callable[[Any], bool], patience_s: float = MOOD_S) -> Any:
        """Return the first message of a topic that is as wanted."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            said = self.said.get(f"moodring/{topic}")
            if said is not None and wanted(said):
                return said
            time.sleep(0.1)
        raise AssertionError(f"{topic} still says {self.said.get(f'moodring/{topic}')}\n{self._story()}")

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.said[message.topic] = json.loads(message.payload)


@pytest.fixture
def ear(product: Product) -> Iterator[Ear]:
    opened = Ear(product)
    yield opened
    opened.close()


def end(product: Product, step: str) -> None:
    """End a step of a lesson when it has enough faces, or let it have ended by itself; the next one is left alone."""

    def enough(all_: Any) -> bool:
        lesson = all_["teaching"]
        return lesson is None or lesson["step"] != step or lesson["faces"] >= lesson["least"]

    if (state := product.wait_for("/api/custom-moods", enough, STEP_S))["teaching"]:
        state = product.get(f"{TEACHING}/next", "POST", {"step": step})
    assert state["teaching"] or state["outcome"] != "failed", state["said"]


def teach(product: Product, sitter: Sitter) -> None:
    sitter.shows = "neutral"
    product.get(TEACHING, "POST", {"room": "home", "consent": True})
    end(product, "usual")
    sitter.shows = "surprised"
    read = product.get("/api/cameras/camera")["faces_used"]
    product.wait_for("/api/cameras/camera", lambda status: status["faces_used"] > read + 3)
    product.get(f"{TEACHING}/next", "POST", {"step": "ready"})
    end(product, "mood")
    learnt = product.wait_for("/api/custom-moods", lambda all_: all_["teaching"] is None)
    assert learnt["said"].startswith("Learnt"), learnt
    assert [one["mood"] for one in learnt["moods"]] == ["amazed"]


def kept(product: Product) -> str:
    return (product.data / "state" / "inference.json").read_text()


def test_a_taught_mood_becomes_the_rooms_mood_and_is_forgotten_without_trace(
    product: Product, sitter: Sitter, ear: Ear
) -> None:
    teach(product, sitter)
    [told] = ear.until("custom_moods", lambda said: said["moods"])["moods"]
    assert (told["mood"], told["rooms"]) == ("amazed", ["home"])
    assert told["arousal"] > 0.3, "it lies where surprised faces do"
    mood = ear.until("home/mood", lambda mood: mood["mood"] == "amazed")
    assert (mood["source"], mood["confidence"] > 0.5) == ("camera", True)
    assert set(mood["distribution"]) >= {"amazed", "neutral", "surprised"}
    playlist = product.get("/api/playlists", "POST", {"name": "Wonders", "mood": "amazed", "songs": [1]})
    sitter.shows = "neutral"
    ear.until("home/mood", lambda mood: mood["mood"] == "neutral")
    assert "amazed" in kept(product)
    product.get("/api/custom-moods/amazed", "DELETE")
    assert json.loads(kept(product)) == {"moods": []}
    assert ear.until("custom_moods", lambda said: not said["moods"])
    product.get(f"/api/playlists/{playlist['id']}", "DELETE")
    ear.until("home/mood", lambda mood: "amazed" not in mood["distribution"])


def test_nothing_is_taught_without_consent_or_where_the_camera_is_closed(product: Product, sitter: Sitter) -> None:
    code, why = refused(lambda: product.get(TEACHING, "POST", {"room": "home"}))
    assert (code, "agree" in why) == (422, True)
    product.get(TEACHING, "POST", {"room": "home", "consent": True})
    product.get("/api/cameras/camera/privacy", "PUT", {"privacy": "ON"})
    ended = product.wait_for("/api/custom-moods", lambda all_: all_["teaching"] is None)
    assert "closed" in ended["said"]
    code, why = refused(lambda: product.get(TEACHING, "POST", {"room": "home", "consent": True}))
    assert (code, "switched off" in why) == (409, True)
    product.get("/api/cameras/camera/privacy", "PUT", {"privacy": "OFF"})
    product.wait_for("/api/cameras/camera", lambda status: status["state"] == "ok")


def moodring(product: Product, *words: str) -> subprocess.Popen[str]:
    """Start a command beside the product, on its settings."""
    environment = product.environment | {"MOODRING_HTTP_PORT": product.url.rpartition(":")[2]}
    command = [sys.executable, "-m", "services", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def told(command: subprocess.Popen[str]) -> str:
    """Return what a command said, which ended well."""
    said, _ = command.communicate(timeout=120)
    assert command.returncode == 0, said
    return said


def test_a_mood_is_taught_renamed_and_forgotten_by_the_command_line(product: Product, sitter: Sitter) -> None:
    sitter.shows = "neutral"
    teaching = moodring(product, "teach", "amazed", "--yes")
    product.wait_for("/api/custom-moods", lambda all_: all_["teaching"])
    end(product, "usual")  # sooner than the clock would
    sitter.shows = "surprised"
    product.wait_for("/api/custom-moods", lambda all_: all_["teaching"]["step"] == "mood")
    end(product, "mood")
    said = told(teaching)
    assert "pictures never are" in said
    assert "Learnt: found in" in said
    assert "startled " in told(moodring(product, "moods", "rename", "amazed", "startled"))
    assert "found in" in told(moodring(product, "moods"))
    assert "No mood is taught." in told(moodring(product, "moods", "forget", "startled"))
    missing = moodring(product, "moods", "forget", "startled")
    assert (missing.wait(60), "no mood startled was taught" in (missing.stdout or io.StringIO()).read()) == (1, True)


def test_a_mood_is_taught_renamed_and_forgotten_on_the_dashboard(product: Product, sitter: Sitter) -> None:
    sitter.shows = "neutral"
    with Browser() as page:
        page.open(product.url)
        page.click("teach-mood")
        page.until(lambda: page.find("lesson-form").is_displayed(), "the form")
        assert "pictures never are" in page.text("consent"), "nobody can agree to what is not there yet"
        assert not page.find("lesson-begin").is_enabled(), "nobody has agreed yet"
        page.find("lesson-name").send_keys("Deep work")
        page.click("agree")
        page.click("lesson-begin")
        page.until(lambda: page.run(STEP) == "usual", "the first step")
        page.until(lambda: page.run(END, "usual", True), "enough usual faces", STEP_S)
        page.until(lambda: page.run(STEP) == "ready", "the next step")
        assert "now" in page.text("lesson-next")
        sitter.shows = "sad"
        page.until(lambda: shown(page) == "sad", "the sad face", READY_S)
        begun = "minute and a half"
        page.until(lambda: page.run(END, "ready", False) and begun in page.text("lesson-words"), "the mood's step")
        page.until(lambda: page.run(END, "mood", False), "enough faces that show it", STEP_S)
        page.until(lambda: page.text("lesson-said").startswith("Learnt"), "what was learnt")
        page.until(lambda: page.all("mood-deep_work"), "the mood in the picker")
        page.until(lambda: page.text("mood") == "Deep work", "the room's mood", MOOD_S)
        page.until(lambda: "deep_work" in labels(page), "its bar")
        page.click("change-deep_work")
        field = page.until(lambda: page.find("new-name"), "a field")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys("Brøøding")
        page.until(lambda: "be called “Brooding”" in page.run("return document.body.innerText"), "what it becomes")
        page.click("new-place")
        page.until(lambda: page.run(CHOOSE.format("Unpleasant, calm")), "the places to choose from")
        page.click("change-yes")
        page.until(lambda: page.all("own-brooding") and page.all("mood-brooding"), "the new name")
        [moved] = product.get("/api/custom-moods")["moods"]
        assert (moved["valence"], moved["arousal"]) == (-0.6, -0.5)
        page.click("forget-brooding")
        page.click("forget-yes")
        page.until(lambda: not page.all("own-brooding") and not page.all("mood-brooding"), "that it is gone")
        assert [error for error in page.errors() if "preview" not in error] == []


def test_a_lesson_that_was_begun_elsewhere_is_seen_and_can_be_stopped(product: Product, sitter: Sitter) -> None:
    with Browser() as page:
        page.open(product.url)
        page.until(lambda: page.find("teach-mood").is_enabled(), "the card")
        product.get(TEACHING, "POST", {"room": "home", "consent": True})
        page.until(lambda: "as you usually do" in page.text("lesson-words"), "the lesson")
        assert "pictures never are" in page.text("lesson-consent")
        assert page.text("lesson-strip-words") == "Faces in home are being collected to teach “Amazed”."
        page.run("window.scrollTo(0, 0)")
        assert page.run(ON_SCREEN), "it is seen wherever one is on the page"
        page.click("strip-stop")
        page.until(lambda: "nothing was kept" in page.text("lesson-said"), "that it was stopped")
        assert not page.find("lesson-strip").is_displayed()
    assert product.get("/api/custom-moods")["outcome"] == "stopped"


def labels(page: Browser) -> set[str]:
    return {str(bar.get_attribute("data-label")) for bar in page.all("expression-bar")}


def shown(page: Browser) -> str:
    bars = {
        bar.get_attribute("data-label"): int(bar.get_attribute("aria-valuenow")) for bar in page.all("expression-bar")
    }
    return max(bars, key=lambda label: bars[label], default="")
