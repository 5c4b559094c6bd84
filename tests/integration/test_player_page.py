"""`browser.js` in a real browser: the music of a room in a page."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from services.contracts.messages import EventType, Playback, Track
from services.player.service import build
from services.runtime.http import bind, serve
from tests.browser import Browser
from tests.player_doubles import Room, playing, settings, write_song

PAGE = """<!doctype html><title>player</title><link rel="icon" href="data:,">
<button data-testid="play">Play here</button>
<script type="module">
import {startPlayer} from '/api/players/browser.js';
startPlayer({room: 'home', onState: (state) => { window.state = state; }});
</script>"""


class Page:
    """A page with the player in it, driven from the test's event loop."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url

    async def open(self) -> None:
        await asyncio.to_thread(self.browser.open, self.url)

    async def click(self) -> None:
        await asyncio.to_thread(self.browser.click, "play")

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        return await asyncio.to_thread(self.browser.until, condition, what)

    def state(self, key: str) -> Any:
        return self.browser.run(f"return window.state && window.state.{key}")

    def heard(self, song: int, position_s: float) -> bool:
        sound = self.browser.sound()
        return sound is not None and sound[0].endswith(f"/media/{song}") and sound[1] >= position_s


@pytest.fixture
def tracks(tmp_path: Path) -> list[Track]:
    return [write_song(tmp_path / "songs", number, seconds) for number, seconds in [(1, 60), (2, 1), (3, 60)]]


@asynccontextmanager
async def served(room: Room) -> AsyncIterator[str]:
    app = FastAPI()
    app.include_router(room.service.router)
    app.add_api_route("/", lambda: HTMLResponse(PAGE))
    sock = bind("127.0.0.1", 0)
    async with serve(app, sock):
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with playing(build(settings(tmp_path, "auto"), mpv_installed=False)) as room:
        yield room


@pytest.fixture
async def page(room: Room) -> AsyncIterator[Page]:
    async with served(room) as url:
        browser = await asyncio.to_thread(Browser)
        yield Page(browser, url)
        await asyncio.to_thread(browser.driver.quit)


async def test_the_page_plays_after_a_click_from_where_the_song_is(room: Room, page: Page, tracks: list[Track]) -> None:
    room.play(tracks[0])
    await room.plays(tracks[0])
    room.tell("seek", 20)
    await page.open()
    await page.until(lambda: page.state("blocked"), "the page says that it needs a click")
    assert room.state.backend == "null"
    await page.click()
    await room.until(lambda state: state.backend == "browser")
    await page.until(lambda: page.heard(1, 20), "the song is heard at its position")
    assert await page.until(lambda: page.state("active"), "the page says that it plays")


async def test_songs_follow_each_other_in_the_page(room: Room, page: Page, tracks: list[Track]) -> None:
    await page.open()
    await page.click()
    await room.until(lambda state: state.backend == "browser")
    room.play(tracks[1], tracks[2])
    await page.until(lambda: page.heard(3, 0.2), "the second song is heard")
    assert [event.type for event in room.events] == [
        EventType.TRACK_STARTED,
        EventType.TRACK_FINISHED,
        EventType.TRACK_STARTED,
    ]


async def test_the_page_obeys_commands(room: Room, page: Page, tracks: list[Track]) -> None:
    await page.open()
    await page.click()
    room.play(tracks[0])
    await page.until(lambda: page.heard(1, 0.1), "the song is heard")
    room.tell("seek", 40)
    await page.until(lambda: page.heard(1, 40), "the song goes on further behind")
    room.tell("volume", 25)
    await page.until(lambda: page.browser.run("return window.sounds[0].volume") == 0.25, "it is quieter")
    room.tell("pause")
    await page.until(lambda: page.browser.sound() is None, "it is silent")
    room.tell("play")
    await page.until(lambda: page.heard(1, 40), "it goes on")


async def test_a_song_that_the_browser_cannot_play_is_passed_over(
    room: Room, page: Page, tracks: list[Track], tmp_path: Path
) -> None:
    next((tmp_path / "songs").glob("song 2*")).write_text("no sound")
    await page.open()
    await page.click()
    await room.until(lambda state: state.backend == "browser")
    room.play(tracks[1], tracks[0])
    await page.until(lambda: page.heard(1, 0.1), "the next song is heard")
    problem = await room.event(EventType.PROBLEM)
    assert problem.after
    assert "/media/2" in str(problem.after["text"])


async def test_the_local_backend_goes_on_when_the_page_closes(room: Room, page: Page, tracks: list[Track]) -> None:
    await page.open()
    await page.click()
    room.play(tracks[0])
    await page.until(lambda: page.heard(1, 0.1), "the song is heard")
    room.tell("seek", 30)
    await page.until(lambda: page.heard(1, 30), "the song goes on further behind")
    await asyncio.to_thread(page.browser.open, "about:blank")
    state = await room.until(lambda state: state.backend == "null")
    assert state.playback is Playback.PLAYING
    assert 30 <= state.position_s < 45
