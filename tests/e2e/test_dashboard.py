"""The dashboard in a real browser, on the product as `make run` starts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import Browser
from tests.product import Product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    own = {"AGGREGATOR_MOODS": '{"cosy": [0.5, -0.5]}'}
    with Product(tmp_path_factory.mktemp("data"), PLAYER_BACKEND="auto", **own) as running:
        yield running


@pytest.fixture(scope="module")
def page(product: Product) -> Iterator[Browser]:
    with Browser() as browser:
        browser.open(product.url)
        yield browser


def listen(page: Browser) -> None:
    """Let the music come from the tab."""
    page.until(lambda: page.all("listen") or page.all("listen-here") or page.all("listening"), "the tab can sound")
    for button in page.all("listen") or page.all("listen-here"):
        button.click()
    page.until(page.sound, "the tab sounds")


def test_a_face_and_its_expression_are_seen(page: Browser) -> None:
    page.until(lambda: page.run("return document.querySelector('[data-testid=preview]').naturalWidth"), "a picture")
    bars = page.until(lambda: page.all("expression-bar"), "bars")
    assert {bar.get_attribute("data-label") for bar in bars} >= {"happy", "sad", "neutral", "surprised"}
    page.until(
        lambda: any(int(bar.get_attribute("aria-valuenow")) > 30 for bar in page.all("expression-bar")), "an expression"
    )


def test_the_mood_and_a_song_with_its_reason_appear(page: Browser) -> None:
    page.until(lambda: "sure" in page.text("mood-line"), "a mood")
    page.until(lambda: page.text("why"), "a reason")
    assert page.text("title") not in {"", "Nothing plays"}
    page.until(lambda: page.text("mood").lower() in page.attribute("plane", "aria-label"), "the mood on the plane")


def test_the_tab_sounds_after_one_click(page: Browser) -> None:
    listen(page)
    address, position = page.sound() or ("", 0.0)
    assert "/media/" in address
    page.until(lambda: (page.sound() or ("", 0.0))[1] > position + 1, "the position moves on")


def test_next_plays_another_song(page: Browser) -> None:
    listen(page)
    (before, _), title = page.sound() or ("", 0), page.text("title")
    page.click("next")
    page.until(lambda: page.text("title") != title, "another title")
    page.until(lambda: (page.sound() or (before, 0))[0] != before, "another sound")


def test_pause_silences_the_tab_and_play_goes_on(page: Browser) -> None:
    listen(page)
    page.until(lambda: page.attribute("play", "aria-label") == "Pause", "it plays")
    page.click("play")
    page.until(lambda: page.attribute("play", "aria-label") == "Play" and page.sound() is None, "silence")
    page.click("play")
    page.until(page.sound, "sound")


def test_the_volume_reaches_the_sound(product: Product, page: Browser) -> None:
    listen(page)
    slider = page.find("volume")
    slider.send_keys(Keys.HOME)
    product.wait_for("/api/players/home", lambda state: state["volume"] == 0)
    page.until(lambda: page.run("return window.sounds.some((sound) => !sound.paused && sound.volume === 0)"), "silence")
    slider.send_keys(Keys.END)
    product.wait_for("/api/players/home", lambda state: state["volume"] == 100)


def test_the_position_can_be_chosen(product: Product, page: Browser) -> None:
    page.click("next")
    page.until(lambda: page.attribute("play", "aria-label") == "Pause", "it plays")
    page.click("play")  # a song that is held moves only where it is told to
    held = product.wait_for("/api/players/home", lambda state: state["playback"] == "paused")["position_s"]
    page.until(lambda: page.attribute("play", "aria-label") == "Play", "the page knows that it is held")
    with product.frozen():  # a key goes on from where the one before went, however late the player hears of it
        page.find("seek").send_keys(Keys.PAGE_UP)
        page.run("return new Promise((done) => setTimeout(done, 600))")  # the page draws itself meanwhile
        page.find("seek").send_keys(Keys.PAGE_UP)
    product.wait_for("/api/players/home", lambda state: state["position_s"] > held + 5)
    page.click("play")


def test_liking_is_confirmed(page: Browser) -> None:
    page.click("like")
    page.until(lambda: "Liked" in page.run("return document.body.innerText"), "a word about it")


@pytest.mark.parametrize("mood", ["calm", "cosy"])
def test_a_mood_can_be_chosen_and_given_back(product: Product, page: Browser, mood: str) -> None:
    word = mood.capitalize()
    page.click(f"mood-{mood}")
    page.until(lambda: f"{word} for 1 hour" in page.run("return document.body.innerText"), "a word about it")
    page.until(lambda: page.text("mood") == word and "by hand" in page.text("mood-line"), "the chosen mood")
    assert page.attribute(f"mood-{mood}", "aria-pressed") == "true"
    product.wait_for("/api/rooms/home/mood", lambda mood: mood["source"] == "override")
    page.click("mood-auto")
    page.until(lambda: page.attribute("mood-auto", "aria-pressed") == "true", "the camera's mood")


def test_an_answer_changes_what_a_mood_needs_and_can_be_forgotten(product: Product, page: Browser) -> None:
    def answered() -> bool:
        if not page.text("taught"):  # the mood may change just before the click, which is then refused
            page.click("rather-contemptuous")
        return "instead of" in page.text("taught")

    page.until(answered, "what it changed")
    assert {one["mood"] for one in product.get("/api/rooms/home/calibration")["answers"]} == {"contemptuous"}
    page.click("forget")
    page.until(lambda: not page.find("taught").is_displayed(), "nothing taught")
    assert product.get("/api/rooms/home/calibration")["answers"] == []


def test_a_resting_face_can_be_learnt(product: Product, page: Browser) -> None:
    page.click("measure-neutral")
    page.until(lambda: "resting face" in page.text("taught"), "the measurement")
    assert product.get("/api/rooms/home/calibration")["measuring"]
    page.click("forget")
    page.until(lambda: page.find("measure-neutral").is_enabled(), "the end of it")


def test_the_policy_can_be_chosen(product: Product, page: Browser) -> None:
    page.click("policy-lift")
    page.until(lambda: page.attribute("policy-lift", "aria-pressed") == "true", "lift")
    assert product.get("/api/rooms/home/policy")["mode"] == "lift"
    page.click("policy-mirror")
    page.until(lambda: page.attribute("policy-mirror", "aria-pressed") == "true", "mirror")


def test_privacy_closes_the_camera_in_sight_of_everyone(page: Browser) -> None:
    page.click("privacy")
    page.until(lambda: page.attribute("privacy", "aria-checked") == "false", "camera off")
    page.until(lambda: "Nobody is watched" in page.text("camera-card") and not page.all("face"), "no picture, no face")
    assert page.text("privacy").endswith("Camera off")
    page.click("privacy")
    page.until(lambda: page.find("preview").is_displayed() and page.all("face"), "picture and face again")


def test_everything_can_be_reached_with_the_keyboard(page: Browser) -> None:
    page.run("document.activeElement.blur()")
    wanted = {"privacy", "play", "next", "like", "volume", "seek", "mood-happy", "policy-off"}
    reached: set[str] = set()
    for _ in range(60):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(str(page.run("return document.activeElement.dataset.testid || ''")))
    assert wanted <= reached
    unnamed = """return [...document.querySelectorAll('button, input, img')].filter((control) => control.offsetParent
        && !(control.ariaLabel || control.alt || control.innerText || control.labels?.length)).length"""
    assert page.run(unnamed) == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(page: Browser, width: int) -> None:
    page.resize(width, 844)
    page.until(lambda: page.run("return innerWidth") == width, "the new size")
    assert page.run("return document.documentElement.scrollWidth") == width
    page.resize(1280, 800)


def test_the_tab_of_the_room_is_seen_whole_among_many_on_a_phone(tmp_path: Path) -> None:
    rooms = ("attic", "bath", "cellar", "den", "hall", "kitchen", "study")
    cameras = ", ".join(f"{room}: {{source: browser, room: {room}}}" for room in rooms)
    inside = """const [nav, tab] = ['.rooms', '.room[aria-current=page]'].map((one) => document.querySelector(one));
        const [around, it] = [nav, tab].map((one) => one.getBoundingClientRect());
        return it.left >= around.left - 1 && it.right <= around.right + 1 && tab.scrollWidth <= tab.clientWidth"""
    with Product(tmp_path, CAMERAS=f"{{{cameras}}}") as product, Browser(390, 844) as page:
        for room in ("attic", "kitchen", "study"):
            page.open(f"{product.url}/?room={room}")
            page.until(lambda: page.run("return document.querySelectorAll('.room').length") >= len(rooms), "the tabs")
            assert page.run(inside), room


def sign_in(page: Browser, token: str) -> None:
    """Fill in the sign-in page."""
    field = page.until(lambda: page.driver.find_element(By.ID, "token"), "the sign-in page")
    field.send_keys(token, Keys.ENTER)


def test_away_from_loopback_one_signs_in_with_the_token(tmp_path: Path) -> None:
    with Product(tmp_path, HTTP_HOST="0.0.0.0") as product, Browser(390, 844) as page:
        token = next(line for line in product.lines if "admin token" in line).split()[-1]
        page.open(f"{product.url}/?room=home")
        sign_in(page, "wrong")
        page.until(lambda: "not a valid token" in page.run("return document.body.innerText"), "a refusal")
        sign_in(page, token)
        page.until(lambda: page.all("expression-bar"), "the dashboard, live")
        assert page.driver.current_url.endswith("/?room=home")
        assert token not in str(page.driver.get_cookies())
        page.click("sign-out")
        page.until(lambda: page.driver.find_element(By.ID, "token"), "the sign-in page again")


def test_nothing_is_loaded_from_elsewhere(product: Product, page: Browser) -> None:
    loaded = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if not name.startswith((product.url, "blob:", "data:"))] == []


def test_the_page_complains_about_nothing(page: Browser) -> None:
    # The camera was closed in between, and a song that is fetched ahead may be taken from the queue meanwhile.
    expected = ("preview.jpg", "/media/")
    assert [error for error in page.errors() if not any(word in error for word in expected)] == []


def test_a_room_that_nobody_speaks_of_is_empty_but_whole(product: Product, page: Browser) -> None:
    page.open(f"{product.url}/?room=attic")
    page.until(lambda: page.text("title") == "Nothing plays", "an empty player")
    assert page.text("mood") == "One moment"
    assert not page.find("play").is_enabled()
    assert "Waiting for the camera" in page.text("camera-card")
    asked = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert [name for name in page.run(asked) if "/api/players/attic" in name] == []
