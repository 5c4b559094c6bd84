"""All rooms: as many as the settings, the state file and the bus name, within bounds. Times are seconds since 1970."""

from collections.abc import ItemsView

from services.aggregator.errors import NoSuchRoomError
from services.aggregator.room import Room
from services.aggregator.state import AggregatorState, Calibration, RoomState
from services.aggregator.vocabulary import of_room
from services.contracts.channels import JUMP_S, MAX_ROOMS, SILENT_ROOM_S, UnknownRoom
from services.contracts.messages import CustomMoods
from services.runtime.settings import Settings

MAX_STRANGERS = 16
"""Names at a time that faces come from, but none that counted: where more come, the oldest is listened to anew. A bound
of memory."""


class Rooms:
    """The rooms by name; those of the settings are always there.

    Args:
        settings: Which rooms are ours, and how moods are found in each.
        now: The time.
        saved: What is known from before a restart.
    """

    def __init__(self, settings: Settings, now: float, saved: AggregatorState) -> None:
        self._settings = settings
        rules = settings.aggregator
        self._custom = CustomMoods()
        self._ours = {*settings.rooms}
        self._looked_at = now
        self._strangers: dict[str, Room] = {}
        names = dict.fromkeys((*settings.rooms, *saved.rooms))
        self._rooms = {name: Room(rules.of(name), now, saved.rooms.get(name)) for name in names}

    def items(self) -> ItemsView[str, Room]:
        """Return every room with its name."""
        return self._rooms.items()

    def __len__(self) -> int:
        return len(self._rooms)

    def __contains__(self, name: str) -> bool:
        return name in self._rooms

    def known(self, name: str) -> Room:
        """Return a room.

        Raises:
            NoSuchRoomError: Nothing is known of it.
        """
        if name not in self._rooms:
            raise NoSuchRoomError(UnknownRoom(name, self._rooms))
        return self._rooms[name]

    def enter(self, name: str, now: float) -> Room:
        """Return a room, which may be new.

        Raises:
            NoSuchRoomError: There are too many.
        """
        if name not in self._rooms:
            if len(self._rooms) >= MAX_ROOMS and not self._forget_one(now):
                raise NoSuchRoomError(f"there are {MAX_ROOMS} rooms already; {name} is not listened to")
            room = self._strangers.pop(name, None) or self._new(name, now)
            room.begin(now)
            self._rooms[name] = room
        return self._rooms[name]

    def listen(self, name: str, now: float) -> Room:
        """Return a room, or one that is none yet: it learns what time its cameras have, and nobody else sees it."""
        if name in self._rooms:
            return self._rooms[name]
        if name not in self._strangers:
            if len(self._strangers) >= MAX_STRANGERS:
                del self._strangers[next(iter(self._strangers))]
            self._strangers[name] = self._new(name, now)
        return self._strangers[name]

    def _new(self, name: str, now: float) -> Room:
        room = Room(self._settings.aggregator.of(name), now)
        room.learn(of_room(self._custom, name), now)
        return room

    def learn(self, custom: CustomMoods, now: float) -> None:
        """Take what the household taught, in every room and in those to come."""
        self._custom = custom
        for name, room in (*self._rooms.items(), *self._strangers.items()):
            room.learn(of_room(custom, name), now)

    @property
    def state(self) -> AggregatorState:
        """What has to survive a restart: the names too, since a command that waited for it comes before the cameras."""
        known = {name: room.state for name, room in self._rooms.items()}
        kept = {name: state for name, state in known.items() if name not in self._ours or state != RoomState()}
        return AggregatorState(rooms=kept)

    def forget_silent(self, now: float) -> None:
        """Forget the rooms of which nothing was heard for a day, and that were taught nothing.

        Ask about every second.
        """
        jumped = not 0 <= now - self._looked_at < JUMP_S
        self._looked_at = now
        if jumped:
            for room in self._rooms.values():
                room.heard_at = now
        for name in [name for name in self._silent(now) if self._rooms[name].state.calibration == Calibration()]:
            del self._rooms[name]

    def _forget_one(self, now: float) -> bool:
        """Make place for a room: the one that has been silent longest goes, after a day."""
        oldest = min(self._silent(now), key=lambda name: self._rooms[name].heard_at, default=None)
        if oldest is None:
            return False
        del self._rooms[oldest]
        return True

    def _silent(self, now: float) -> list[str]:
        others = [name for name in self._rooms if name not in self._ours]
        others = [name for name in others if not self._rooms[name].has_player]  # which speaks when it has news
        return [name for name in others if now - self._rooms[name].heard_at >= SILENT_ROOM_S]
