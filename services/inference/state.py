"""What the inference service keeps over a restart: the moods that a household taught. Embeddings, never pictures."""

from typing import Annotated, Final, Self

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.contracts.messages import Axis, Name, Unit
from services.contracts.moods import MAX_CUSTOM_MOODS, MAX_TAUGHT_ROOMS
from services.inference.heads import Embeddings
from services.inference.predictor import Origin

STORED: Final = np.dtype("<f2")
LARGEST: Final = float(np.finfo(STORED).max)


class TaughtMood(BaseModel):
    """One mood as it is kept."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    mood: Name
    valence: Axis
    arousal: Axis
    rooms: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_TAUGHT_ROOMS)]
    taught_at: AwareDatetime
    model: Name = "expression"
    """The model's name; files from before it was kept are of this one."""
    model_version: int
    size: Annotated[int, Field(gt=0)]
    """Numbers of an embedding."""
    shown: bytes
    """Embeddings of the faces that show it, 16-bit floats."""
    usual: bytes
    """Those of the same faces as they usually look."""
    answers: dict[str, Unit]
    """What the model said of the shown ones, on average."""

    @model_validator(mode="after")
    def _of_whole_faces(self) -> Self:
        row = self.size * STORED.itemsize
        if not self.shown or not self.usual or len(self.shown) % row or len(self.usual) % row:
            raise ValueError(f"the embeddings of {self.mood} are not whole")
        return self

    @property
    def origin(self) -> Origin:
        """Which model the embeddings are of."""
        return Origin(self.model, self.model_version)

    @property
    def faces(self) -> Embeddings:
        """The embeddings that show it, (N, size)."""
        return _unpacked(self.shown, self.size)

    @property
    def usual_faces(self) -> Embeddings:
        """Those that do not, (M, size)."""
        return _unpacked(self.usual, self.size)


class TaughtMoods(BaseModel):
    """The state file: every taught mood."""

    moods: Annotated[tuple[TaughtMood, ...], Field(max_length=MAX_CUSTOM_MOODS)] = ()


def packed(faces: Embeddings) -> bytes:
    """Return embeddings (N, E) as they are kept; which N and E they had is kept beside them."""
    return faces.clip(-LARGEST, LARGEST).astype(STORED).tobytes()


def _unpacked(stored: bytes, size: int) -> Embeddings:
    return np.frombuffer(stored, STORED).reshape(-1, size).astype(np.float32)
