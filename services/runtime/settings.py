"""All settings: `moodring.yml`, overridden by `MOODRING_SECTION_KEY` in the environment.

The description of a key here is its documentation (`moodring config` prints it).
"""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from services.contracts.messages import Name, PolicyMode, Unit
from services.runtime.connection_settings import HOST_VARIABLES, Http, Mqtt, Traces
from services.runtime.mood_settings import Aggregator as Aggregator  # noqa: PLC0414 -- known by this place
from services.runtime.secret_files import SecretFile, with_password
from services.runtime.section import Seconds, Section
from services.runtime.service import SetupError

ENV_PREFIX = "MOODRING_"
FILE_VARIABLE = "MOODRING_FILE"
"""Environment variable with the path of the settings file; `moodring.yml` in the working directory without it."""


class Camera(Section):
    """Where frames come from."""

    name: Name = Field("camera", description="Name of the camera in topics and addresses.")
    source: str = Field(
        "demo",
        description="`demo`, a webcam's index or device, a video file, a folder of pictures, `rtsp://…` or `http://…`.",
    )
    fps: Annotated[float, Field(gt=0, le=240)] = Field(5, description="Frames looked at per second, at most.")
    idle_fps: Annotated[float, Field(gt=0, le=240)] = Field(
        1, description="Frames looked at per second while nobody is there and nobody watches the preview."
    )
    cpu_percent: Annotated[float, Field(gt=0, le=100)] = Field(
        30, description="Share of one core that looking for faces may take; beyond it, fewer frames are looked at."
    )
    messages_per_s: Annotated[float, Field(gt=0, le=240)] = Field(
        10, description="Frames whose faces are sent to be read, per second, at most."
    )
    as_fast_as_possible: bool = Field(
        default=False, description="Read files without waiting and look at every frame: for measurements."
    )
    loop: bool = Field(default=True, description="Start a video file or folder again at its end.")
    detector: Literal["auto", "yunet", "haar"] = Field(
        "auto", description="`auto`: YuNet where its file is there, else the Haar cascade that comes with OpenCV."
    )
    min_face_px: Annotated[int, Field(ge=16, le=1000)] = Field(24, description="Smallest face looked for, in pixels.")
    min_quality: Unit = Field(0.2, description="Faces of lower quality are counted as rejected and not sent on.")


class Inference(Section):
    """The classifier."""

    model_server: str = Field(
        "embedded:", description="`grpc://host:port` of TensorFlow Serving or of our light server, or `embedded:`."
    )
    model: Name = Field("expression", description="Name of the model at the server.")
    models: Path = Field(
        Path(__file__).parents[2] / "models", description="Folder with one folder per model, for the light server."
    )
    versions: Annotated[int, Field(ge=1, le=10)] = Field(
        1, description="Newest versions of the model that the light server serves; those in labels.json besides."
    )
    port: int = Field(8500, ge=0, le=65535, description="gRPC port of the light server when it runs alone.")
    host: str = Field("127.0.0.1", description="gRPC address of the light server when it runs alone.")
    timeout_s: Seconds = Field(1.0, description="Deadline of one classification.")


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
    form: Literal["text", "json"] = Field("text", description="Lines for people, or one JSON object a line.")


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
    instance: Name = Field("main", description="Tells several processes of the same service apart on the bus.")
    room: Name = Field("home", description="The room that this process's camera and player are in.")
    music: Path | None = Field(None, description="Folder of your own music; the demo songs without it.")
    yunet: Path | None = Field(None, description="YuNet's model file, where it is not in the data directory.")
    http: Http = Http()
    mqtt: Mqtt = Mqtt()
    camera: Camera = Camera()
    inference: Inference = Inference()
    aggregator: Aggregator = Aggregator()
    recommender: Recommender = Recommender()
    player: Player = Player()
    gateway: Gateway = Gateway()
    logs: Logs = Logs()
    traces: Traces = Traces()

    @field_validator("room")
    @classmethod
    def _not_reserved(cls, room: str) -> str:
        if room == "services":
            raise ValueError("this name is taken by the topics of the services")
        return room

    @field_validator("instance")
    @classmethod
    def _no_camera(cls, instance: str) -> str:
        if instance == "status":
            raise ValueError("this name is taken by the topics of the cameras")
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
        del dotenv_settings, file_secret_settings
        file = Path(os.environ.get(FILE_VARIABLE, "moodring.yml"))
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, yaml_file=file)


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
        raise SetupError(f"{file or 'moodring.yml'} cannot be read: {error.strerror}") from error
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


def redact(url: str) -> str:
    """Return a URL without user, password and query, for logs and states."""
    scheme, is_url, rest = url.partition("://")
    if not is_url:
        return url
    login, _, place = rest.rpartition("@")  # the last one: a password may hold any character
    place, query, _ = place.partition("?")
    return f"{scheme}://{'***@' if login else ''}{place}{'?***' if query else ''}"


def _check_environment() -> None:
    known = {variable(key) for key in keys()} | {FILE_VARIABLE} | HOST_VARIABLES
    for name in os.environ:
        if name.startswith(ENV_PREFIX) and name not in known:
            raise SetupError(f"the environment variable {name} is not a setting{_nearest(name, known)}")


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; `moodring config` lists all settings"


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = keys() if "." in key else {*Settings.model_fields, *keys()}
        return f"the setting {key} is unknown{_nearest(key, known)}"
    named = f"{key} ({variable(key)})" if key in keys() else key
    return f"the setting {named} is wrong: {first['msg']}, not {redact(str(first['input']))!r}"
