"""Plays in a tab of a browser, which reports every second and is told what to do in the reply."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.contracts.messages import Message, Text
from services.player.backends.base import AwayError, Capability, Observation, Sound

ALIVE_S = 5.0
"""How long a tab counts as open after its last report; it falls silent by itself after 4 s without a reply."""
CLOSED_S = 2.0
"""How long a tab that said it closes is waited for: a reload or another page is back sooner."""
REPORT_S = 1.0
HASTE_S = 0.25
RUNS_ON_S = 1.5
"""How far a position is carried on after a report: no further, so that a silent tab's song does not run on."""
MAX_TABS = 64

Position = Annotated[float, Field(ge=0)]


class TabReport(Message):
    """What a tab says of itself, once a second and after every change."""

    tab: UUID
    """Made up by the page, new with every load of it."""
    cue: Annotated[int, Field(ge=0)] = 0
    """The `cue` of the order that is in effect in the tab; 0 before the first."""
    playing: bool = False
    """Sound is coming out (or silence is kept by an order to pause: false)."""
    position_s: Position = 0
    ended: bool = False
    """The song of this cue was played to its end."""
    blocked: bool = False
    """The browser demands a click before it plays; such a tab is given nothing to play."""
    error: Text = ""
    """Why the song of this cue cannot be played, after retries."""
    claim: bool = False
    """Someone asked for the sound in this tab; said once."""


class TabOrder(Message):
    """What a tab is to do.

    A new `cue` means: load `url`, go to `position_s`. The same cue means: leave the position alone and keep
    `playing` and `volume` as told. Not `active`, or no `url`: be silent.
    """

    active: bool
    """This tab is the one that sounds."""
    available: bool = True
    """Tabs may play this room's music at all; false where another backend is set."""
    cue: int = 0
    """New with every song and every jump within it."""
    play_id: UUID | None = None
    url: str | None = None
    """Where the sound is, below the address of the API: `/media/7`."""
    position_s: Position = 0
    playing: bool = False
    volume: Annotated[int, Field(ge=0, le=100)] = 70
    preload: str | None = None
    """The song that comes next, to be fetched ahead."""
    next_report_s: float = REPORT_S
    """When to report again: soon while something is changing."""


@dataclass(frozen=True)
class _Tab:
    report: TabReport
    heard_at: float
    gone_at: float
    turn: int
    """Rises each time a tab asks for the sound: by opening, by the first click, by a claim."""


class BrowserBackend:
    """All tabs together; one of them sounds. A tab that is replaced is told to stop before the next may start.

    Args:
        clock: Seconds that only ever grow: how long a tab is silent must not depend on a clock that is set.
    """

    name = "browser"
    capabilities = frozenset({Capability.VOLUME})

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tabs: dict[UUID, _Tab] = {}
        self._sounding: UUID | None = None
        self._heir: UUID | None = None
        self._turns = 0
        self._order = TabOrder(active=False)
        self._cues = 0
        self._wake: Callable[[], None] = lambda: None

    def hear(self, report: TabReport) -> TabOrder:
        """Take a tab's report and return its order."""
        now = self._clock()
        before = self._tabs.get(report.tab)
        if before is None and len(self._tabs) >= MAX_TABS:
            self._tabs.pop(min(self._tabs, key=lambda tab: self._tabs[tab].heard_at))
        asks = before is None or report.claim or (before.report.blocked and not report.blocked)
        if asks:
            self._turns += 1
        turn = self._turns if asks or before is None else before.turn
        self._tabs[report.tab] = _Tab(report, now, now + ALIVE_S, turn)
        self._elect(report.tab)
        self._wake()
        return self._order_for(report, asks=asks)

    def close(self, tab: UUID) -> None:
        """Take it that a tab's page closes."""
        if found := self._tabs.get(tab):
            self._tabs[tab] = replace(found, gone_at=min(found.gone_at, self._clock() + CLOSED_S))

    async def run(self, wake: Callable[[], None]) -> None:
        """Do nothing: tabs come and go by their reports."""
        self._wake = wake

    async def load(self, sound: Sound, position_s: float, *, playing: bool) -> None:
        """Put the song into the order."""
        self._cues += 1
        url = f"/media/{sound.track.song_id}"
        self._order = self._order.model_copy(
            update={
                "cue": self._cues, "play_id": sound.play_id, "url": url, "position_s": position_s, "playing": playing,
            }
        )  # fmt: skip

    async def pause(self, *, paused: bool) -> None:
        """Put it into the order."""
        self._order = self._order.model_copy(update={"playing": not paused})

    async def set_volume(self, volume: int) -> None:
        """Put it into the order."""
        self._order = self._order.model_copy(update={"volume": volume})

    async def stop(self) -> None:
        """Order silence."""
        self._cues += 1
        self._order = TabOrder(active=False, cue=self._cues, volume=self._order.volume)

    async def observe(self) -> Observation:
        """Return what the sounding tab reported; away while no tab is open that may play."""
        now = self._clock()
        self._elect()
        if self._sounding is None:
            raise AwayError("no page is open that may play; open the dashboard and click into it")
        tab = self._tabs[self._sounding]
        report = tab.report
        if report.cue != self._order.cue or self._order.url is None:
            return Observation(self._order.play_id)
        position = report.position_s + (min(now - tab.heard_at, RUNS_ON_S) if report.playing else 0)
        return Observation(self._order.play_id, position, ended=report.ended, error=report.error)

    def _elect(self, heard: UUID | None = None) -> None:
        """Choose the tab that sounds: the one that asked last; a tab still sounding gives way when it is heard."""
        now = self._clock()
        leaving = self._tabs.get(self._sounding) if self._sounding else None
        self._tabs = {key: tab for key, tab in self._tabs.items() if tab.gone_at > now}
        able = [key for key, tab in self._tabs.items() if not tab.report.blocked]
        self._heir = max(able, key=lambda key: self._tabs[key].turn, default=None)
        if self._heir != self._sounding and (self._sounding not in able or self._sounding == heard):
            self._sounding = self._heir
            self._hand_over(leaving)

    def _hand_over(self, leaving: _Tab | None) -> None:
        """Have the newly elected tab start where the last one was; without one, forget the song."""
        self._cues += 1
        if self._sounding is None or self._order.url is None:
            self._order = TabOrder(active=False, cue=self._cues, volume=self._order.volume)
            return
        position_s = self._order.position_s
        if leaving and leaving.report.cue == self._order.cue:
            position_s = leaving.report.position_s
        self._order = self._order.model_copy(update={"cue": self._cues, "position_s": position_s})

    def _order_for(self, report: TabReport, *, asks: bool) -> TabOrder:
        if report.tab != self._sounding:
            haste = report.tab == self._heir
            return TabOrder(active=False, volume=self._order.volume, next_report_s=HASTE_S if haste else REPORT_S)
        haste = asks or report.cue != self._order.cue or report.ended or bool(report.error)
        return self._order.model_copy(update={"active": True, "next_report_s": HASTE_S if haste else REPORT_S})
