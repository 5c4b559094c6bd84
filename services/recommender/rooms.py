"""The rooms that the recommender has heard of: bounded, since anyone on the bus can name one."""

from collections.abc import Iterator, Mapping
from random import Random

from services.contracts.channels import MAX_ROOMS, allowed
from services.contracts.messages import Policy, PolicyMode
from services.recommender.room import Room, SavedRoom


class TooManyRoomsError(ValueError):
    """A room beyond `MAX_ROOMS`."""


class Rooms:
    """Rooms by name.

    Args:
        policy: The mode of a new room.
        chance: Breaks ties between songs.
    """

    def __init__(self, policy: PolicyMode, chance: Random) -> None:
        self._policy = policy
        self._chance = chance
        self._rooms: dict[str, Room] = {}

    def __iter__(self) -> Iterator[Room]:
        """Go through the rooms there are now."""
        return iter(list(self._rooms.values()))

    @property
    def saved(self) -> dict[str, SavedRoom]:
        """What is to survive a restart, by room."""
        return {room.name: room.saved for room in self}

    def restore(self, saved: Mapping[str, SavedRoom]) -> None:
        """Have the rooms that were saved, and no others; of names that no room can have, none."""
        self._rooms = {name: Room(name, one, self._chance) for name, one in saved.items() if allowed("room", name)}

    def get(self, name: str) -> Room | None:
        """Return a room that was heard of."""
        return self._rooms.get(name)

    @property
    def names(self) -> set[str]:
        """The rooms that were heard of."""
        return {*self._rooms}

    def policy(self, name: str) -> Policy:
        """Return a room's policy, or that of a new one."""
        room = self.get(name)
        return room.policy if room else Policy(mode=self._policy)

    def add(self, name: str) -> Room:
        """Return a new room.

        Raises:
            TooManyRoomsError: It is one too many.
        """
        if len(self._rooms) >= MAX_ROOMS:
            raise TooManyRoomsError(f"there are {MAX_ROOMS} rooms already; the room {name} is left out")
        room = self._rooms[name] = Room(name, SavedRoom(policy=self.policy(name)), self._chance)
        return room
