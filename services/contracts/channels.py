"""The one list of topics; nothing else in the code spells one.

A channel says what travels on a topic: message type, wire form, quality of service, retain, expiry. Its `encode`
and `decode` are the only way from a message to bytes and back.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, StrEnum
from functools import cached_property
from typing import Generic, TypeVar, cast

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Protobuf
from pydantic import BaseModel, ValidationError

from services.contracts import messages
from services.contracts.messages import Command
from services.contracts.moodring_pb2 import Expressions, FaceCrops
from services.contracts.wrong import first_wrong

M = TypeVar("M", bound="Protobuf | BaseModel | StrEnum")

MAX_PAYLOAD_BYTES = 2_000_000
"""Larger messages are refused unread; Mosquitto's own limit is about the same (`max_packet_size`)."""

MAX_FRAME_ID = 200
"""Characters of a frame's id: it is kept, and goes on with what is made of the frame."""

MAX_FACES = 32
"""Faces that are read of one picture at most, the largest."""

MAX_ROOMS = 1000
"""Rooms of a house. Anyone on the bus can name one, so every service leaves further ones out, and says so."""
SILENT_ROOM_S = 86_400.0
"""A room that has been silent this long is none any more, if people have set nothing in it; else it makes place for a
new one where there are too many."""
JUMP_S = 3600.0
"""A step of the clock that is no time in which rooms were silent: it was set, or the machine slept."""
SHOWN_ROOMS = 20
"""Rooms that are named where one is unknown."""

NOWHERE = "Doctor"
"""No room, camera or instance is called so (they are lower-case): there the doctor tries what may be said and heard."""

STATUS_EVERY_S = 10
"""A camera says how it does at least this often, in seconds: whoever hears nothing for longer takes it for away."""


class BadMessageError(ValueError):
    """A payload that is not a message of its channel; the text says what is wrong with it."""


class Form(Enum):
    """The wire forms."""

    PROTOBUF = "protobuf"
    JSON = "json"
    TEXT = "text"


def allowed(name: str, level: str) -> bool:
    """Whether a variable level of a topic may be called so."""
    known = re.fullmatch(r"[a-z0-9_]+", level) and len(level) <= messages.MAX_NAME
    return bool(known) and (name != "room" or level != messages.SERVICES)


def misnamed(name: str, level: str) -> str:
    """Return what is said of a level that may not be called so, with a name that is near."""
    near = named(level)
    rule = f"lower-case letters, digits and _, {messages.MAX_NAME} at most"
    if level == messages.SERVICES:
        rule = "the topics of the services begin so"
    shown = level if len(level) <= messages.MAX_NAME else f"{level[: messages.MAX_NAME]}…"
    return f"no {name} can be called {shown!r} ({rule}){f'; {near} can' if allowed(name, near) else ''}"


@dataclass(frozen=True)
class UnknownRoom:
    """What is said of a room that there is none of, with the rooms that there are, the nearest name first.

    The words are worked out when they are asked for: among a thousand names that takes a while.
    """

    name: str
    there: Collection[str]

    def __str__(self) -> str:
        known = sorted(self.there)
        near = get_close_matches(self.name, known, n=1)
        shown = [*near, *(one for one in known if one not in near)]
        more = f" and {len(shown) - SHOWN_ROOMS} more" if len(shown) > SHOWN_ROOMS else ""
        return (
            f"nothing is known of a room {self.name}: it has no camera and no player, and does not stand in the "
            f"settings; there are {', '.join(shown[:SHOWN_ROOMS])}{more}"
        )


def spoken(level: str) -> str:
    """Return a room, camera or mood as people write it: `living_room` → `Living room`."""
    return level.replace("_", " ").capitalize()


def named(text: str) -> str:
    """Return the name that comes nearest to what people write: `Müde!` → `mude`; empty where there is none.

    Letters lose their marks (Unicode's decomposition), and those that Unicode calls one or two plain ones become these:
    `ø` is its O WITH STROKE, `æ` its AE.
    """
    parts = unicodedata.normalize("NFKD", text[: 4 * messages.MAX_NAME].casefold())
    plain = "".join(map(_plain, parts))
    return re.sub(r"[^a-z0-9_]+", "_", plain).strip("_")[: messages.MAX_NAME].rstrip("_")


def _plain(letter: str) -> str:
    if letter.isascii():
        return letter
    known = _LATIN.fullmatch(unicodedata.name(letter, ""))
    return known[1].lower() if known else "" if unicodedata.combining(letter) else letter


_LATIN = re.compile(r"LATIN SMALL (?:LETTER|LIGATURE) (?:DOTLESS )?([A-Z]{1,2})(?: WITH .+)?")


