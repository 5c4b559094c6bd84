"""The room's mood, and how to say it by hand."""

from collections.abc import Mapping

from nicegui import ui

from services.contracts.channels import spoken
from services.contracts.colours import mood_colour
from services.contracts.messages import MoodSource
from services.contracts.moods import EXPRESSIONS, NAMED_MOODS, Point
from services.gateway import views, words
from services.gateway.pages.actions import Actions
from services.gateway.pages.elements import Button, Plane, Text, box
from services.gateway.pages.look import Look

MINUTES = {15: "15 minutes", 60: "1 hour", 180: "3 hours", 720: "12 hours"}


class MoodCard:
    """The big word, how sure it is, and where it lies on the plane."""

    def __init__(self) -> None:
        with box("section", "card mood").props('aria-label="Mood"'):
            with box("div", "mood-words"):
                self._room = Text("p", classes="eyebrow")
                self._word = Text("h1", testid="mood").props("aria-live=polite")
                self._line = Text("p", classes="quiet", testid="mood-line")
            self._plane = Plane()

    def refresh(self, look: Look) -> None:
        """Show the mood."""
        mood = look.room.mood
        self._room.text = f"{spoken(look.name)} feels" if views.mood_point(mood) else spoken(look.name)
        self._word.text = words.mood_word(mood)
        self._line.text = words.mood_line(mood, look.now, blind=words.unwatched(look.room))
        self._plane.show(**views.plane(mood, look.room.player))


class PickerCard:
    """Moods to choose by hand, for a while or until the camera is asked again.

    Args:
        actions: What is done when one is chosen.
        places: Every mood that the settings name for this room, and its place on the plane; taught ones come besides.
    """

    def __init__(self, actions: Actions, places: Mapping[str, Point]) -> None:
        self._actions = actions
        self._minutes: int = 60
        self._buttons: dict[str, Button] = {}
        self._places = {mood: places[mood] for mood in dict.fromkeys((*EXPRESSIONS, *NAMED_MOODS, *places))}
        self._taught: dict[str, Point] = {}
        with box("section", "card picker").props('aria-label="Choose a mood"'):
            with box("div", "card-head"):
                Text("h2", "How should it feel?")
                self._select = (
                    ui.select(MINUTES, value=self._minutes, label="for", on_change=self._set_minutes)
                    .props('dense outlined options-dense data-testid="minutes"')
                    .classes("minutes")
                )
            with box("div", "chips"):
                self._auto = Button(
                    actions.end_override, text="Automatic", icon="auto_awesome", classes="chip", testid="mood-auto"
                )
                photo = box("a", "chip", "from-photo").props(f'href="/photo?room={actions.room}"')
                with photo:
                    ui.icon("photo_camera").props("aria-hidden=true")
                    Text("span", "From a photo")
                for mood in self._places:
                    self._buttons[mood] = self._chip(mood)
                self._own = box("div", "chips")

    def refresh(self, look: Look) -> None:
        """Mark the mood that was chosen."""
        self._show_own(look.house.taught)
        mood = look.room.mood
        chosen = mood.mood if mood and mood.source is MoodSource.OVERRIDE else None
        self._auto.show(**{"aria-pressed": "true" if chosen is None else "false"})
        for name, button in self._buttons.items():
            button.show(**{"aria-pressed": "true" if name == chosen else "false"})

    def _show_own(self, taught: Mapping[str, Point]) -> None:
        """Offer the moods that the household taught, beside those that the settings name."""
        if taught == self._taught:
            return
        self._taught = dict(taught)
        self._own.clear()
        self._buttons = {mood: button for mood, button in self._buttons.items() if mood in self._places}
        with self._own:
            for mood in taught:
                if mood not in self._places:
                    self._buttons[mood] = self._chip(mood)
        for mood, button in self._buttons.items():
            button.style(f"--own: {mood_colour(mood, self._places | self._taught)}")

    def _chip(self, mood: str) -> Button:
        async def choose() -> None:
            if await self._actions.set_mood(mood, self._minutes):
                ui.notify(f"{spoken(mood)} for {MINUTES[self._minutes]}, from the next song on.", icon="check")

        button = Button(choose, text=spoken(mood), classes="chip", testid=f"mood-{mood}")
        return button.style(f"--own: {mood_colour(mood, self._places | self._taught)}")

    def _set_minutes(self) -> None:
        self._minutes = int(self._select.value or self._minutes)
