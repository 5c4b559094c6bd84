"""Who may say and hear what on the bus: one table, from which a broker's access list is made."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.contracts import channels
from services.contracts.channels import CHANNELS, NOWHERE, RESERVED_INSTANCES, Channel


@dataclass(frozen=True)
class Rights:
    """What one user of the broker may hear and say, in every room; each service may also say how it does."""

    hears: tuple[Channel[Any], ...]
    says: tuple[Channel[Any], ...]


HOME_AUTOMATION = "home_automation"
"""The user for everything outside: Home Assistant, Node-RED, `mosquitto_pub`."""

STATES = tuple(one for one in CHANNELS if one.retain)

RIGHTS: dict[str, Rights] = {
    "camera": Rights(
        hears=(channels.PRIVACY, channels.PRIVACY_SET, channels.CAMERA_STATUS),
        # A camera asks the other cameras of its room to close: the privacy switch is the room's.
        says=(channels.FACES, channels.CAMERA_STATUS, channels.PRIVACY, channels.PRIVACY_SET, channels.EVENTS),
    ),
    # It hears of the cameras so that nothing is taught by a room whose camera is closed.
    "inference": Rights(
        hears=(channels.FACES, channels.CAMERA_STATUS), says=(channels.EXPRESSIONS, channels.CUSTOM_MOODS)
    ),
    "aggregator": Rights(
        hears=(
            channels.EXPRESSIONS,
            channels.CUSTOM_MOODS,
            channels.CAMERA_STATUS,
            channels.PLAYER,
            channels.MOOD_SET,
        ),
        says=(channels.MOOD, channels.EVENTS),
    ),
    "recommender": Rights(
        hears=(channels.POLICY_SET, channels.MOOD, channels.CUSTOM_MOODS, channels.PLAYER, channels.EVENTS),
        says=(channels.POLICY, channels.PLAY),
    ),
    "player": Rights(hears=(channels.PLAY, channels.PLAYER_SET), says=(channels.PLAYER, channels.EVENTS)),
    # The gateway commands over REST, so it needs no command topic.
    "gateway": Rights(hears=(*STATES, channels.EVENTS, channels.EXPRESSIONS), says=()),
    HOME_AUTOMATION: Rights(
        hears=(*STATES, channels.EVENTS),
        says=(channels.MOOD_SET, channels.POLICY_SET, channels.PLAYER_SET, channels.PRIVACY_SET),
    ),
}
"""Every user and what is allowed; what is not here is forbidden. Pictures of faces reach inference and nobody else."""


def may_hear(user: str, channel: Channel[Any], where: dict[str, str]) -> bool:
    """Say whether a user may hear a topic of a channel, given by its levels."""
    return not _reserved(channel, where) and channel in RIGHTS[user].hears


def may_say(user: str, channel: Channel[Any], where: dict[str, str]) -> bool:
    """Say whether a user may publish on a topic of a channel, given by its levels."""
    if _reserved(channel, where):
        return False
    if channel is channels.SERVICE and user != HOME_AUTOMATION and where["service"] == user:
        return True
    at_nobodys = {*where.values()} == {NOWHERE}
    return channel in RIGHTS[user].says or (at_nobodys and channel in tried(user))


def tried(user: str) -> tuple[Channel[Any], ...]:
    """Return what a service hears and does not say: at nobody's place it may publish it, to see whether it hears it.

    Mosquitto takes any subscription, and passes nothing on that may not be read: only what comes shows that it does.
    """
    if user == HOME_AUTOMATION:
        return ()
    return tuple(one for one in RIGHTS[user].hears if one.names and one not in RIGHTS[user].says)


def access_list(prefix: str) -> str:
    """Return the content of Mosquitto's `acl_file` for a home (https://mosquitto.org/man/mosquitto-conf-5.html)."""
    return "".join(f"{line}\n" for user in RIGHTS for line in _of(user, prefix))


def _reserved(channel: Channel[Any], where: dict[str, str]) -> bool:
    return channel is channels.SERVICE and where["instance"] in RESERVED_INSTANCES


def _of(user: str, prefix: str) -> Iterator[str]:
    yield f"user {user}"
    for channel in RIGHTS[user].hears:
        yield f"topic read {channel.topic(prefix)}"
    for channel in RIGHTS[user].says:
        yield f"topic write {channel.topic(prefix)}"
    if user != HOME_AUTOMATION:
        yield f"topic write {channels.SERVICE.topic(prefix, service=user)}"
    for channel in tried(user):
        yield f"topic write {channel.at_nobodys(prefix)}"
    for instance in sorted(RESERVED_INSTANCES):
        # `+/player/set` and the like reach in among the services' life signs, and those into rooms.
        yield f"topic deny {channels.SERVICE.topic(prefix, instance=instance)}"
    yield ""
