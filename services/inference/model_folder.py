"""The model on disk: `models/<name>/<version>/`, the layout that TensorFlow Serving reads too."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError

from services.contracts.moods import EXPRESSIONS
from services.contracts.wrong import first_wrong
from services.runtime.service import SetupError

DESCRIPTION: Final = "model.json"
LITE_MODEL: Final = "model.tflite"
INT8_MODEL: Final = "model.int8.tflite"
"""The same model with its convolutions in eight bits, where a version has one: a third of the time on a processor with
VNNI, about as long with AVX2 alone, and less than half a point of accuracy. It is taken on every processor, so that
a face is read alike on all, and taught moods, which are embeddings, stay what they are when they are moved."""
LABELS: Final = "labels.json"
RENEW: Final = "copy the version's folder there again, or take it away"
"""What to do about a version that is not whole, ours or the household's own."""

_VERSION: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_LABELS: Final = TypeAdapter(dict[str, PositiveInt])


class Input(BaseModel):
    """The model's input tensor; further keys are not needed here."""

    model_config = ConfigDict(frozen=True)

    shape: tuple[PositiveInt, PositiveInt, Literal[1]]
    """Height, width and channels of one face."""


class DescribedOutput(BaseModel):
    """One of the model's outputs, for one face."""

    model_config = ConfigDict(frozen=True)

    shape: tuple[PositiveInt, ...]
    dtype: Literal["float32", "float64", "uint8", "int8", "int16", "int32", "int64"] = "float32"


class Description(BaseModel):
    """What `model.json` says that serving needs; it holds more, such as metrics."""

    model_config = ConfigDict(frozen=True)

    version: int
    """The number of its folder."""
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    """What each of the model's probabilities is of."""
    input: Input
    outputs: dict[str, DescribedOutput] = {}
    """What it answers, where that is described."""
    files: dict[str, str]
    """The sha256 of each file by its path below the folder."""

    @property
    def answers(self) -> dict[str, DescribedOutput]:
        """What the model has to answer for one face: what is described, and a probability for each label."""
        return self.outputs | {"probabilities": DescribedOutput(shape=(len(self.labels),))}


@dataclass(frozen=True)
class ModelFolder:
    """One version of one model."""

    name: str
    version: int
    path: Path
    description: Description

    @property
    def lite_file(self) -> Path:
        """The file that LiteRT is to run: the one in eight bits where the version has it."""
        return self.path / (INT8_MODEL if INT8_MODEL in self.description.files else LITE_MODEL)

    def lite_model(self) -> bytes:
        """Return the content of `lite_file`, checked against its hash.

        Raises:
            SetupError: The file is missing, unreadable, or not the one that was released.
        """
        file = self.lite_file
        try:
            content = file.read_bytes()
        except OSError as error:
            raise SetupError(f"{file} cannot be read ({error.strerror}); {RENEW}") from error
        wanted = self.description.files.get(file.name)
        if hashlib.sha256(content).hexdigest() != wanted:
            raise SetupError(
                f"{file} is not the file that {DESCRIPTION} beside it describes (its sha256 differs); {RENEW}"
            )
        return content


def read(models: Path, name: str, version: int) -> ModelFolder:
    """Return one version of a model.

    Raises:
        SetupError: Its `model.json` is missing, wrong, or another version's.
    """
    path = models / name / str(version)
    file = path / DESCRIPTION
    try:
        description = Description.model_validate_json(file.read_bytes())
    except OSError as error:
        raise SetupError(f"{file} cannot be read ({error.strerror}); {RENEW}") from error
    except ValidationError as error:
        raise SetupError(f"{file}: {first_wrong(error)}; {RENEW}") from error
    if description.version != version:
        raise SetupError(f"{file} describes version {description.version}; {RENEW}")
    return ModelFolder(name, version, path, description)


def versions(models: Path, name: str) -> list[int]:
    """Return the versions of a model, the newest first; other files and folders are none.

    Raises:
        SetupError: The folder cannot be read.
    """
    folder = models / name
    try:
        names = [path.name for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise SetupError(f"{folder} cannot be read ({error.strerror}); look at its rights") from error
    return sorted((int(each) for each in names if _VERSION.fullmatch(each)), reverse=True)


def latest(models: Path, name: str) -> ModelFolder:
    """Return the highest version of a model, as TensorFlow Serving chooses it.

    Raises:
        SetupError: There is none, or it cannot be read.
    """
    found = versions(models, name)
    if not found:
        raise SetupError(nothing_in(models, name))
    return read(models, name, found[0])


def nothing_in(models: Path, name: str) -> str:
    """Say that a model has no version."""
    return f"{(models / name).absolute()} holds no model; name the right folder with MOODRING_INFERENCE_MODELS"


def version_labels(models: Path, name: str) -> dict[str, int]:
    """Return the version of each label, from `labels.json` beside the versions: `{"stable": 1, "canary": 2}`.

    Raises:
        SetupError: The file is wrong; whether the versions are there is not looked at.
    """
    file = models / name / LABELS
    try:
        return _LABELS.validate_json(file.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SetupError(f"{file} cannot be read ({error.strerror}); look at its rights") from error
    except ValidationError as error:
        wanted = '{"label": version, …}'
        raise SetupError(f"{file}: {first_wrong(error)}; it has to be {wanted}") from error


def label_of_nothing(models: Path, name: str, label: str, version: int) -> str:
    """Say that a label names a version that is not there."""
    return f"{models / name / LABELS}: {label} is version {version}, which is not there; name one that is"


class Labels:
    """The labels of a model's versions: what its folder says; FER+'s of a model that has none here.

    A model server elsewhere may have a model of which nothing is here. One whose folder is here is never read in an
    order that it may not have.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._last: tuple[tuple[str, int], tuple[str, ...]] | None = None

    def __call__(self, name: str, version: int) -> tuple[str, ...]:
        """Return the labels in the order of the model's probabilities.

        Raises:
            SetupError: The model's folder is here, and does not say those of this version.
        """
        if self._last is None or self._last[0] != (name, version):
            here = (self._models / name).is_dir()
            labels = read(self._models, name, version).description.labels if here else EXPRESSIONS
            self._last = (name, version), labels
        return self._last[1]
