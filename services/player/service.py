"""The player: takes songs and commands, keeps the queue, has a backend play it, tells the room."""

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from services.contracts.channels import PLAY, PLAYER_SET
from services.contracts.messages import EventType, PlayerCommand, PlayerState, PlayRequest, QueuedTrack, uuid7
from services.player import session as sessions
from services.player.announcements import Announcements
from services.player.api import routes
from services.player.asked import Asked
from services.player.backends.base import Backend, Capability, Observation
from services.player.backends.browser import BrowserBackend, TabOrder, TabReport
from services.player.choice import choose
from services.player.files import Music, UnplayableError
from services.player.output import Output
from services.player.session import Session, Step
from services.player.state import Keeper
from services.player.tracing import Tracing
from services.runtime.bus import Bus, Delivery
from services.runtime.health import Health
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 0.5


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    mpv_installed: bool | None = None,
) -> "PlayerService":
    """Return the player.

    Args:
        settings: All settings.
        clock: Seconds since the epoch.
        monotonic: Seconds that only ever grow.
        mpv_installed: Whether there is an mpv; looked for without it.

    Raises:
        SetupError: The backend's setting is wrong, or what it names is not installed.
    """
    tabs = BrowserBackend(monotonic)
    if mpv_installed is None:
        mpv_installed = shutil.which("mpv") is not None
    return PlayerService(settings, clock, tabs, choose(settings, monotonic, tabs, mpv_installed=mpv_installed))


