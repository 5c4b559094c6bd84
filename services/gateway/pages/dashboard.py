"""The one page: cards, laid out, and drawn anew when something changed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nicegui import ui

from services.contracts.channels import allowed, spoken
from services.contracts.colours import colour
from services.gateway import views, words
from services.gateway.pages.actions import Actions
from services.gateway.pages.camera_card import Banner, CameraCard, PrivacySwitch
from services.gateway.pages.custom_moods_card import CustomMoodsCard
from services.gateway.pages.day_card import DayCard
from services.gateway.pages.elements import Text, box
from services.gateway.pages.look import Card, Look
from services.gateway.pages.mood_card import MoodCard, PickerCard
from services.gateway.pages.player_card import PlayerCard, PolicyCard
from services.gateway.pages.teach_card import TeachCard
from services.gateway.sign_in import SIGN_OUT_PATH

if TYPE_CHECKING:
    from services.gateway.service import GatewayService

REFRESH_S = 0.2
"""Expressions come five times a second; more would only cost."""


class Dashboard:
    """The page of one room in one browser tab."""

    def __init__(self, service: "GatewayService", room: str) -> None:
        self._service = service
        self._room = room
        self._cards: list[Card] = []
        self._rooms: tuple[str, ...] = ()
        self._drawn: Look | None = None

    def build(self, *, signed_in: bool) -> None:
        """Lay the page out, and keep it up to date while it is open.

        Args:
            signed_in: Whether there is a session that one can end.
        """
        actions = Actions(lambda: self._service.api, self._room)
        self._page = box("div", "page")
        with self._page:
            with box("header", "masthead"):
                box("span", "ring").props("aria-hidden=true")
                Text("span", "Moodring", "brand")
                self._nav = box("nav", "rooms", "rooms").props('aria-label="Rooms"')
                switch = PrivacySwitch(actions)
                if signed_in:
                    _sign_out()
            banner = Banner()
            with box("main", "cards"):
                self._cards = [
                    switch,
                    banner,
                    MoodCard(),
                    PlayerCard(actions),
                    CameraCard(lambda: self._service.api),
                    PickerCard(actions, self._service.settings.aggregator.of(self._room).points),
                    PolicyCard(actions),
                    TeachCard(actions),
                    CustomMoodsCard(actions),
                ]
                DayCard(lambda: self._service.api, self._room, self._service.clock)
        self.refresh()
        ui.timer(REFRESH_S, self.refresh)

    def refresh(self) -> None:
        """Draw what changed."""
        look = self._look()
        if look == self._drawn:
            return
        self._drawn = look
        self._page.style(f"--accent: {colour(views.mood_point(look.room.mood))}")
        self._show_rooms(words.furnished(look.house, self._service.settings.rooms))
        for card in self._cards:
            card.refresh(look)

    def _look(self) -> Look:
        service = self._service
        seen = tuple(at for (room, _), at in service.faces.items() if room == self._room)
        now = datetime.fromtimestamp(service.clock(), UTC)
        return Look(service.house, self._room, seen, service.bus_away, int(now.timestamp()), now)

    def _show_rooms(self, rooms: tuple[str, ...]) -> None:
        if rooms == self._rooms:
            return
        self._rooms = rooms
        self._nav.clear()
        if len(rooms) > 1:
            with self._nav:
                for room in rooms:
                    link = Text("a", spoken(room), "room")
                    link.props["href"] = f"/?room={room}"
                    link.props["aria-current"] = "page" if room == self._room else "false"


def known_room(service: "GatewayService", asked: str) -> str:
    """Return the room that an address asks for, the process's own where that is no name of a room."""
    return asked if allowed("room", asked) else service.settings.room


def _sign_out() -> None:
    with box("form").props(f'method="post" action="{SIGN_OUT_PATH}"'):
        button = box("button", "icon", "sign-out").props('type="submit" aria-label="Sign out" title="Sign out"')
        with button:
            ui.icon("logout").props("aria-hidden=true")
