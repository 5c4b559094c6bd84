"""The moods of the last 24 hours."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
from nicegui import ui

from services.gateway.day import LENGTH, day
from services.gateway.pages.elements import Day, Text, box

log = logging.getLogger(__name__)

LOAD_S = 60.0
"""A new minute comes once in a minute."""


class DayCard:
    """A strip of moods, asked for anew every minute.

    Args:
        api: The REST API.
        room: The room that is shown.
        clock: Seconds since 1970.
    """

    def __init__(self, api: Callable[[], httpx.AsyncClient], room: str, clock: Callable[[], float]) -> None:
        self._api = api
        self._room = room
        self._clock = clock
        with box("section", "card day-card", "day-card").props('aria-label="The last 24 hours"'):
            with box("div", "card-head"):
                Text("h2", "The last 24 hours")
                self._line = Text("p", classes="quiet", testid="day-line")
            self._day = Day()
        ui.timer(LOAD_S, self._load)

    async def _load(self) -> None:
        minute = self._clock() // 60 * 60
        start = datetime.fromtimestamp(minute, UTC) - LENGTH
        query = {"from": start.isoformat(), "resolution": "minute", "limit": "1"}
        try:
            answer = await self._api().get(f"/api/rooms/{self._room}/history", params=query)
            props = day(answer.raise_for_status().json()["moods"], start)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            log.info("the history of %s could not be read: %r", self._room, error)
            self._line.text = "The history is not there at the moment."
            return
        self._day.show(**props)
        self._line.text = "" if props["parts"] else "The first minute appears soon."
