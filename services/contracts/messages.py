"""The JSON messages: the same frozen models on MQTT, in REST bodies and on the event stream.

Times are timezone-aware (RFC 3339 UTC in JSON); probabilities, confidences and qualities run from 0 to 1,
valence and arousal from -1 to 1. Every model raises `pydantic.ValidationError` for anything else.
"""

import math
import os
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from services.contracts.moods import AUTO, MAX_CUSTOM_MOODS, MAX_TAUGHT_ROOMS

MAX_NAME = 64
"""Longest name of a room, a camera or a mood, in characters."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=MAX_NAME)]
"""A room, a camera or a mood: lower-case letters, digits and underscores."""

SERVICES = "services"
"""No room: the first level of the services' own topics."""


def _not_reserved(room: str) -> str:
    if room == SERVICES:
        raise ValueError("this name is taken by the topics of the services")
    return room


RoomName = Annotated[Name, AfterValidator(_not_reserved)]
"""A room."""

Unit = Annotated[float, Field(ge=0, le=1)]
Axis = Annotated[float, Field(ge=-1, le=1)]
Text = Annotated[str, StringConstraints(max_length=1000)]


def _finite(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number in it is infinite, or none")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _finite(part)
    return value


Finite = Annotated[JsonValue, AfterValidator(_finite)]
"""Anything that JSON can say: Python's reader takes `NaN` for it as well, and 1e999 for infinity."""


def uuid7(at: float | None = None) -> UUID:
    """Return a time-ordered UUID, version 7 of RFC 9562 section 5.7 (the standard library has it from 3.14).

    Args:
        at: When it is made, in seconds since 1970; now by default.
    """
    milliseconds = int(1000 * (time.time() if at is None else at))
    value = milliseconds << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def plain(word: Any) -> Any:
    """Return a word as a person may have written it without blanks around it and capitals, which do not count."""
    return word.strip().lower() if type(word) is str else word


class Message(BaseModel):
    """The base of everything JSON: frozen, and strict about what it does not know; no number is infinite or none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Command(Message):
    """Something to be done once: it may arrive twice and late.

    `relative` commands (next, like) only make sense now and are dropped when older than 30 s;
    absolute ones (a volume, a policy) always hold.
    """

    word_field: ClassVar[str] = ""
    """The field that a bare word on the bus fills; empty where no word stands for the whole command. However its word
    comes, blanks around it and capitals do not count."""

    id: UUID = Field(default_factory=uuid7)
    issued_at: AwareDatetime = Field(default_factory=utc_now)

    @model_validator(mode="before")
    @classmethod
    def _understood(cls, given: Any) -> Any:
        unknown = set(given) - set(cls.model_fields) if isinstance(given, dict) else ()
        if unknown:
            raise ValueError(f"there is no field {min(unknown)}; there are {', '.join(cls.model_fields)}")
        word = given.get(cls.word_field) if isinstance(given, dict) else None
        return given | {cls.word_field: plain(word)} if word else given

    @property
    def relative(self) -> bool:
        """Whether the command loses its meaning with time."""
        return False

    @classmethod
    def from_word(cls, word: str) -> Self:
        """Make the command from a bare word; the id and the time are those of its arrival."""
        if not cls.word_field:
            raise ValueError(f"{cls.__name__} has to be JSON")
        return cls.model_validate({cls.word_field: word})


class Privacy(StrEnum):
    """ON closes the camera device."""

    ON = "ON"
    OFF = "OFF"


class MoodSource(StrEnum):
    """Who says the mood."""

    CAMERA = "camera"
    OVERRIDE = "override"


class Mood(Message):
    """A room's mood over a window."""

    mood: Name
    confidence: Unit
    distribution: dict[Name, Unit] = {}
    valence: Axis
    arousal: Axis
    people: Annotated[int, Field(ge=0)]
    window_s: Annotated[float, Field(gt=0)]
    samples: Annotated[int, Field(ge=0)]
    since: AwareDatetime
    source: MoodSource
    decision_id: UUID
    until: AwareDatetime | None = None
    """When an override ends by itself."""


class MoodOverride(Command):
    """Say the room's mood by hand for a while; the mood `auto` gives it back to the camera."""

    word_field: ClassVar[str] = "mood"

    mood: Name
    minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 60

    @property
    def ends(self) -> bool:
        """Whether this ends an override rather than starting one."""
        return self.mood == AUTO


class CustomMood(Message):
    """A mood that the household taught: its place on the plane, and the rooms whose faces are read for it now."""

    mood: Name
    valence: Axis
    arousal: Axis
    rooms: Annotated[tuple[Name, ...], Field(max_length=MAX_TAUGHT_ROOMS)] = ()


class CustomMoods(Message):
    """Every mood that the household taught."""

    moods: Annotated[tuple[CustomMood, ...], Field(max_length=MAX_CUSTOM_MOODS)] = ()


class CameraState(StrEnum):
    """What a camera can be in; only `ok` sees faces."""

    OK = "ok"
    DARK = "dark"
    FROZEN = "frozen"
    COVERED = "covered"
    OFFLINE = "offline"
    PRIVATE = "private"


BROWSER = "browser"
"""The source of a camera whose pictures are sent to it: by a page, or by whoever posts them."""


class CameraStatus(Message):
    """How a camera does; counts run since the service started."""

    state: CameraState
    detail: Text = ""
    """In a person's words: what is wrong and what to do, empty when all is well."""
    well: bool = False
    """Whether there is nothing to worry about: it sees, is meant not to, starts, or has shown its film to the end."""
    watching: bool = False
    """Whether the device is open: whether the camera could see somebody at this moment."""
    source: Text = ""
    """Where the frames come from, without any password."""
    kept_hours: Annotated[float, Field(ge=0)] = 0
    """How long faces are kept as files, where somebody asked for it to find a fault."""
    fps: Annotated[float, Field(ge=0)] = 0
    faces_seen: Annotated[int, Field(ge=0)] = 0
    faces_used: Annotated[int, Field(ge=0)] = 0
    rejected: dict[Name, Annotated[int, Field(ge=0)]] = {}
    """Faces not used, by reason."""
    detector: Text = ""
    since: AwareDatetime = Field(default_factory=utc_now)


class FaceYield(Message):
    """How many of a camera's last sights of a person (one person in one frame) held a face that can be read."""

    sights: Annotated[int, Field(ge=0)]
    usable: Annotated[int, Field(ge=0)]
    rejected: dict[Name, Annotated[int, Field(ge=0)]] = {}
    """The others, by reason, the most frequent first."""
    text: Text
    """The same in a person's words, and what to do."""


class PolicyMode(StrEnum):
    """What music does to a mood: repeat it, raise it, settle it, lead it there step by step, or nothing."""

    MIRROR = "mirror"
    LIFT = "lift"
    CALM = "calm"
    GUIDE = "guide"
    OFF = "off"


class Policy(Message):
    """A room's rule, with exceptions for single moods."""

    mode: PolicyMode = PolicyMode.MIRROR
    exceptions: dict[Name, PolicyMode] = {}


class SetPolicy(Command):
    """Change a room's policy; exceptions left out stay as they are."""

    word_field: ClassVar[str] = "mode"

    mode: PolicyMode
    exceptions: dict[Name, PolicyMode] | None = None


class Track(Message):
    """A song as the player needs it."""

    song_id: Annotated[int, Field(ge=1)]
    title: Text
    artist: Text = ""
    uri: Annotated[str, StringConstraints(max_length=4000)]
    """Where the sound is: `file:///…`, or an address of a streaming service."""
    duration_s: Annotated[float, Field(gt=0)] | None = None
    valence: Axis = 0
    arousal: Axis = 0


class PlayHow(StrEnum):
    """Where the tracks of a request go: over the queue, over queue and current song, or behind the queue."""

    REPLACE_NEXT = "replace_next"
    REPLACE = "replace"
    APPEND = "append"


class PlayRequest(Command):
    """Songs to play, and why."""

    decision_id: UUID
    tracks: Annotated[tuple[Track, ...], Field(max_length=50)]
    how: PlayHow = PlayHow.APPEND
    reason: Text = ""


class QueuedTrack(Message):
    """A track in a queue, with the decision that put it there; `play_id` is new for every time it is queued."""

    play_id: UUID = Field(default_factory=uuid7)
    track: Track
    decision_id: UUID | None = None
    reason: Text = ""


class Playback(StrEnum):
    """What a player does."""

    PLAYING = "playing"
    PAUSED = "paused"
    STOPPED = "stopped"


class PlayerState(Message):
    """What a room plays; the position holds at `position_at` and runs on while playing."""

    playback: Playback
    current: QueuedTrack | None = None
    position_s: Annotated[float, Field(ge=0)] = 0
    position_at: AwareDatetime
    volume: Annotated[int, Field(ge=0, le=100)] = 70
    backend: Name
    queue: Annotated[tuple[QueuedTrack, ...], Field(max_length=100)] = ()
    """What comes next, without the current track."""


class PlayerAction(StrEnum):
    """What a player can be told."""

    PLAY = "play"
    PAUSE = "pause"
    NEXT = "next"
    PREVIOUS = "previous"
    VOLUME = "volume"
    SEEK = "seek"
    LIKE = "like"
    DISLIKE = "dislike"


class PlayerCommand(Command):
    """Tell a player; `value` is the volume (0 to 100) or the position to seek (seconds)."""

    word_field: ClassVar[str] = "action"
    absolute: ClassVar[frozenset[PlayerAction]] = frozenset(
        {PlayerAction.PLAY, PlayerAction.PAUSE, PlayerAction.VOLUME}
    )

    action: PlayerAction
    value: Annotated[float, Field(ge=0)] | None = None

    @property
    def relative(self) -> bool:
        """Whether the command is about the song that plays at this moment."""
        return self.action not in self.absolute

    def model_post_init(self, _context: Any, /) -> None:
        """Check that a value is there exactly where the action needs one."""
        needs = self.action in {PlayerAction.VOLUME, PlayerAction.SEEK}
        if needs != (self.value is not None):
            raise ValueError(f"{self.action} {'needs' if needs else 'takes no'} value")
        if self.action is PlayerAction.VOLUME and self.value is not None and self.value > 100:  # noqa: PLR2004 -- percent
            raise ValueError("a volume runs from 0 to 100")


class EventType(StrEnum):
    """What can happen in a room."""

    MOOD_CHANGED = "mood_changed"
    TRACK_STARTED = "track_started"
    TRACK_FINISHED = "track_finished"
    TRACK_SKIPPED = "track_skipped"
    TRACK_LIKED = "track_liked"
    TRACK_DISLIKED = "track_disliked"
    MANUAL_PLAY = "manual_play"
    PROBLEM = "problem"


class Event(Message):
    """Something that happened; `before` and `after` are the states around it.

    Of a track event `after` is a `QueuedTrack` as JSON, with `position_s`; of a problem, `{"service", "text"}`, and
    `"camera"` where it is one.
    """

    id: UUID = Field(default_factory=uuid7)
    type: EventType
    at: AwareDatetime = Field(default_factory=utc_now)
    before: dict[str, Finite] | None = None
    after: dict[str, Finite] | None = None
    decision_id: UUID | None = None


class ServiceState(StrEnum):
    """Whether a service is there."""

    ONLINE = "online"
    OFFLINE = "offline"


class ServiceStatus(Message):
    """A service's life sign; the broker itself says `offline` when the connection breaks (last will)."""

    state: ServiceState
    version: Text
    problems: tuple[Text, ...] = ()
    parts: tuple[Text, ...] = ()
    """What each problem is of, in the same order: `broker`, `database`, `camera door`; see `camera_part`."""


def camera_part(camera: str) -> str:
    """Return what a camera is called among the parts of its service."""
    return f"camera {camera}"