@dataclass(frozen=True)
class Channel(Generic[M]):
    """One row of the table of topics.

    Attributes:
        template: Topic below the prefix, with `{room}` and the like for its variable levels.
        message: The class of what travels.
        qos: 0 (may be lost, never a command) or 1 (at least once).
        retain: Whether the broker keeps the last message for later subscribers.
        expires_s: Age in seconds at which an undelivered message loses its worth; `None` for never.
        command: Whether subscribers need a session that survives their restart.
        others: Last levels that are not of this channel, though its template matches: another channel's topics end so.
    """

    template: str
    message: type[M]
    qos: int = 1
    retain: bool = False
    expires_s: int | None = None
    command: bool = False
    others: frozenset[str] = frozenset()

    @property
    def form(self) -> Form:
        """The wire form, which follows from the message's class."""
        if issubclass(self.message, Protobuf):
            return Form.PROTOBUF
        return Form.TEXT if issubclass(self.message, StrEnum) else Form.JSON

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The variable levels of the topic, in order."""
        return tuple(re.findall(r"\{(\w+)\}", self.template))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template))

    def topic(self, prefix: str, **where: str) -> str:
        """Return the topic for `where`, or the filter where a level is left out or `+`.

        Raises:
            ValueError: A level is unknown to this channel or is not `[a-z0-9_]+`.
        """
        for name, level in where.items():
            if name not in self.names or (level != "+" and not allowed(name, level)):
                raise ValueError(f"{self.template}: {misnamed(name, level)}")
        return f"{prefix}/{self.template.format(**dict.fromkeys(self.names, '+') | where)}"

    def at_nobodys(self, prefix: str) -> str:
        """Return the topic at which nothing is anybody's news; the channel's own where it has no variable level."""
        return self.topic(prefix).replace("+", NOWHERE)

    def exact(self, where: dict[str, str]) -> dict[str, str]:
        """Return `where` when it names every level of the topic, as publishing needs.

        Raises:
            ValueError: A level is left out or a wildcard.
        """
        if set(where) != set(self.names) or "+" in where.values():
            raise ValueError(f"{self.template} needs {', '.join(self.names)}, not {where}")
        return where

    def levels(self, prefix: str, topic: str) -> dict[str, str] | None:
        """Return the variable levels of a topic, whatever they are called; `None` where it is not of this channel."""
        if not topic.startswith(f"{prefix}/") or topic.rpartition("/")[2] in self.others:
            return None
        match = self._pattern.fullmatch(topic[len(prefix) + 1 :])
        return match.groupdict() if match else None

    def where(self, prefix: str, topic: str) -> dict[str, str] | None:
        """Return the variable levels of a topic, or `None` where it is not of this channel or they are not allowed."""
        levels = self.levels(prefix, topic)
        return levels if levels is not None and all(allowed(*level) for level in levels.items()) else None

    def encode(self, message: M) -> bytes:
        """Return the payload of a message."""
        if isinstance(message, Protobuf):
            return message.SerializeToString()
        return message.model_dump_json().encode() if isinstance(message, BaseModel) else str(message).encode()

    def decode(self, payload: bytes) -> M:
        """Return the message of a payload.

        Raises:
            BadMessageError: The payload is empty, too large, or not a valid message.
        """
        if not payload:
            raise BadMessageError("the payload is empty")
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise BadMessageError(f"the payload has {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
        try:
            return self._parse(payload)
        except ValidationError as error:
            raise BadMessageError(first_wrong(error)) from error
        except (DecodeError, ValueError) as error:
            raise BadMessageError(str(error)) from error

    def _parse(self, payload: bytes) -> M:
        if issubclass(self.message, Protobuf):
            message = self.message.FromString(payload)
            if isinstance(message, FaceCrops | Expressions) and not 0 < len(message.frame_id) <= MAX_FRAME_ID:
                raise BadMessageError(f"frame_id has {len(message.frame_id)} characters, not 1 to {MAX_FRAME_ID}")
            return cast("M", message)
        if issubclass(self.message, StrEnum):
            return cast("M", self.message(payload.decode().strip().upper()))
        if issubclass(self.message, Command) and not payload.lstrip().startswith(b"{"):
            return cast("M", self.message.from_word(payload.decode().strip().strip('"')))
        assert issubclass(self.message, BaseModel)
        return cast("M", self.message.model_validate_json(payload))


FACES = Channel("{room}/{camera}/faces", FaceCrops, qos=0, expires_s=2)
EXPRESSIONS = Channel("{room}/{camera}/expressions", Expressions, qos=0, expires_s=5)
CAMERA_STATUS = Channel("{room}/{camera}/status", messages.CameraStatus, retain=True)
MOOD = Channel("{room}/mood", messages.Mood, retain=True)
MOOD_SET = Channel("{room}/mood/set", messages.MoodOverride, command=True)
POLICY = Channel("{room}/policy", messages.Policy, retain=True)
POLICY_SET = Channel("{room}/policy/set", messages.SetPolicy, command=True)
PLAY = Channel("{room}/play", messages.PlayRequest, command=True)
PLAYER = Channel("{room}/player", messages.PlayerState, retain=True)
PLAYER_SET = Channel("{room}/player/set", messages.PlayerCommand, command=True)
PRIVACY = Channel("{room}/privacy", messages.Privacy, retain=True)
PRIVACY_SET = Channel("{room}/privacy/set", messages.Privacy, command=True)
EVENTS = Channel("{room}/events", messages.Event)
CUSTOM_MOODS = Channel("custom_moods", messages.CustomMoods, retain=True)

OF_ROOMS = (
    FACES, EXPRESSIONS, CAMERA_STATUS, MOOD, MOOD_SET, POLICY, POLICY_SET,
    PLAY, PLAYER, PLAYER_SET, PRIVACY, PRIVACY_SET, EVENTS,
)  # fmt: skip
"""The channels whose topics begin with a room."""

SERVICE_TEMPLATE = "services/{service}/{instance}"
RESERVED_INSTANCES = frozenset(
    channel.template.rpartition("/")[2]
    for channel in OF_ROOMS
    if channel.template.count("/") == SERVICE_TEMPLATE.count("/")
)
"""What no instance may be called: `services/player/set` would be a command for a room called `services`."""

SERVICE = Channel(SERVICE_TEMPLATE, messages.ServiceStatus, retain=True, others=RESERVED_INSTANCES)

CHANNELS = (*OF_ROOMS, CUSTOM_MOODS, SERVICE)
"""Every channel there is; each topic is of one of them at most."""
