"""A real browser: Debian's Chromium without a window, driven as a person would."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 60.0

HEAR = """
window.sounds = [];
const Plain = window.Audio;
window.Audio = function (...given) { const sound = new Plain(...given); window.sounds.push(sound); return sound; };
"""
"""Keeps every sound that the page makes where a test can find it."""

LOUDEST = """
const audible = (sound) => sound.src && !sound.src.startsWith('data:') && !sound.paused;
return window.sounds.filter(audible).map((sound) => [sound.src, sound.currentTime])[0] || null;
"""

SHOWN = """
const inmost = (one) => one.checkVisibility() && !one.querySelector("[data-testid]");
const named = [...document.querySelectorAll("[data-testid]")].filter(inmost);
const words = (one) => String(one.value || one.innerText || "").replace(/\\s+/g, " ");
const line = (one) => `${one.dataset.testid}${one.disabled ? " (disabled)" : ""}: ${words(one)}`;
const lost = document.getElementById("popup")?.ariaHidden === "false" ? ["the server is lost"] : [];
return [location.href, ...lost, ...named.map(line)];
"""
"""Lists what a page shows, by the names for tests, and whether it has lost the server."""

LESSON = """
const [tell] = arguments;
fetch("/api/custom-moods").then((answer) => answer.text()).then(tell, (error) => tell(String(error)));
"""
"""Asks the house which moods were taught, and how far a lesson is."""


class Browser:
    """One tab. It demands a click before a page may sound, as browsers do.

    Args:
        width: Of the page, in CSS pixels.
        height: As `width`.
        camera: A file of motion JPEG that its camera shows, to every page that asks; without one it gives none.
    """

    def __init__(self, width: int = 1280, height: int = 800, *, camera: Path | None = None) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        assert options.binary_location, "chromium is not installed: run `make test-packages`"
        switches: tuple[str, ...] = (
            "headless=new",
            "no-sandbox",
            "disable-dev-shm-usage",
            "hide-scrollbars",
            "mute-audio",
        )
        if camera:
            shown = f"use-file-for-fake-video-capture={camera}"
            switches += ("use-fake-ui-for-media-stream", "use-fake-device-for-media-stream", shown)
        else:
            switches += ("deny-permission-prompts",)
        for switch in (*switches, "autoplay-policy=document-user-activation-required"):
            options.add_argument(f"--{switch}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver") or ""))
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": HEAR})
        self.resize(width, height)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.driver.quit()

    def resize(self, width: int, height: int) -> None:
        """Give the page this size in CSS pixels; below 600 it is a phone."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def open(self, url: str) -> None:
        """Go to a page."""
        self.driver.get(url)

    def find(self, testid: str) -> Any:
        """Return the element with this `data-testid`, which must be there by now."""
        return self.driver.find_element(By.CSS_SELECTOR, f'[data-testid="{testid}"]')

    def all(self, testid: str) -> list[Any]:
        """Return the elements with this `data-testid`."""
        return list(self.driver.find_elements(By.CSS_SELECTOR, f'[data-testid="{testid}"]'))

    def text(self, testid: str) -> str:
        """Return what is written there."""
        return str(self.find(testid).text)

    def attribute(self, testid: str, name: str) -> str:
        """Return an attribute, empty where it is not set."""
        return str(self.find(testid).get_attribute(name) or "")

    def click(self, testid: str) -> None:
        """Click when it can be clicked."""

        def clicked() -> bool:
            element = self.find(testid)
            if not (element.is_displayed() and element.is_enabled()):
                return False
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()  # one that was drawn anew meanwhile was not clicked
            return True

        self.until(clicked, f"{testid} can be used")

    def until(self, condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
        """Return the first true value of a condition; elements may come and go meanwhile.

        Raises:
            AssertionError: There was none; the text says what the page shows instead.
        """
        passing = (NoSuchElementException, StaleElementReferenceException)
        waiting = WebDriverWait(self.driver, patience_s, 0.1, ignored_exceptions=passing)
        try:
            return waiting.until(lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"never: {what}\n{self.story()}") from None

    def story(self) -> str:
        """Return what the page shows and complained about, and how the lesson is, for a test that fails."""
        parts: dict[str, Callable[[], Any]] = {
            "page": lambda: "\n".join(self.run(SHOWN)),
            "console": lambda: "\n".join(entry["message"] for entry in self.driver.get_log("browser")),
            "lesson": lambda: self.driver.execute_async_script(LESSON),
        }
        told = []
        for name, tell in parts.items():
            try:
                told.append(f"{name}: {tell() or 'nothing'}")
            except WebDriverException as error:  # one that hangs leaves the others their say
                told.append(f"{name}: not told, {error.msg}")
        return "\n".join(told)

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script in the page returns, given its arguments."""
        return self.driver.execute_script(script, *arguments)

    def sound(self) -> tuple[str, float] | None:
        """Return the address and the position (seconds) of what sounds now."""
        heard = self.run(LOUDEST)
        return (heard[0], heard[1]) if heard else None

    def errors(self) -> list[str]:
        """Return what the page complained about since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
