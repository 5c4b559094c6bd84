"""The rooms that the recommender has heard of: bounded, since anyone on the bus can name one.

Times are seconds since 1970.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from random import Random

from services.contracts.channels import JUMP_S, MAX_ROOMS, SILENT_ROOM_S, UnknownRoom, allowed
from services.contracts.messages import Policy, PolicyMode
from services.recommender.room import Room, SavedRoom

GONE = float("-inf")
"""When a room was heard last that is none any more."""


class TooManyRoomsError(ValueError):
    """A room beyond `MAX_ROOMS`."""


class Rooms:
    """Rooms by name; those of the settings are always there.

    Args:
        ours: The rooms of the settings.
        policy: The mode of a new room.
        chance: Breaks ties between songs.
        forgotten: Told the name of a room that is none any more.
    """

    def __init__(
        self, ours: Collection[str], policy: PolicyMode, chance: Random, forgotten: Callable[[str], object]
    ) -> None:
        self._ours = frozenset(ours)
        self._policy = policy
        self._chance = chance
        self._forgotten = forgotten
        self.restore({}, GONE)

    def __iter__(self) -> Iterator[Room]:
        """Go through the rooms there are now."""
        return iter(list(self._rooms.values()))

    @property
    def saved(self) -> dict[str, SavedRoom]:
        """What is to survive a restart, by room."""
        return {room.name: room.saved for room in self}

    def restore(self, saved: Mapping[str, SavedRoom], now: float) -> None:
        """Have the rooms that were saved and those of the settings, and no others; of no name that no room can have."""
        known = {name: one for name, one in saved.items() if allowed("room", name)}
        new = {name: SavedRoom(policy=Policy(mode=self._policy)) for name in self._ours}
        self._rooms = {name: Room(name, one, self._chance) for name, one in (new | known).items()}
        self._heard_at = dict.fromkeys(self._rooms, now)
        self._looked_at = now

    def get(self, name: str) -> Room | None:
        """Return a room that was heard of."""
        return self._rooms.get(name)

    @property
    def names(self) -> Collection[str]:
        """The rooms that there are."""
        return self._rooms.keys()

    def unknown(self, name: str) -> UnknownRoom | None:
        """Return what is said of a room that has said nothing and is not of the settings; `None` where it is known."""
        return None if name in self._rooms else UnknownRoom(name, self.names)

    def policy(self, name: str) -> Policy:
        """Return a room's policy, or that of a new one."""
        room = self.get(name)
        return room.policy if room else Policy(mode=self._policy)

    def enter(self, name: str, now: float) -> Room:
        """Return a room that was heard of now; it may be new.

        Raises:
            TooManyRoomsError: It is one too many.
        """
        if name not in self._rooms:
            if len(self._rooms) >= MAX_ROOMS and not self._forget_one(now):
                raise TooManyRoomsError(f"there are {MAX_ROOMS} rooms already; the room {name} is left out")
            self._rooms[name] = Room(name, SavedRoom(policy=self.policy(name)), self._chance)
        self._heard_at[name] = now
        return self._rooms[name]

    def miss(self, name: str) -> None:
        """Take that a room's mood was withdrawn: it is as silent as after a day, until it is heard again."""
        if name in self._rooms:
            self._heard_at[name] = GONE

    def forget_silent(self, now: float) -> bool:
        """Forget the rooms of which nothing was heard for a day, if their policy is that of a new one; say if any.

        Ask about every second.
        """
        jumped = not 0 <= now - self._looked_at < JUMP_S
        self._looked_at = now
        if jumped:
            self._heard_at = {name: GONE if at == GONE else now for name, at in self._heard_at.items()}
        gone = [name for name in self._silent(now) if self._rooms[name].policy == Policy(mode=self._policy)]
        for name in gone:
            self._forget(name)
        return bool(gone)

    def _forget_one(self, now: float) -> bool:
        """Make place for a room: the one that has been silent longest goes, after a day."""
        oldest = min(self._silent(now), key=self._heard_at.__getitem__, default=None)
        if oldest is None:
            return False
        self._forget(oldest)
        return True

    def _silent(self, now: float) -> list[str]:
        others = [name for name in self._rooms if name not in self._ours]
        others = [name for name in others if not self._rooms[name].has_player]  # which speaks when it has news
        return [name for name in others if now - self._heard_at[name] >= SILENT_ROOM_S]

    def _forget(self, name: str) -> None:
        del self._rooms[name], self._heard_at[name]
        self._forgotten(name)
