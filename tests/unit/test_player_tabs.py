"""Which of several tabs sounds."""

from pathlib import Path

import pytest

from services.contracts.messages import Track, uuid7
from services.player.backends.base import AwayError, Sound
from services.player.backends.browser import ALIVE_S, CLOSED_S, MAX_TABS, REPORT_S, BrowserBackend
from tests.player_doubles import Clock, ScriptedTab

SONGS = {"/media/1": 100.0}
SOUND = Sound(uuid7(), Track(song_id=1, title="Song", uri="file:///1.mp3"), Path("/1.mp3"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tabs(clock: Clock) -> BrowserBackend:
    return BrowserBackend(clock)


def open_tab(tabs: BrowserBackend, clock: Clock, *, blocked: bool = False) -> ScriptedTab:
    tab = ScriptedTab(clock, tabs.hear, SONGS, blocked=blocked)
    tab.report()
    return tab


async def open_playing(tabs: BrowserBackend, clock: Clock, position_s: float = 0) -> ScriptedTab:
    tab = open_tab(tabs, clock)
    await tabs.load(SOUND, position_s, playing=True)
    tab.report()
    return tab


def pass_time(clock: Clock, seconds: float, *tabs: ScriptedTab) -> None:
    """Let time pass while these tabs report."""
    for _ in range(round(seconds / 0.5)):
        clock.now += 0.5
        for tab in tabs:
            tab.report()


async def test_without_a_tab_there_is_no_backend(tabs: BrowserBackend) -> None:
    with pytest.raises(AwayError, match="open the dashboard"):
        await tabs.observe()


async def test_a_tab_that_the_browser_blocks_does_not_take_over_before_a_click(
    tabs: BrowserBackend, clock: Clock
) -> None:
    tab = open_tab(tabs, clock, blocked=True)
    with pytest.raises(AwayError):
        await tabs.observe()
    assert tab.click().active
    await tabs.observe()


async def test_the_newest_tab_sounds_and_the_older_one_is_silent_first(tabs: BrowserBackend, clock: Clock) -> None:
    old = await open_playing(tabs, clock)
    new = open_tab(tabs, clock)
    assert (old.playing, new.playing) == (True, False)
    old.report()
    new.report()
    assert (old.playing, new.playing) == (False, True)


async def test_a_tab_that_takes_over_starts_where_the_other_one_was(tabs: BrowserBackend, clock: Clock) -> None:
    old = await open_playing(tabs, clock, 10)
    pass_time(clock, 20, old)
    new = open_tab(tabs, clock)
    old.report()
    new.report()
    assert new.position_s == pytest.approx(30)


async def test_a_blocked_tab_leaves_the_sound_where_it_is(tabs: BrowserBackend, clock: Clock) -> None:
    old = await open_playing(tabs, clock)
    new = open_tab(tabs, clock, blocked=True)
    pass_time(clock, 5, old, new)
    assert (old.playing, new.playing) == (True, False)


async def test_a_claim_moves_the_sound(tabs: BrowserBackend, clock: Clock) -> None:
    old = await open_playing(tabs, clock)
    new = open_tab(tabs, clock)
    pass_time(clock, 2, old, new)
    old.report(claim=True)
    pass_time(clock, 1, new, old)
    assert (old.playing, new.playing) == (True, False)


async def test_never_more_than_one_tab_sounds(tabs: BrowserBackend, clock: Clock) -> None:
    opened = [await open_playing(tabs, clock)]
    for _ in range(5):
        opened.append(open_tab(tabs, clock))
        for _ in range(3):
            clock.now += 0.5
            for tab in opened:
                tab.report()
                assert sum(one.playing for one in opened) <= 1
        assert opened[-1].playing


async def test_a_silent_tab_is_gone_after_a_while(tabs: BrowserBackend, clock: Clock) -> None:
    await open_playing(tabs, clock)
    clock.now += ALIVE_S - 0.1
    await tabs.observe()
    clock.now += 0.2
    with pytest.raises(AwayError):
        await tabs.observe()


async def test_the_song_of_a_silent_tab_does_not_run_on(tabs: BrowserBackend, clock: Clock) -> None:
    tab = await open_playing(tabs, clock)
    pass_time(clock, 10, tab)
    clock.now += ALIVE_S - 0.1
    position_s = (await tabs.observe()).position_s
    assert position_s
    assert 10 <= position_s <= 12


async def test_a_closed_tab_is_waited_for_only_briefly(tabs: BrowserBackend, clock: Clock) -> None:
    tab = await open_playing(tabs, clock)
    tabs.close(tab.id)
    clock.now += CLOSED_S - 0.1
    await tabs.observe()
    clock.now += 0.2
    with pytest.raises(AwayError):
        await tabs.observe()


async def test_a_reloaded_page_goes_on_in_the_same_song(tabs: BrowserBackend, clock: Clock) -> None:
    old = await open_playing(tabs, clock, 10)
    tabs.close(old.id)
    clock.now += 1
    new = open_tab(tabs, clock)
    clock.now += CLOSED_S
    for _ in range(2):
        new.report()
    assert new.playing
    assert (await tabs.observe()).play_id == SOUND.play_id


async def test_another_tab_takes_over_from_one_that_is_gone(tabs: BrowserBackend, clock: Clock) -> None:
    old = await open_playing(tabs, clock)
    new = open_tab(tabs, clock)
    pass_time(clock, 2, old, new)
    pass_time(clock, ALIVE_S + 1, old)
    assert old.playing


async def test_an_old_report_says_nothing_of_a_new_order(tabs: BrowserBackend, clock: Clock) -> None:
    await open_playing(tabs, clock)
    await tabs.load(SOUND, 70, playing=True)
    assert (await tabs.observe()).position_s is None


async def test_a_tab_reports_soon_again_only_while_something_changes(tabs: BrowserBackend, clock: Clock) -> None:
    tab = open_tab(tabs, clock)
    assert tab.order.next_report_s < REPORT_S
    await tabs.load(SOUND, 0, playing=True)
    assert tab.report().next_report_s < REPORT_S
    assert tab.report().next_report_s == REPORT_S


async def test_tabs_are_bounded(tabs: BrowserBackend, clock: Clock) -> None:
    for _ in range(MAX_TABS * 2):
        clock.now += 0.001
        open_tab(tabs, clock)
    assert len(tabs._tabs) == MAX_TABS
