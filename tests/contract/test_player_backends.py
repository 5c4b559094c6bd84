"""What every backend of the player promises: the silent clock, a browser's tab, a real mpv, a real MPD."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from services.contracts.messages import uuid7
from services.player.backends.base import AwayError, Backend, Capability, Observation, Sound
from services.player.backends.browser import BrowserBackend
from services.player.backends.mpd import MpdBackend
from services.player.backends.mpv import MpvBackend
from services.player.backends.null import NullBackend
from services.player.files import resolve
from tests.player_doubles import Clock, Mpd, ScriptedTab, until, write_song

LONG_S = 60.0
SHORT_S = 0.5


@dataclass
class Rig:
    """A backend at work, and how time passes for it."""

    backend: Backend
    music: Path
    tick: Callable[[], None] = lambda: None
    lose: Callable[[], None] = lambda: None
    regain: Callable[[], None] = lambda: None
    songs: dict[str, float] = field(default_factory=dict)

    def sound(self, number: int, seconds: float = LONG_S) -> Sound:
        track = write_song(self.music, number, seconds)
        self.songs[f"/media/{number}"] = seconds
        return Sound(uuid7(), track, resolve(track, [self.music]))

    async def observe(self) -> Observation:
        self.tick()
        return await self.backend.observe()

    async def until(self, condition: Callable[[Observation], bool]) -> Observation:
        """Return the first observation of which the condition holds; away counts as none."""
        seen = Observation()

        async def met() -> bool:
            nonlocal seen
            try:
                seen = await self.observe()
            except AwayError:
                return False
            return condition(seen)

        await until(met)
        return seen

    async def reach(self, position_s: float) -> float:
        """Return the position once it has reached at least this one."""
        seen = await self.until(lambda seen: (seen.position_s or 0) >= position_s)
        return seen.position_s or 0


@asynccontextmanager
async def null_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = Clock()
    yield Rig(NullBackend(clock), tmp_path / "music", _advance(clock))


@asynccontextmanager
async def browser_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = Clock()
    songs: dict[str, float] = {}
    backend = BrowserBackend(clock)
    tab = ScriptedTab(clock, backend.hear, songs)
    advance = _advance(clock)
    is_open = True

    def tick() -> None:
        advance()
        if is_open:
            tab.report()

    def lose() -> None:
        nonlocal is_open
        is_open = False

    def regain() -> None:
        nonlocal is_open, tab
        is_open, tab = True, ScriptedTab(clock, backend.hear, songs)

    yield Rig(backend, tmp_path / "music", tick, lose, regain, songs=songs)


@asynccontextmanager
async def mpv_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    def lose() -> None:
        for child in psutil.Process().children():
            if child.name() == "mpv":
                os.kill(child.pid, signal.SIGKILL)

    yield Rig(MpvBackend("mpv:?ao=null"), tmp_path / "music", lose=lose)


@asynccontextmanager
async def mpd_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    music = tmp_path / "music"
    music.mkdir()
    with Mpd(tmp_path / "mpd", music) as mpd:
        yield Rig(MpdBackend(mpd.url, [music]), music, lose=mpd.stop, regain=mpd.start)


def _advance(clock: Clock) -> Callable[[], None]:
    def advance() -> None:
        clock.now += 0.1

    return advance


RIGS = {"null": null_rig, "browser": browser_rig, "mpv": mpv_rig, "mpd": mpd_rig}
REAL = ("browser", "mpv", "mpd")
"""Backends that open files and can be lost; a clock does neither."""


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with RIGS[request.param](tmp_path) as rig:
        running = asyncio.ensure_future(rig.backend.run(lambda: None))
        await rig.until(lambda _seen: True)
        yield rig
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_nothing_is_loaded_at_first(rig: Rig) -> None:
    assert await rig.observe() == Observation()


async def test_a_song_plays_from_the_position_asked_for(rig: Rig) -> None:
    sound = rig.sound(1)
    await rig.backend.load(sound, 30, playing=True)
    first = await rig.reach(30)
    assert first < 32
    assert await rig.reach(first + 0.2) > first
    assert (await rig.observe()).play_id == sound.play_id


async def test_a_song_loaded_paused_waits_at_its_position(rig: Rig) -> None:
    await rig.backend.load(rig.sound(1), 30, playing=False)
    waiting = await rig.until(lambda seen: seen.position_s is not None)
    for _ in range(3):
        seen = await rig.observe()
        assert seen.position_s == pytest.approx(30, abs=0.1), "a player may round to its sound frames"
        assert replace(seen, position_s=None) == replace(waiting, position_s=None)
    await rig.backend.pause(paused=False)
    assert 30 < await rig.reach(30.2) < 32


async def test_a_paused_song_stays_where_it_is_and_goes_on_from_there(rig: Rig) -> None:
    await rig.backend.load(rig.sound(1), 0, playing=True)
    await rig.reach(0.3)
    await rig.backend.pause(paused=True)
    await rig.observe()
    held = await rig.until(lambda seen: seen.position_s is not None)
    for _ in range(3):
        assert (await rig.observe()).position_s == pytest.approx(held.position_s, abs=0.05)
    await rig.backend.pause(paused=False)
    assert held.position_s
    assert await rig.reach(held.position_s + 0.2) < held.position_s + 2


async def test_another_song_replaces_the_one_that_plays(rig: Rig) -> None:
    await rig.backend.load(rig.sound(1), 30, playing=True)
    await rig.reach(30)
    second = rig.sound(2)
    await rig.backend.load(second, 0, playing=True)
    seen = await rig.until(lambda seen: seen.position_s is not None and 0 < seen.position_s < 20)
    assert seen.play_id == second.play_id


async def test_no_position_is_of_another_song(rig: Rig) -> None:
    await rig.backend.load(rig.sound(1), 30, playing=True)
    await rig.reach(30)
    second = rig.sound(2)
    await rig.backend.load(second, 0, playing=True)
    positions: list[float | None] = []
    while len([one for one in positions if one is not None]) < 5:
        seen = await rig.observe()
        assert seen.play_id == second.play_id
        positions.append(seen.position_s)
        await asyncio.sleep(0)
    assert all(one is None or one < 20 for one in positions), positions
    await rig.backend.stop()
    for _ in range(5):
        assert await rig.observe() == Observation()


async def test_the_end_of_a_song_is_told_and_nothing_follows_by_itself(rig: Rig) -> None:
    sound = rig.sound(1, SHORT_S)
    await rig.backend.load(sound, 0, playing=True)
    await rig.until(lambda seen: seen.ended)
    seen = await rig.observe()
    assert (seen.play_id, seen.ended, seen.error) == (sound.play_id, True, "")


async def test_the_same_song_can_be_played_again_after_its_end(rig: Rig) -> None:
    sound = rig.sound(1, SHORT_S)
    await rig.backend.load(sound, 0, playing=True)
    await rig.until(lambda seen: seen.ended)
    again = rig.sound(1, SHORT_S)
    await rig.backend.load(again, 0, playing=True)
    assert not (await rig.until(lambda seen: seen.play_id == again.play_id)).ended
    await rig.until(lambda seen: seen.ended)


async def test_stop_forgets_the_song(rig: Rig) -> None:
    await rig.backend.load(rig.sound(1), 0, playing=True)
    await rig.reach(0.2)
    await rig.backend.stop()
    assert await rig.observe() == Observation()


async def test_the_volume_can_be_set_while_playing(rig: Rig) -> None:
    assert Capability.VOLUME in rig.backend.capabilities
    await rig.backend.load(rig.sound(1), 0, playing=True)
    await rig.backend.set_volume(30)
    assert await rig.reach(0.2)


@pytest.mark.parametrize("rig", REAL, indirect=True)
async def test_a_file_that_is_no_sound_is_an_error_of_the_song(rig: Rig) -> None:
    sound = rig.sound(1)
    sound.path.write_text("this is no sound")
    rig.songs.clear()
    await rig.backend.load(sound, 0, playing=True)
    seen = await rig.until(lambda seen: bool(seen.error))
    assert (seen.play_id, seen.ended) == (sound.play_id, False)
    await rig.backend.load(rig.sound(2), 0, playing=True)
    assert await rig.reach(0.2)


@pytest.mark.parametrize("rig", REAL, indirect=True)
async def test_what_was_lost_comes_back_with_nothing_loaded(rig: Rig) -> None:
    await rig.backend.load(rig.sound(1), 0, playing=True)
    await rig.reach(0.2)
    rig.lose()

    async def away() -> bool:
        try:
            return (await rig.observe()).play_id is None
        except AwayError as error:
            return str(error) != ""

    await until(away)
    rig.regain()
    assert (await rig.until(lambda _seen: True)).play_id is None
    await rig.backend.load(rig.sound(2), 0, playing=True)
    assert await rig.reach(0.2)
