"""Recorded observations: JSON lines of probabilities, never of pictures.

A line is what one camera saw in one frame, or a camera's state, what was taught, or, in a simulated file, the true mood
from then on.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, field_validator

from services.aggregator.errors import BadRecordingError
from services.aggregator.intake import SUM_TOLERANCE
from services.aggregator.window import MAX_TRACKS, Observation
from services.contracts.channels import MAX_FRAME_ID
from services.contracts.messages import CameraState, CustomMoods, Name, Unit
from services.contracts.moods import EXPRESSIONS, MAX_CUSTOM_MOODS
from services.contracts.wrong import first_wrong

Time = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Seconds since 1970."""

DIGITS = 4
"""Decimals of a probability and of a time that are kept."""


class Face(BaseModel):
    """One face: its track, the fitness of its picture, and what the model said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    track: Annotated[int, Field(ge=0)]
    quality: Unit
    probabilities: dict[str, Unit]
    taught: Annotated[dict[Name, Unit], Field(max_length=MAX_CUSTOM_MOODS)] = {}

    @field_validator("probabilities")
    @classmethod
    def _of_expressions(cls, found: dict[str, float]) -> dict[str, float]:
        if not found.keys() <= set(EXPRESSIONS):
            raise ValueError(f"labels have to be of {', '.join(EXPRESSIONS)}")
        total = sum(found.values())
        if abs(total - 1) > SUM_TOLERANCE:
            raise ValueError(f"they sum to {total:.3f}, not to 1")
        return found


def _several(truth: Any) -> Any:
    return (truth,) if isinstance(truth, str) else truth


def _one(truth: tuple[str, ...]) -> str | tuple[str, ...]:
    return truth[0] if len(truth) == 1 else truth


class Line(BaseModel):
    """One line of a recording.

    Attributes:
        heard_at: When it arrived.
        room: Where.
        camera: Who saw it; empty with `truth`.
        frame_id: The frame of `faces`.
        captured_at: When it was captured, by the camera's clock.
        faces: Who was seen.
        model_version: Of the model that read `faces`; 0 where it is not known.
        state: How the camera does.
        truth: What each of those who are there truly feels from now on, where they differ, in simulated files; a single
            word where all feel the same.
        custom: The moods that the household has taught by now.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    heard_at: Time
    room: Name
    camera: Name | None = None
    frame_id: Annotated[str, Field(max_length=MAX_FRAME_ID)] = ""
    captured_at: Time = 0
    faces: Annotated[tuple[Face, ...], Field(max_length=MAX_TRACKS)] = ()
    model_version: Annotated[int, Field(ge=0)] = 0
    state: CameraState | None = None
    truth: Annotated[tuple[Name, ...], BeforeValidator(_several), PlainSerializer(_one)] = ()
    custom: CustomMoods | None = None

    @property
    def observations(self) -> Iterator[Observation]:
        """The faces as a room takes them."""
        for face in self.faces:
            total = sum(face.probabilities.values())
            probabilities = {label: value / total for label, value in face.probabilities.items()}
            yield Observation(
                self.camera or "", face.track, self.frame_id, self.captured_at, face.quality, probabilities,
                self.model_version, face.taught,
            )  # fmt: skip

    def written(self) -> str:
        """Return the line as text, with its end."""
        return self.model_dump_json(exclude_defaults=True) + "\n"


def seen(room: str, camera: str, faces: Iterable[Observation], heard_at: float) -> Line:
    """Return the line of one frame's faces, at least one."""
    observations = list(faces)
    return Line(
        heard_at=round(heard_at, DIGITS),
        room=room,
        camera=camera,
        frame_id=observations[0].frame_id,
        captured_at=round(observations[0].at, DIGITS),
        model_version=observations[0].model_version,
        faces=tuple(
            Face(
                track=one.track_id,
                quality=round(one.quality, DIGITS),
                probabilities={label: round(value, DIGITS) for label, value in one.probabilities.items()},
                taught={mood: round(value, DIGITS) for mood, value in one.taught.items()},
            )
            for one in observations
        ),
    )


def read(lines: Iterable[bytes], cut: Callable[[int], object] = int) -> Iterator[Line]:
    """Yield the lines of a recording.

    Args:
        lines: The lines of the file, each with its end.
        cut: Told the number of a last line that was not written to its end; it is left out.

    Raises:
        BadRecordingError: A line is none; the text says which and why.
    """
    for number, text in enumerate(lines, 1):
        try:
            yield Line.model_validate_json(text)
        except ValidationError as error:
            if not text.endswith(b"\n"):  # the disk was full, or who wrote it was killed
                cut(number)
                return
            raise BadRecordingError(f"line {number}: {first_wrong(error)}; remove or mend the line") from error
