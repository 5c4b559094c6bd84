"""Songs, a clock, a browser's tab and a real MPD for the tests of the player."""

import asyncio
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from services.contracts.channels import EVENTS, PLAY, PLAYER, PLAYER_SET
from services.contracts.messages import (
    Event,
    EventType,
    Playback,
    PlayerAction,
    PlayerCommand,
    PlayerState,
    PlayHow,
    PlayRequest,
    Track,
    uuid7,
)
from services.player.backends.browser import TabOrder, TabReport
from services.player.service import PlayerService
from services.runtime.bus import Delivery
from services.runtime.memory import MemoryBroker, MemoryBus
from services.runtime.settings import Player, Settings
from tests.servers import Server, free_port

NOW = 1_800_000_000.0
RATE = 8000
PATIENCE_S = 30.0


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def write_song(folder: Path, number: int, seconds: float) -> Track:
    """Write a silent song and return its track."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"song {number} é.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"\0\0" * round(RATE * seconds))
    return Track(song_id=number, title=f"Song {number}", uri=path.as_uri(), duration_s=seconds)


async def until(condition: Callable[[], Awaitable[bool]], nap_s: float = 0.02) -> None:
    """Return when the condition holds; what it asks for has no event to wait on."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(nap_s)


class ScriptedTab:
    """A browser's tab as `browser.js` behaves, on a clock.

    Args:
        clock: What moves its songs.
        send: Takes a report to the player.
        songs: Lengths of the songs in seconds by address; others cannot be played.
        blocked: The browser demands a click first.
    """

    def __init__(
        self, clock: Clock, send: Callable[[TabReport], TabOrder], songs: dict[str, float], *, blocked: bool = False
    ) -> None:
        self.id = uuid4()
        self.order = TabOrder(active=False)
        self.playing = False
        self._clock = clock
        self._send = send
        self._songs = songs
        self._blocked = blocked
        self._position_s = 0.0
        self._at = clock()
        self._url = ""
        self._cue = 0

    @property
    def position_s(self) -> float:
        ran_s = self._clock() - self._at if self.playing else 0
        return min(self._position_s + ran_s, self._songs.get(self._url, 0))

    def report(self, *, claim: bool = False) -> TabOrder:
        """Report and do what the reply says."""
        ended = bool(self._url in self._songs and self.position_s >= self._songs[self._url])
        error = "unknown format" if self._url and self._url not in self._songs else ""
        self.order = self._send(
            TabReport(
                tab=self.id, cue=self._cue, playing=self.playing and not ended, position_s=self.position_s,
                ended=ended, error=error, blocked=self._blocked, claim=claim,
            )
        )  # fmt: skip
        self._obey(self.order)
        return self.order

    def click(self) -> TabOrder:
        """Click into the page, which lets it play."""
        self._blocked = False
        return self.report()

    def _obey(self, order: TabOrder) -> None:
        position_s = self.position_s
        if not order.active or not order.url:
            self._url, self.playing, self._cue = "", False, order.cue if order.active else 0
            return
        if order.cue != self._cue:
            self._cue, self._url, position_s = order.cue, order.url, order.position_s
        self._position_s, self._at, self.playing = position_s, self._clock(), order.playing


class Mpd(Server):
    """A real MPD with a silent output; `more` is put into its configuration."""

    def __init__(self, folder: Path, music: Path, more: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port, config = free_port(), folder / "mpd.conf"
        config.write_text(
            f'music_directory "{music}"\ndb_file "{folder}/db"\nstate_file "{folder}/state"\n'
            f'bind_to_address "127.0.0.1"\nport "{port}"\nzeroconf_enabled "no"\n'
            'audio_output {\n type "null"\n name "silence"\n mixer_type "software"\n}\n'
            f"{more}\n"
        )
        super().__init__(["mpd", "--no-daemon", "--stdout", str(config)], port)
        self.url = f"mpd://127.0.0.1:{port}"


class Room:
    """A player at work on a bus of its own, and what it says there."""

    def __init__(self, service: PlayerService, bus: MemoryBus) -> None:
        self.service = service
        self.bus = bus
        self.states: list[PlayerState] = []
        self.events: list[Event] = []
        self._news = asyncio.Condition()
        bus.subscribe(PLAYER, self._on_state, room="home")
        bus.subscribe(EVENTS, self._on_event, room="home")

    @property
    def state(self) -> PlayerState:
        return self.states[-1]

    def play(self, *tracks: Track, how: PlayHow = PlayHow.APPEND) -> PlayRequest:
        request = PlayRequest(decision_id=uuid7(), tracks=tracks, how=how, reason="a test")
        self.bus.publish(PLAY, request, room="home")
        return request

    def tell(self, action: str, value: float | None = None) -> None:
        command = PlayerCommand(action=PlayerAction(action), value=value)
        self.bus.publish(PLAYER_SET, command, room="home")

    async def until(self, condition: Callable[[PlayerState], bool]) -> PlayerState:
        """Return the first state, from the present one on, of which the condition holds."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: bool(self.states) and condition(self.state))
            return self.state

    async def plays(self, track: Track) -> PlayerState:
        return await self.until(
            lambda state: (
                state.playback is Playback.PLAYING and state.current is not None and state.current.track == track
            )
        )

    async def event(self, kind: EventType) -> Event:
        """Return the first event of a kind."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: any(event.type is kind for event in self.events))
        return next(event for event in self.events if event.type is kind)

    async def _on_state(self, delivery: Delivery[PlayerState]) -> None:
        async with self._news:
            self.states.append(delivery.message)
            self._news.notify_all()

    async def _on_event(self, delivery: Delivery[Event]) -> None:
        async with self._news:
            self.events.append(delivery.message)
            self._news.notify_all()


@asynccontextmanager
async def playing(service: PlayerService, broker: MemoryBroker | None = None) -> AsyncIterator[Room]:
    """Run a player while the context is open."""
    async with MemoryBus(broker=broker) as bus:
        room = Room(service, bus)
        running = asyncio.create_task(service.run(bus))
        try:
            await room.until(lambda _state: True)
            yield room
        finally:
            running.cancel()
            (ended,) = await asyncio.gather(running, return_exceptions=True)
            if not isinstance(ended, asyncio.CancelledError):
                running.result()


def settings(data: Path, backend: str = "null:") -> Settings:
    """Return the settings of a player whose songs lie in `data/songs`."""
    return Settings(data=data, player=Player(backend=backend))
