"""The way of a frame from the camera to here. Pure; times are seconds since 1970."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from services.contracts.moodring_pb2 import Expressions

MS_PER_S = 1000
PARTS = (
    ("camera", "see faces"),
    ("inference", "wait for batch"),
    ("inference", "decode faces"),
    ("inference", "classify faces"),
    ("inference", "pass on"),
)
"""Who did what; the way over the bus counts for whoever published."""


@dataclass(frozen=True)
class Sight:
    """When a frame's faces came which way, and nothing of what they say.

    Attributes:
        camera: The camera.
        frame_id: The frame.
        captured_s: When it was captured, by our clock.
        took_s: How long it took then: until its crops were at inference, in a batch, decoded, classified.
        heard_s: When its expressions were here.
    """

    camera: str
    frame_id: str
    captured_s: float
    took_s: tuple[float, ...]
    heard_s: float

    def parts(self) -> Iterator[tuple[str, str, float, float]]:
        """Return each part of the way: who did what, and when it began and ended.

        One is after the other, and none after the end.
        """
        moments = [self.captured_s]
        for took_s in self.took_s:
            moments.append(min(moments[-1] + max(0.0, took_s), self.heard_s))
        for (service, name), (began_s, ended_s) in zip(PARTS, pairwise([*moments, self.heard_s]), strict=True):
            yield service, name, began_s, ended_s


def sight(message: Expressions, camera: str, offset_s: float, now: float) -> Sight:
    """Return the way of a frame that is here now; `offset_s` is added to the camera's times."""
    took = message.timings
    captured_s = message.captured_at.seconds + message.captured_at.nanos / 1e9 + offset_s
    took_s = tuple(one / MS_PER_S for one in (took.arriving, took.waiting, took.decoding, took.predicting))
    return Sight(camera, message.frame_id, min(captured_s, now), took_s, now)
