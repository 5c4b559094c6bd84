"""What of the rooms survives a restart, in a file."""

import asyncio
from uuid import UUID

from pydantic import BaseModel

from services.recommender.room import SavedRoom
from services.runtime.health import Health
from services.runtime.settings import Settings
from services.runtime.state import StateFile

PARTS = (
    "rooms.*",
    "rooms.*.policy.exceptions.*",
    "rooms.*.cursors.*",
    "rooms.*.heard",
    "rooms.*.acted_on",
    "forgotten.*",
)
"""What of `SavedRooms` may be lost alone."""


class SavedRooms(BaseModel):
    """The state file."""

    rooms: dict[str, SavedRoom] = {}
    forgotten: dict[str, UUID] = {}
    """The decision that stood in a room when its history was deleted: said again, it is still not written down."""


class RoomsFile:
    """Loads and saves rooms; `health` hears of the part `state`."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._data = settings.data
        self._file = StateFile(settings.data / "state" / "recommender.json", SavedRooms, PARTS)
        self._health = health

    def load(self) -> SavedRooms:
        """Return what was saved; nothing where nothing was."""
        return self._file.load() or SavedRooms()

    async def save(self, rooms: SavedRooms) -> None:
        """Save the rooms; a full disk is said, and never raised."""
        try:
            await asyncio.to_thread(self._file.save, rooms)
            self._health.report("state")
        except OSError as error:
            self._health.report("state", f"the state cannot be saved in {self._data}: {error.strerror}")
