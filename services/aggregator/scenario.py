"""What happens in a simulated room: its settings. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, Field

from services.contracts.messages import Unit
from services.contracts.moods import EXPRESSIONS

LEAST_HOURS = 0.001
MAX_FRAMES = 168 * 3600 * 5
"""A week at five frames a second: a stream is made at once, in a little over a gigabyte."""


def _several(mix: Mapping[str, float]) -> Mapping[str, float]:
    if unknown := mix.keys() - set(EXPRESSIONS):
        raise ValueError(f"{', '.join(sorted(unknown))}: moods are of {', '.join(EXPRESSIONS)}")
    if sum(share > 0 for share in mix.values()) < 2:  # noqa: PLR2004 -- each mood follows another
        raise ValueError("it needs two moods at least, as each follows another one")
    return mix


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("it has to be two numbers, the lower one first")
    return ends


Seconds = Annotated[float, Field(ge=0.01, le=1e9)]
Share = Annotated[float, Field(ge=0, le=1e9)]


@dataclass(frozen=True)
class Scenario:
    """What happens in a room. Times are means of exponential distributions, in seconds.

    Attributes:
        mix: How often each mood comes; the next one is drawn from the others by these shares, and so is what flashes
            over a face. One that is left out never comes. The five that people show most come as in daily life, not as
            in a test set; an eighth of the time is left to the three that the model hardly tells.
        hold_s: How long a true mood lasts.
        fps: Frames a second.
        misread_s: How long one answer of the model holds for the same face.
        flicker: Standard deviation of the logarithm of each probability from frame to frame.
        lost: Share of frames in which the detector misses a face.
        dropout_every_s: Time between losses of a face that last.
        dropout_s: How long they last; a new track begins after them.
        turn_every_s: Time between turns of the head.
        turn_s: How long they last; the picture is poor and the answers belong to any moods.
        flash_every_s: Time between brief expressions that are not the mood: a laugh, a startle.
        flash_s: Shortest and longest of them: an expression that is no mood lasts from half a second to four (Ekman,
            Emotions Revealed, 2003).
        guest_every_s: Time between visits of a second person.
        guest_s: How long a visit lasts.
        guest_agrees: Whether the guest shares the mood; where not, it is one of the guest's own, and the truth of a
            room of two who differ is `unknown`.
        quality: Lowest and highest quality of a face that looks at the camera.
        turned_quality: The same of one that does not.
    """

    mix: Annotated[Mapping[str, Share], AfterValidator(_several)] = field(
        default_factory=lambda: {
            "neutral": 0.42, "happy": 0.24, "surprised": 0.06, "sad": 0.09, "angry": 0.07,
            "disgusted": 0.04, "fearful": 0.04, "contemptuous": 0.04,
        }
    )  # fmt: skip
    hold_s: Seconds = 240
    fps: Annotated[int, Field(ge=1, le=240)] = 5
    misread_s: Seconds = 1.5
    flicker: Annotated[float, Field(ge=0, le=10)] = 0.2
    lost: Unit = 0.05
    dropout_every_s: Seconds = 90
    dropout_s: Seconds = 3
    turn_every_s: Seconds = 20
    turn_s: Seconds = 2
    flash_every_s: Seconds = 120
    flash_s: Annotated[tuple[Seconds, Seconds], AfterValidator(_rising)] = (0.5, 4)
    guest_every_s: Seconds = 600
    guest_s: Seconds = 300
    guest_agrees: bool = True
    quality: Annotated[tuple[Unit, Unit], AfterValidator(_rising)] = (0.5, 0.9)
    turned_quality: Annotated[tuple[Unit, Unit], AfterValidator(_rising)] = (0.2, 0.4)

    @property
    def shares(self) -> list[float]:
        """How often each of `EXPRESSIONS` comes, in their order; one that the mix leaves out never does."""
        return [self.mix.get(label, 0.0) for label in EXPRESSIONS]
