"""All settings: `moodring.yml`, overridden by `MOODRING_SECTION_KEY` in the environment.

The description of a key here is its documentation (`moodring config` prints it).
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from services.contracts.channels import RESERVED_INSTANCES
from services.contracts.messages import Name, PolicyMode, RoomName
from services.runtime.camera_settings import Camera as Camera  # noqa: PLC0414 -- known by this place
from services.runtime.camera_settings import PrivacyRules
from services.runtime.connection_settings import HOST_VARIABLES, Http, Mqtt, Traces
from services.runtime.environment import Environment
from services.runtime.mood_settings import Aggregator as Aggregator  # noqa: PLC0414 -- known by this place
from services.runtime.secret_files import SecretFile, with_password
from services.runtime.section import Seconds, Section
from services.runtime.service import SetupError
from services.runtime.wrong_settings import nearest, reason

ENV_PREFIX = "MOODRING_"
FILE_VARIABLE = "MOODRING_FILE"
"""Environment variable with the path of the settings file; `moodring.yml` in the working directory without it."""
MAIN = "main"
"""The instance of a process that was given no word of its own."""

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
"""RFC 3986 section 3.1."""


class Inference(Section):
    """The classifier."""

    model_server: str = Field(
        "embedded:", description="`grpc://host:port` of TensorFlow Serving or of our light server, or `embedded:`."
    )
    model: Name = Field("expression", description="Name of the model at the server.")
    models: Path = Field(
        Path(__file__).parents[2] / "models",
        description="Folder with one folder per model: what the light server serves, and labels of what others do.",
    )
    versions: Annotated[int, Field(ge=1, le=10)] = Field(
        1, description="Newest versions of the model that the light server serves; those in labels.json besides."
    )
    port: int = Field(8500, ge=0, le=65535, description="gRPC port of the light server when it runs alone.")
    host: str = Field("127.0.0.1", description="gRPC address of the light server when it runs alone.")
    timeout_s: Seconds = Field(1.0, description="Deadline of a frame's classification; a photo has 20 s at least.")


class Recommender(Section):
    """From a mood to songs."""

    database: str = Field(
        "", description="`postgresql://user:password@host/name`; empty for an SQLite file in the data directory."
    )
    password_file: SecretFile | None = Field(
        None, description="File with the password, where `database` names a user and no password."
    )
    policy: PolicyMode = Field(PolicyMode.MIRROR, description="Policy of a room that has set none.")
    songs_ahead: Annotated[int, Field(ge=1, le=20)] = Field(2, description="Songs kept waiting in the queue.")
    act_every_s: Seconds = Field(300, description="A changed mood changes the music at most this often.")
    history_days: Annotated[int, Field(ge=1, le=36500)] = Field(
        365, description="Days that moods, decisions and plays are kept; older ones are deleted daily."
    )

    @model_validator(mode="after")
    def _add_password(self) -> Self:
        object.__setattr__(self, "database", with_password(self.database, self.password_file))
        return self


class Player(Section):
    """What makes the sound."""

    backend: str = Field(
        "auto",
        description="`auto` (a browser tab where one is open, else mpv where it is installed, else silent), "
        "`browser:`, `mpv:` (`mpv:?ao=alsa` names mpv's audio output), `mpd://[password@]host[:port]` or `null:` "
        "(a silent clock). Several with commas between: the first one that is there plays.",
    )
    mpd_music: Path | None = Field(
        None, description="The `music_directory` of MPD as this process sees it; the music folder without it."
    )


class Gateway(Section):
    """Where the gateway finds the services that run in other processes."""

    camera: str = Field("http://127.0.0.1:8081", description="Address of the camera service.")
    inference: str = Field("http://127.0.0.1:8082", description="Address of the inference service.")
    aggregator: str = Field("http://127.0.0.1:8083", description="Address of the aggregator.")
    recommender: str = Field("http://127.0.0.1:8084", description="Address of the recommender.")
    player: str = Field("http://127.0.0.1:8085", description="Address of the player service.")


class Logs(Section):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level shown.")
    form: Literal["text", "json"] = Field(
        "text", description="What `run` writes: lines for people, or one JSON object a line."
    )


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,  # compose passes variables on that nobody has set
        extra="forbid",
        frozen=True,
    )

    data: Path = Field(user_data_path("moodring"), description="Where everything that is written goes.")
    container: str = Field(
        "", description="The one service of this container: its image says so. What to type is then said for compose."
    )
    instance: Name = Field(MAIN, description="Tells several processes of the same service apart on the bus.")
    room: RoomName = Field("home", description="The room that this process's camera and player are in.")
    music: Path | None = Field(None, description="Folder of your own music; the demo songs without it.")
    yunet: Path | None = Field(None, description="YuNet's model file, where it is not in the data directory.")
    http: Http = Http()
    mqtt: Mqtt = Mqtt()
    camera: Camera = Camera()
    cameras: dict[Name, Camera] = Field(
        {},
        description="Several cameras by name, instead of one: `{door: {source: …, room: hall}, desk: {source: 0}}`; "
        "keys that one leaves out are as in `camera`.",
    )
    privacy: PrivacyRules = PrivacyRules()
    inference: Inference = Inference()
    aggregator: Aggregator = Aggregator()
    recommender: Recommender = Recommender()
    player: Player = Player()
    gateway: Gateway = Gateway()
    logs: Logs = Logs()
    traces: Traces = Traces()

    @model_validator(mode="before")
    @classmethod
    def _complete_cameras(cls, values: dict[str, Any]) -> dict[str, Any]:
        shared, several = values.get("camera", {}), values.get("cameras")
        if not isinstance(several, dict) or not isinstance(shared, dict):
            return values  # wrong, or none
        complete = {
            name: shared | own | {"name": name} if isinstance(own, dict) else own for name, own in several.items()
        }
        return values | {"cameras": complete}

    @property
    def watched(self) -> tuple[Camera, ...]:
        """The cameras of this process, each with its room."""
        one_or_more = self.cameras.values() or (self.camera,)
        return tuple(one.model_copy(update={"room": one.room or self.room}) for one in one_or_more)

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms that are there whatever the bus says: of this process, its cameras, and the mood's settings."""
        watched = (one.room for one in self.watched if one.room)
        return tuple(dict.fromkeys((self.room, *self.aggregator.rooms, *watched)))

    @field_validator("instance")
    @classmethod
    def _no_topic_of_a_room(cls, instance: str) -> str:
        if instance in RESERVED_INSTANCES:
            raise ValueError("this name is taken by the topics of the rooms")
        return instance

    @field_validator("data", "music", "yunet")
    @classmethod
    def _from_home(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments win over the environment, and the environment over the file."""
        del env_settings, dotenv_settings, file_secret_settings
        file = Path(os.environ.get(FILE_VARIABLE, "moodring.yml"))
        return init_settings, Environment(settings_cls), YamlConfigSettingsSource(settings_cls, yaml_file=file)


def load(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        SetupError: A file cannot be read, a key is unknown, a value is wrong: one line that names the place.
    """
    file = os.environ.get(FILE_VARIABLE)
    if file and not Path(file).is_file():
        raise SetupError(f"{FILE_VARIABLE}={file}: there is no such file; create it or unset the variable")
    _check_environment()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SetupError(_explain(error)) from error
    except yaml.YAMLError as error:
        raise SetupError(f"{file or 'moodring.yml'} is not valid YAML: {' '.join(str(error).split())}") from error
    except OSError as error:
        raise SetupError(f"{error.filename or file or 'moodring.yml'} cannot be read: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise SetupError(f"{file or 'moodring.yml'} does not hold sections with keys, such as `camera:`") from error


def keys() -> dict[str, Any]:
    """Return every key as `section.key` with its pydantic `FieldInfo`."""
    found: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            found |= {f"{name}.{key}": inner for key, inner in section.model_fields.items()}
        else:
            found[name] = field
    return found


def variable(key: str) -> str:
    """Return the environment variable of a key."""
    return ENV_PREFIX + key.replace(".", "_").upper()


def shown(value: Any) -> str:
    """Return a setting for people to read, without any password."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return redact(str(value))


def redact(url: str) -> str:
    """Return a URL, also a misspelt one, without user, password and query, for logs and states."""
    scheme = SCHEME.match(url)
    start = scheme[0] if scheme else ""
    login, _, place = url.removeprefix(start).rpartition("@")  # the last one: a password may hold any character
    place, query, _ = place.partition("?")
    return f"{start}{'***@' if login else ''}{place}{'?***' if query else ''}"


def _check_environment() -> None:
    known = {variable(key) for key in keys()} | {FILE_VARIABLE} | HOST_VARIABLES
    for name in os.environ:
        if name.startswith(ENV_PREFIX) and name not in known:
            raise SetupError(f"the environment variable {name} is not a setting{nearest(name, known)}")


def _explain(error: ValidationError) -> str:
    key, why, value = reason(error)
    if error.errors()[0]["type"] == "extra_forbidden":
        known = keys() if "." in key else {*Settings.model_fields, *keys()}
        return f"the setting {key} is unknown{nearest(key, known)}"
    named = f"{key} ({variable(key)})" if key in keys() else key
    return f"the setting {named} is wrong: {why} (it is {shown(value)!r}); `moodring config` says what it can be"
