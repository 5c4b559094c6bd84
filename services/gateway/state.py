"""What the bus says is there: the latest value of everything, bounded. Pure."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.contracts import channels
from services.contracts.channels import MAX_ROOMS, Channel
from services.contracts.messages import (
    CameraStatus,
    CustomMoods,
    Event,
    Mood,
    PlayerState,
    Policy,
    Privacy,
    ServiceState,
    ServiceStatus,
)
from services.contracts.moods import Point

MAX_CAMERAS = 64
MAX_INSTANCES = 256
"""More of them than any home has: what lies beyond is ignored, so that a stranger on the bus cannot fill our memory."""

FOLLOWED: dict[str, Channel[Any]] = {
    "mood": channels.MOOD,
    "player": channels.PLAYER,
    "policy": channels.POLICY,
    "privacy": channels.PRIVACY,
    "camera": channels.CAMERA_STATUS,
    "event": channels.EVENTS,
    "custom_moods": channels.CUSTOM_MOODS,
    "service": channels.SERVICE,
}
"""The names of what is followed, as the event stream spells them, and where each comes from."""

Fact = CustomMoods | Mood | PlayerState | Policy | Privacy | CameraStatus | ServiceStatus | Event


class Room(BaseModel):
    """The latest of one room; `null` is what nobody has said yet."""

    model_config = ConfigDict(frozen=True)

    mood: Mood | None = None
    player: PlayerState | None = None
    policy: Policy | None = None
    privacy: Privacy | None = None
    cameras: dict[str, CameraStatus] = {}


class House(BaseModel):
    """Rooms by name, services by name and instance, and the moods that the household taught."""

    model_config = ConfigDict(frozen=True)

    rooms: dict[str, Room] = {}
    services: dict[str, dict[str, ServiceStatus]] = {}
    custom_moods: CustomMoods = CustomMoods()

    @property
    def taught(self) -> dict[str, Point]:
        """The taught moods and where they lie."""
        return {one.mood: Point(one.valence, one.arousal) for one in self.custom_moods.moods}


@dataclass(frozen=True)
class Change:
    """One thing that the bus said: its name as in `FOLLOWED`, the levels of its topic, and the message.

    Without a message it says that something is not there any more.
    """

    name: str
    where: dict[str, str]
    message: Fact | None

    @property
    def room(self) -> str | None:
        """The room it is about; services and taught moods have none."""
        return self.where.get("room")


def learn(house: House, change: Change) -> House:
    """Return the house after a change; the same house where it holds no state (an event) or the house is full."""
    if change.message is None:
        return without(house, change)
    if isinstance(change.message, Event) or full(house, change):
        return house
    if isinstance(change.message, ServiceStatus):
        service, instance = change.where["service"], change.where["instance"]
        instances = house.services.get(service, {}) | {instance: change.message}
        return house.model_copy(update={"services": house.services | {service: instances}})
    if isinstance(change.message, CustomMoods):
        return house.model_copy(update={"custom_moods": change.message})
    room = house.rooms.get(change.where["room"], Room())
    if isinstance(change.message, CameraStatus):
        room = room.model_copy(update={"cameras": room.cameras | {change.where["camera"]: change.message}})
    else:
        room = room.model_copy(update={change.name: change.message})
    return house.model_copy(update={"rooms": house.rooms | {change.where["room"]: room}})


def without(house: House, change: Change) -> House:
    """Return the house without what a change says is gone; a room of which nothing is left goes, too."""
    if "service" in change.where:
        service = change.where["service"]
        left = {key: one for key, one in house.services.get(service, {}).items() if key != change.where["instance"]}
        services = {**house.services, service: left}
        return house.model_copy(update={"services": {name: each for name, each in services.items() if each}})
    if change.room is None:
        return house.model_copy(update={change.name: House.model_fields[change.name].default})
    room = house.rooms.get(change.room, Room())
    cameras = {name: status for name, status in room.cameras.items() if name != change.where.get("camera")}
    room = room.model_copy(update={"cameras": cameras} if "camera" in change.where else {change.name: None})
    rooms = {**house.rooms, change.room: room}
    return house.model_copy(update={"rooms": {name: each for name, each in rooms.items() if each != Room()}})


def full(house: House, change: Change) -> bool:
    """Whether a change is of a room, camera or service beyond the limit."""
    if isinstance(change.message, ServiceStatus):
        known = change.where["instance"] in house.services.get(change.where["service"], {})
        return not known and sum(map(len, house.services.values())) >= MAX_INSTANCES
    if change.room is None:
        return False
    if change.room not in house.rooms:
        return len(house.rooms) >= MAX_ROOMS
    cameras = house.rooms[change.room].cameras
    return (
        isinstance(change.message, CameraStatus)
        and change.where["camera"] not in cameras
        and len(cameras) >= MAX_CAMERAS
    )


def snapshot(house: House) -> list[Change]:
    """Return the changes that lead from nothing to this house."""
    found = [Change("custom_moods", {}, house.custom_moods)]  # an empty one, too: who connects again may know others
    for name, room in house.rooms.items():
        facts = {"mood": room.mood, "player": room.player, "policy": room.policy, "privacy": room.privacy}
        found += [Change(kind, {"room": name}, fact) for kind, fact in facts.items() if fact is not None]
        found += [Change("camera", {"room": name, "camera": key}, status) for key, status in room.cameras.items()]
    for service, instances in house.services.items():
        found += [Change("service", {"service": service, "instance": key}, status) for key, status in instances.items()]
    return found


def away(house: House) -> tuple[str, ...]:
    """Return the services of which every known instance is offline."""
    return tuple(
        service
        for service, instances in house.services.items()
        if all(status.state is ServiceState.OFFLINE for status in instances.values())
    )
