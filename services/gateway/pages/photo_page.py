"""Mood and songs from one picture, for people without a camera in the room."""

from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments
from pydantic import ValidationError

from services.contracts.channels import spoken
from services.contracts.colours import colour
from services.contracts.moods import MOOD_POINTS, Point
from services.gateway import photo, views
from services.gateway.pages.actions import Actions
from services.gateway.pages.elements import Button, Faces, PhotoPicker, Plane, Text, box
from services.gateway.photo import Answer, Reading

if TYPE_CHECKING:
    from services.gateway.service import GatewayService

MINUTES = 60
"""How long the room feels as the picture, where that is wanted."""


class PhotoPage:
    """The page in one browser tab. The browser sends the picture to REST by itself; only the answer comes here."""

    def __init__(self, service: "GatewayService", room: str) -> None:
        self._service = service
        self._room = room
        self._actions = Actions(lambda: service.api, room)
        self._reading: Reading | None = None
        self._fitting: list[photo.Song] = []

    def build(self) -> None:
        """Lay the page out."""
        self._page = box("div", "page")
        with self._page:
            with box("header", "masthead"):
                box("span", "ring").props("aria-hidden=true")
                back = Text("a", "Moodring", "brand", "back")
                back.props.update({"href": f"/?room={self._room}", "title": "Back to the room"})
            with box("main", "cards photo"):
                with box("section", "card camera").props('aria-label="Photo"'):
                    PhotoPicker(self._read, self._forget, self._room)
                    self._faces = Faces()
                with box("section", "card mood").props('aria-label="Mood"'):
                    with box("div", "mood-words"):
                        Text("p", "This picture feels", "eyebrow")
                        self._word = Text("h1", "…", testid="photo-mood").props("aria-live=polite")
                        self._line = Text("p", classes="quiet", testid="photo-line")
                    self._plane = Plane()
                with box("section", "card songs").props('aria-label="Songs"'):
                    with box("div", "card-head"):
                        Text("h2", "Songs that fit")
                        self._play = Button(self._begin, text="Play these", icon="play_arrow", testid="play-these")
                    self._songs = box("ol", "next", "photo-songs")
                    self._feel = Button(self._set, text=" ", icon="mood", testid="feel", classes="button")
        self._show(None)

    async def _read(self, event: GenericEventArguments) -> None:
        try:
            answer = Answer.model_validate(event.args)
        except ValidationError:
            self._forget()
            ui.notify("The answer cannot be read. Load this page again.", icon="error_outline")
            return
        taught = self._service.house.taught
        reading = photo.read(answer, taught)
        self._faces.show(faces=views.faces([(0, photo.message(answer))], 0, taught), note="No face was found.")
        self._show(reading)
        if not reading.point:
            return
        found = await self._actions.songs_near(reading.point, photo.SONGS)
        if found is not None and self._reading is reading:  # no other picture came meanwhile
            self._fitting = [photo.Song.model_validate(song) for song in found]
            self._play.show(hidden=not self._fitting)
            _list(self._songs, self._fitting)

    def _forget(self, _event: GenericEventArguments | None = None) -> None:
        """Show nothing of the picture before: the newest one was refused."""
        self._faces.show(faces=[], note="")
        self._show(None)

    def _show(self, reading: Reading | None) -> None:
        self._reading, self._fitting = reading, []
        self._songs.clear()
        self._play.show(hidden=True)
        self._page.style(f"--accent: {colour(reading.point if reading else None)}")
        self._word.text = photo.word(reading) if reading else "…"
        self._line.text = photo.line(reading) if reading else "Choose a picture with a face."
        self._plane.show(**photo.plane(reading))
        a_mood = reading is not None and reading.mood in {*MOOD_POINTS, *self._service.house.taught}
        self._feel.show(hidden=not a_mood)
        if reading and a_mood:
            self._feel.says(text=f"{spoken(self._room)} feels {spoken(reading.mood).lower()}, too")

    async def _begin(self) -> None:
        reading, songs = self._reading, self._fitting  # another picture may come meanwhile
        if reading and songs and await self._actions.play(songs, f"a picture: {photo.word(reading)}"):
            ui.notify(f"{songs[0].title} plays", icon="check", timeout=3000)

    async def _set(self) -> None:
        reading, room = self._reading, self._service.house.rooms.get(self._room)
        if reading and await self._actions.set_mood(reading.mood, MINUTES):
            mode = room.policy.mode if room and room.policy else None
            ui.notify(photo.felt(reading, self._room, mode, MINUTES), icon="check", timeout=5000)


def _list(into: Element, songs: list[photo.Song]) -> None:
    with into:
        if not songs:
            Text("li", "There are no songs in the library yet.", "eyebrow")
        for song in songs:
            with box("li", testid="photo-song").style(f"--own: {colour(Point(song.valence, song.arousal))}"):
                box("i").props("aria-hidden=true")
                Text("span", f"{song.title} · {song.artist}" if song.artist else song.title)
