"""What plays, why, what comes next, and the controls."""

from typing import Any

from nicegui import ui

from services.contracts.colours import colour
from services.contracts.messages import Playback, PlayerAction, PlayerState, PolicyMode, QueuedTrack
from services.contracts.moods import Point
from services.gateway import views, words
from services.gateway.pages.actions import Actions
from services.gateway.pages.elements import Button, Listen, Progress, Text, box
from services.gateway.pages.look import Look

MAX_NEXT = 5
"""Songs of the queue that are shown."""

FOLLOW_THE_THUMB = "(event) => event.target.style.setProperty('--part', event.target.value / 100)"


class PlayerCard:
    """The song that plays."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._playing = False
        self._queue: tuple[QueuedTrack, ...] | None = None
        with box("section", "card player").props('aria-label="Player"'):
            with box("div", "now"):
                self._cover = box("div", "cover").props("aria-hidden=true")
                with box("div", "song"):
                    self._title = Text("h2", testid="title")
                    self._artist = Text("p", classes="artist", testid="artist")
                    self._why = Text("p", classes="why", testid="why")
            self._progress = Progress().on("seek", self._seek)
            self._build_controls()
            with box("div", "listen").props("aria-live=polite"):
                self._listen = Listen()
            self._next = box("ol", "next", "queue").props('aria-label="Next songs"')

    def _build_controls(self) -> None:
        act = self._actions.player
        with box("div", "controls"):
            self._buttons = [
                Button(
                    act(PlayerAction.DISLIKE, "Skipped. It will be chosen less."),
                    icon="thumb_down", label="Dislike this song", testid="dislike", classes="icon",
                ),
                Button(act(PlayerAction.PREVIOUS), icon="skip_previous", label="Previous song", testid="previous",
                       classes="icon"),
                Button(self._toggle, icon="play_arrow", label="Play", testid="play", classes="icon big"),
                Button(act(PlayerAction.NEXT), icon="skip_next", label="Next song", testid="next", classes="icon"),
                Button(
                    act(PlayerAction.LIKE, "Liked. More like this."),
                    icon="thumb_up", label="Like this song", testid="like", classes="icon",
                ),
            ]  # fmt: skip
            with box("div", "volume"):
                ui.icon("volume_up").props("aria-hidden=true")
                self._volume = box("input", "", "volume").props('type=range min=0 max=100 step=1 aria-label="Volume"')
                self._volume.on("input", js_handler=FOLLOW_THE_THUMB)
                self._volume.on("change", self._set_volume, js_handler="(event) => emit(Number(event.target.value))")

    def refresh(self, look: Look) -> None:
        """Show the song, or why there is none."""
        state = look.room.player
        track = state.current.track if state and state.current else None
        self._playing = bool(state and state.playback is Playback.PLAYING)
        self._title.text = track.title if track else "Nothing plays"
        self._artist.text = track.artist if track else _silence(look)
        self._why.text = words.why(state)
        point = views.song_point(state)
        self._cover.classes(remove="none") if point else self._cover.classes("none")
        self._cover.style(f"--own: {colour(point)}; --deep: {colour(point, lightness=0.45)}")
        self._progress_to(look)
        self._listen.show(room=look.name if state else "")
        self._show_controls(state)
        self._show_queue(state.queue if state else ())

    def _progress_to(self, look: Look) -> None:
        props = views.progress(look.room.player, look.now)
        if props["stamp"] != self._progress.props.get("stamp"):
            self._progress.show(**props)

    def _show_controls(self, state: PlayerState | None) -> None:
        for button in self._buttons:
            button.enable(state is not None)
        toggle = self._buttons[2]
        word = "Pause" if self._playing else "Play"
        toggle.says(icon="pause" if self._playing else "play_arrow", label=word)
        volume = state.volume if state else 0
        if self._volume.props.get("value") != volume:
            self._volume.props["value"] = volume
            self._volume.style(f"--part: {volume / 100}")

    def _show_queue(self, queue: tuple[QueuedTrack, ...]) -> None:
        if queue == self._queue:
            return
        self._queue = queue
        self._next.clear()
        with self._next:
            if queue:
                Text("li", "Next", classes="eyebrow").props("aria-hidden=true")
            for queued in queue[:MAX_NEXT]:
                with box("li", "", "queued"):
                    box("i").style(f"--own: {colour(Point(queued.track.valence, queued.track.arousal))}")
                    Text("span", queued.track.title)
                    Text("span", queued.track.artist, "quiet")

    async def _toggle(self) -> None:
        await self._actions.tell_player(PlayerAction.PAUSE if self._playing else PlayerAction.PLAY)

    async def _seek(self, event: Any) -> None:
        await self._actions.tell_player(PlayerAction.SEEK, float(event.args))

    async def _set_volume(self, event: Any) -> None:
        await self._actions.tell_player(PlayerAction.VOLUME, float(event.args))


def _silence(look: Look) -> str:
    policy = look.room.policy
    if policy and policy.mode is PolicyMode.OFF:
        return "The policy is off, so no songs are chosen."
    if look.room.mood is None and words.unwatched(look.room):
        return "The camera is off: a song starts when you say how it should feel."
    return "A song starts with the first mood." if look.room.mood is None else "Songs appear here as they are chosen."


class PolicyCard:
    """What music does to a mood."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._buttons: dict[PolicyMode, Button] = {}
        with box("section", "card policy").props('aria-label="Policy"'):
            Text("h2", "What should the music do?")
            with box("div", "choices"):
                for mode, (title, meaning) in words.POLICIES.items():
                    self._buttons[mode] = self._choice(mode, title, meaning)

    def refresh(self, look: Look) -> None:
        """Mark the policy in force."""
        mode = look.room.policy.mode if look.room.policy else None
        for choice, button in self._buttons.items():
            button.show(**{"aria-pressed": "true" if choice is mode else "false"})
            button.enable(mode is not None)

    def _choice(self, mode: PolicyMode, title: str, meaning: str) -> Button:
        async def choose() -> None:
            await self._actions.set_policy(mode)

        button = Button(choose, text=title, classes="choice", testid=f"policy-{mode}")
        with button:
            Text("small", meaning)
        return button
