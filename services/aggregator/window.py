"""What was seen of each track lately: a sliding window that forgets by itself.

A track's window is cut into `BUCKETS` slices of time. A slice holds sums, so that an observation costs the same
whenever it arrives, in order or not, a decision costs the same however many frames a camera sends, and nothing
grows: slices that leave the window are dropped whole. All times are seconds since 1970.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BUCKETS = 15
"""Slices of a window: its edge moves in steps of one, a second by default."""
MAX_TRACKS = 64
"""Tracks of a room at a time; further ones wait until one has left the window."""
MAX_RATE = 240
"""Observations of a track per second, which is the greatest frame rate a camera can be set to."""
MAX_SAMPLES = 30_000
"""Observations of a room in its window, which bounds its memory to a few MB: ten people at 30 frames a second for
100 s, say."""
MAX_AHEAD_S = 2.0
"""How far a camera's clock may be ahead of ours: what is newer still is refused, what is not counts as new."""


class Refusal(StrEnum):
    """Why an observation does not count."""

    LATE = "late"
    """It is older than the window."""
    FUTURE = "future"
    """It is from a time that has not come yet."""
    DUPLICATE = "duplicate"
    """This frame of this track was counted before."""
    FLOOD = "flood"
    """There are too many tracks, or too many observations of this one."""
    PRIVATE = "private"
    """It was on its way when its camera was switched off for privacy."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One face in one frame.

    Attributes:
        camera: The camera that saw it.
        track_id: The track within the camera.
        frame_id: The frame, as `{camera}-{run}-{number}`: a camera that restarts numbers its tracks anew, in a new run.
        at: When the frame was captured.
        quality: Fitness of the picture for classification, 0 to 1.
        probabilities: Every label's probability; they sum to 1.
    """

    camera: str
    track_id: int
    frame_id: str
    at: float
    quality: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrackEvidence:
    """What a window holds of one track.

    Attributes:
        distribution: Weighted mean of its observations, summing to 1; empty where none of them weighs anything.
        weight: Sum of their weights; a new, perfect observation adds 1.
        samples: Number of observations.
        last_at: When it was seen last.
        first_at: When it was seen first, within the window.
        camera: Who saw it.
    """

    distribution: Mapping[str, float]
    weight: float
    samples: int
    last_at: float
    first_at: float = 0.0
    camera: str = ""


@dataclass(slots=True)
class _Bucket:
    frames: set[str] = field(default_factory=set)
    weight: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    last_at: float = 0.0
    first_at: float = math.inf


class Window:
    """The tracks of one room.

    Args:
        length_s: Age at which an observation is forgotten.
        half_life_s: Age at which it weighs half as much as a new one.
    """

    def __init__(self, length_s: float, half_life_s: float) -> None:
        self._length_s = length_s
        self._half_life_s = half_life_s
        self._bucket_s = length_s / BUCKETS
        self._samples = 0
        self._tracks: dict[tuple[str, str, int], dict[int, _Bucket]] = {}

    def add(self, observation: Observation, now: float) -> Refusal | None:
        """Count an observation, or return why it does not count."""
        if refusal := self._untimely(observation.at, now):
            return refusal
        run = observation.frame_id.rpartition("-")[0]
        buckets = self._buckets((observation.camera, run, observation.track_id), now)
        if buckets is None or self._samples >= MAX_SAMPLES:
            return Refusal.FLOOD
        index = math.floor(observation.at / self._bucket_s)
        bucket = buckets.get(index) or buckets.setdefault(index, _Bucket())
        if observation.frame_id in bucket.frames:
            return Refusal.DUPLICATE
        if len(bucket.frames) >= MAX_RATE * self._bucket_s:
            return Refusal.FLOOD
        weight = observation.quality * certainty(observation.probabilities)
        self._samples += 1
        bucket.frames.add(observation.frame_id)
        bucket.weight += weight
        bucket.last_at = max(bucket.last_at, observation.at)
        bucket.first_at = min(bucket.first_at, observation.at)
        for label, probability in observation.probabilities.items():
            bucket.sums[label] = bucket.sums.get(label, 0.0) + weight * probability
        return None

    def forget(self, camera: str) -> None:
        """Drop everything that a camera saw."""
        self._tracks = {key: buckets for key, buckets in self._tracks.items() if key[0] != camera}
        self._count()

    def tracks(self, now: float, half_life_s: float | None = None) -> list[TrackEvidence]:
        """Return what is known of every track in the window; ask often, as this is when old ones are dropped.

        Args:
            now: The time.
            half_life_s: Another half-life than the window's.
        """
        self._expire(now)
        half_life_s = half_life_s or self._half_life_s
        return [self._evidence(camera, buckets, now, half_life_s) for (camera, _, _), buckets in self._tracks.items()]

    def _untimely(self, at: float, now: float) -> Refusal | None:
        if at > now + MAX_AHEAD_S:
            return Refusal.FUTURE
        return Refusal.LATE if at <= now - self._length_s else None

    def _buckets(self, track: tuple[str, str, int], now: float) -> dict[int, _Bucket] | None:
        if track not in self._tracks and len(self._tracks) >= MAX_TRACKS:
            self._expire(now)
            if len(self._tracks) >= MAX_TRACKS:
                return None
        return self._tracks.setdefault(track, {})

    def _expire(self, now: float) -> None:
        oldest = math.floor((now - self._length_s) / self._bucket_s)
        newest = math.floor(
            (now + MAX_AHEAD_S) / self._bucket_s
        )  # later ones are left from before our clock was set back
        for key, buckets in list(self._tracks.items()):
            for gone in [index for index in buckets if not oldest <= index <= newest]:
                del buckets[gone]
            if not buckets:
                del self._tracks[key]
        self._count()

    def _count(self) -> None:
        self._samples = sum(len(bucket.frames) for buckets in self._tracks.values() for bucket in buckets.values())

    def _evidence(self, camera: str, buckets: Mapping[int, _Bucket], now: float, half_life_s: float) -> TrackEvidence:
        weight = 0.0
        sums: dict[str, float] = {}
        for index, bucket in buckets.items():
            age_s = max(0.0, now - (index + 0.5) * self._bucket_s)
            left = 0.5 ** (age_s / half_life_s)
            weight += left * bucket.weight
            for label, value in bucket.sums.items():
                sums[label] = sums.get(label, 0.0) + left * value
        return TrackEvidence(
            distribution={label: value / weight for label, value in sums.items()} if weight > 0 else {},
            weight=weight,
            samples=sum(len(bucket.frames) for bucket in buckets.values()),
            last_at=max(bucket.last_at for bucket in buckets.values()),
            first_at=min(bucket.first_at for bucket in buckets.values()),
            camera=camera,
        )


def certainty(probabilities: Mapping[str, float]) -> float:
    """Return how sure a distribution is: 1 less its entropy over the greatest possible one (Shannon 1948), 0 to 1."""
    if len(probabilities) < 2:  # noqa: PLR2004 -- nothing to be unsure between
        return 1.0
    entropy = -sum(p * math.log(p) for p in probabilities.values() if p > 0)
    return min(1.0, max(0.0, 1 - entropy / math.log(len(probabilities))))