class PlayerService:
    """Satisfies `runtime.service.Service`."""

    name = "player"

    def __init__(
        self, settings: Settings, clock: Callable[[], float], tabs: BrowserBackend, backends: tuple[Backend, ...]
    ) -> None:
        self.room = settings.room
        self.health = Health()
        self.asked = Asked()
        self.router = routes(self)
        self._music = Music(root for root in (settings.music, settings.data / "songs") if root)
        self._keeper = Keeper(settings.data, self.health, clock)
        self._clock = clock
        self._tabs = tabs
        self._backends = backends
        self._tracing = Tracing()
        self._output = self._new_output()
        self._session = Session()
        self._announcements: Announcements | None = None
        self._wake = asyncio.Event()

    async def run(self, bus: Bus) -> None:
        """Play until cancelled."""
        self._session = await asyncio.to_thread(self._load)
        self._output = self._new_output()
        self._announcements = Announcements(bus, self.room, self._clock, self._session.played)
        bus.subscribe(PLAY, self._on_play, room=self.room)
        bus.subscribe(PLAYER_SET, self._on_command, room=self.room)
        try:
            async with asyncio.TaskGroup() as tasks:
                for backend in self._backends:
                    tasks.create_task(backend.run(self._wake.set), name=f"player {backend.name}")
                tasks.create_task(self._drive(), name="player drive")
                tasks.create_task(self._keeper.run(lambda: self._session), name="player state")
        finally:
            self._announcements = None
            self._keeper.save(self._session)

    @property
    def running(self) -> bool:
        """Whether commands are taken now."""
        return self._announcements is not None

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What the backend in use can do."""
        return tuple(sorted(self._output.capabilities))

    def state(self) -> PlayerState:
        """Return what the room plays, with the position of this moment."""
        now = self._clock()
        return PlayerState(
            playback=self._session.playback,
            current=self._session.current,
            position_s=sessions.position(self._session, now),
            position_at=datetime.fromtimestamp(now, UTC),
            volume=self._session.volume,
            backend=self._output.name,
            queue=self._session.queue,
        )

    def command(self, command: PlayerCommand) -> bool:
        """Do a command; false where it needs a song and none is there."""
        step = sessions.act(self._session, command.action, command.value, self._clock(), uuid7)
        if step is None:
            return False
        self._take(step)
        return True

    def play(self, request: PlayRequest, *, manual: bool = False) -> None:
        """Take songs into the queue; `manual` says that a person asked for them."""
        queued = tuple(
            QueuedTrack(track=track, decision_id=request.decision_id, reason=request.reason) for track in request.tracks
        )
        log.info(
            "%s: %d song(s), first %s", request.how, len(queued), queued[0].track.title if queued else "none",
            extra={"decision_id": str(request.decision_id)},
        )  # fmt: skip
        if manual:
            for track in queued:
                self._tell(EventType.MANUAL_PLAY, track, 0)
        with self._tracing.queues(self.room, request, queued, manual=manual):
            self._take(sessions.enqueue(self._session, queued, request.how, self._clock()))
        if left_out := len(set(queued) - {self._session.current, *self._session.queue}):
            log.warning("the queue is full at %d songs: %d song(s) were left out", sessions.MAX_QUEUE, left_out)

    def hear(self, report: TabReport) -> TabOrder:
        """Take a tab's report; where tabs are not to play, each is told to be silent."""
        if self._tabs not in self._backends:
            return TabOrder(active=False, available=False)
        order = self._tabs.hear(report)
        following = self._session.queue[:1]
        preload = f"/media/{following[0].track.song_id}" if order.active and following else None
        return order.model_copy(update={"preload": preload})

    def tab_closed(self, tab: UUID) -> None:
        """Take it that a tab's page closes."""
        self._tabs.close(tab)

    def media(self, song_id: int) -> Path:
        """Return the file of a song of this session.

        Raises:
            UnplayableError: It is none of this session's, or it has no file that may be played.
        """
        for queued in (*reversed(self._session.played), *self._session.queue):
            if queued.track.song_id == song_id:
                return self._music.find(queued.track)
        raise UnplayableError(f"song {song_id} is not in the queue of room {self.room} nor was it played lately")

    async def _on_play(self, delivery: Delivery[PlayRequest]) -> None:
        self.play(delivery.message)

    async def _on_command(self, delivery: Delivery[PlayerCommand]) -> None:
        if not self.command(delivery.message):
            log.info("there is no song to %s", delivery.message.action)

    def _load(self) -> Session:
        """Return the saved session without what can no longer be played: songs of another folder, say."""
        session = self._keeper.load()
        playable = tuple(queued for queued in session.queue if self._music.has(queued.track))
        if gone := len(session.queue) - len(playable):
            log.warning("%d queued song(s) are no longer in the music folder and were left out", gone)
        return replace(session, queue=playable)

    def _new_output(self) -> Output:
        return Output(
            self._backends, find=self._music.find, health=self.health, clock=self._clock, tracing=self._tracing
        )

    async def _drive(self) -> None:
        """Keep session and backend together: look, conclude, tell."""
        while True:
            self._wake.clear()
            observation = await self._output.observe()
            self._conclude(observation)
            told = self._session
            try:
                await self._output.follow(told)
            except UnplayableError as error:
                if self._session.cue == told.cue:  # else somebody went on meanwhile, to a song that is well
                    self._fail(str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._tick_s()):
                    await self._wake.wait()

    def _tick_s(self) -> float:
        """Return when to look again: soon, or right at the end of the song."""
        current = self._session.current
        if current is None or current.track.duration_s is None:
            return TICK_S
        left_s = current.track.duration_s - sessions.position(self._session, self._clock())
        return left_s if 0 < left_s < TICK_S else TICK_S

    def _conclude(self, observation: Observation | None) -> None:
        now = self._clock()
        session = sessions.present(self._session, now, away=observation is None)
        if observation is None or not self._output.holds(session):
            self._take((session, ()))
        elif observation.error:
            self._session = session
            self._fail(observation.error)
        elif observation.ended:
            self._take(sessions.finish(session, now))
        elif observation.position_s is not None:
            self._take((sessions.observed(session, observation.position_s, now), ()))

    def _fail(self, text: str) -> None:
        """Say that the current song cannot be played, and go on to the next."""
        step = sessions.fail(self._session, self._clock())
        if step[0].gave_up:
            text += f"; that was the {sessions.MAX_FAILURES}th song in a row, so the music waits for `play`"
        if self._announcements:
            self._announcements.problem(text)
        self._take(step)

    def _take(self, step: Step) -> None:
        """Make a step real: keep it, tell it, have it played and saved."""
        before, (self._session, happenings) = self._session, step
        for happening in happenings:
            self._tell(*happening)
        if self._session.gave_up != before.gave_up:
            problem = "no song of the last few could be played; see the log, then press play"
            self.health.report("songs", problem if self._session.gave_up else "")
        if self._announcements and self._announcements.state(self.state()):
            self._keeper.changed()
            self._wake.set()

    def _tell(self, kind: EventType, track: QueuedTrack, position_s: float) -> None:
        if self._announcements:
            self._announcements.track(kind, track, position_s)
