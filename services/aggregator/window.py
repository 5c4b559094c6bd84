"""What was seen of each track lately: a sliding window that forgets by itself.

A track's window is cut into `BUCKETS` slices of time. A slice holds sums, so that an observation costs the same
whenever it arrives, in order or not, a decision costs the same however many frames a camera sends, and nothing
grows: slices that leave the window are dropped whole. All times are seconds since 1970.
"""

import math
import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from services.aggregator.likelihood import (
    MOST_NEWS_PER_S,
    Answer,
    certainty,
    listed,
    news,
    over_greatest,
    scale_of,
    support,
)
from services.contracts.moods import EXPRESSIONS

BUCKETS = 15
"""Slices of a window: its edge moves in steps of one, a second by default."""
MAX_TRACKS = 64
"""Tracks of a room at a time; further ones wait until one has left the window. A bound of memory and of
the time that a look takes; a face that is lost every 15 seconds comes to it in a window of 16 minutes."""
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
        track_id: The track within the camera. One that restarts numbers its tracks anew: who has the number of a face
            before them is taken for it, as tracks that follow each other are in any case (see `people`).
        frame_id: The frame, whatever it is called: one of this name counts once.
        at: When the frame was captured.
        quality: Fitness of the picture for classification, 0 to 1.
        probabilities: Every label's probability; they sum to 1.
        model_version: Of the model that gave them; 0 where it is not known.
        taught: Of each mood that was taught for the room, how likely the face shows it, by itself.
    """

    camera: str
    track_id: int
    frame_id: str
    at: float
    quality: float
    probabilities: Mapping[str, float]
    model_version: int = 0
    taught: Mapping[str, float] = field(default_factory=dict)


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
        slices: By the number of each slice of time, how likely what it showed then is under each label,
            over the greatest of them.
    """

    distribution: Mapping[str, float]
    weight: float
    samples: int
    last_at: float
    first_at: float = 0.0
    camera: str = ""
    slices: Mapping[int, Sequence[float]] = field(default_factory=dict)


@dataclass(slots=True)
class _Bucket:
    sums: list[float]
    support: list[float]
    frames: set[str] = field(default_factory=set)
    weight: float = 0.0
    news: float = 0.0
    likelihoods: Sequence[float] | None = None
    last_at: float = 0.0
    first_at: float = math.inf

    def add(self, observation: Observation, said: Answer, weight: float) -> None:
        """Take an observation's part in the mean."""
        self.frames.add(observation.frame_id)
        self.weight += weight
        self.last_at = max(self.last_at, observation.at)
        self.first_at = min(self.first_at, observation.at)
        self.sums = [value + weight * share for value, share in zip(self.sums, said, strict=True)]

    def speak(self, logs: Sequence[float], new: float) -> None:
        """Take what an observation speaks for, as far as it is new."""
        self.news += new
        self.support = [value + new * log for value, log in zip(self.support, logs, strict=True)]
        self.likelihoods = None

    def likely(self) -> Sequence[float]:
        """Return how likely all this is under each expression, over the greatest; worked out once."""
        if self.likelihoods is None:
            top = max(self.support)
            self.likelihoods = over_greatest([math.exp(log - top) for log in self.support])
        return self.likelihoods


@dataclass(slots=True)
class _Track:
    buckets: dict[int, _Bucket] = field(default_factory=dict)
    said: Answer | None = None
    said_at: float = 0.0


class Window:
    """The tracks of one room.

    Args:
        length_s: Age at which an observation is forgotten.
        half_life_s: Age at which it weighs half as much as a new one in the mean.
        labels: What observations give probabilities of: the model's, and taught moods behind them.
    """

    def __init__(self, length_s: float, half_life_s: float, labels: Collection[str] = EXPRESSIONS) -> None:
        self._labels = tuple(labels)
        self._length_s = length_s
        self._half_life_s = half_life_s
        self._bucket_s = length_s / BUCKETS
        self._samples = 0
        self._tracks: dict[tuple[str, int], _Track] = {}

    def add(self, observation: Observation, now: float) -> Refusal | None:
        """Count an observation, or return why it does not count."""
        if refusal := self._untimely(observation.at, now):
            return refusal
        track = self._track((observation.camera, observation.track_id), now)
        if track is None or self._samples >= MAX_SAMPLES:
            return Refusal.FLOOD
        index = math.floor(observation.at / self._bucket_s)
        bucket = track.buckets.get(index) or track.buckets.setdefault(index, self._bucket())
        if observation.frame_id in bucket.frames:
            return Refusal.DUPLICATE
        if len(bucket.frames) >= MAX_RATE * self._bucket_s:
            return Refusal.FLOOD
        said = listed(observation.probabilities, self._labels)
        sure = certainty(said)
        self._samples += 1
        bucket.add(observation, said, observation.quality * sure)
        new = sure * news(said, track.said, observation.at - track.said_at, observation.quality)
        new = min(new, MOST_NEWS_PER_S * self._bucket_s - bucket.news)
        if new > 0:
            scale = scale_of(observation.model_version, len(self._labels) - len(EXPRESSIONS))
            bucket.speak(support(said, scale), new)
        if observation.at >= track.said_at:
            track.said, track.said_at = said, observation.at
        return None

    def forget(self, camera: str | None = None) -> None:
        """Drop everything that a camera saw, or that any did."""
        self._tracks = {key: track for key, track in self._tracks.items() if camera not in {None, key[0]}}
        self._count()

    def tracks(self, now: float) -> list[TrackEvidence]:
        """Return what is known of every track in the window; ask often, as this is when old ones are dropped."""
        self._expire(now)
        return [self._evidence(camera, track.buckets, now) for (camera, _), track in self._tracks.items()]

    def _bucket(self) -> _Bucket:
        return _Bucket([0.0] * len(self._labels), [0.0] * len(self._labels))

    def _untimely(self, at: float, now: float) -> Refusal | None:
        if at > now + MAX_AHEAD_S:
            return Refusal.FUTURE
        return Refusal.LATE if at <= now - self._length_s else None

    def _track(self, key: tuple[str, int], now: float) -> _Track | None:
        if key not in self._tracks and len(self._tracks) >= MAX_TRACKS:
            self._expire(now)
            if len(self._tracks) >= MAX_TRACKS:
                return None
        return self._tracks.get(key) or self._tracks.setdefault(key, _Track())

    def _expire(self, now: float) -> None:
        oldest = math.floor((now - self._length_s) / self._bucket_s)
        newest = math.floor(
            (now + MAX_AHEAD_S) / self._bucket_s
        )  # later ones are left from before our clock was set back
        for key, track in list(self._tracks.items()):
            for gone in [index for index in track.buckets if not oldest <= index <= newest]:
                del track.buckets[gone]
            if not track.buckets:
                del self._tracks[key]
        self._count()

    def _count(self) -> None:
        self._samples = sum(len(one.frames) for track in self._tracks.values() for one in track.buckets.values())

    def _evidence(self, camera: str, buckets: Mapping[int, _Bucket], now: float) -> TrackEvidence:
        left = [0.5 ** (max(0.0, now - (index + 0.5) * self._bucket_s) / self._half_life_s) for index in buckets]
        weight = sum(map(operator.mul, left, [bucket.weight for bucket in buckets.values()]))
        columns = zip(*[bucket.sums for bucket in buckets.values()], strict=True)
        return TrackEvidence(
            distribution={
                label: sum(map(operator.mul, left, column)) / weight
                for label, column in zip(self._labels, columns, strict=True)
            }
            if weight > 0
            else {},
            weight=weight,
            samples=sum(len(bucket.frames) for bucket in buckets.values()),
            last_at=max(bucket.last_at for bucket in buckets.values()),
            first_at=min(bucket.first_at for bucket in buckets.values()),
            camera=camera,
            slices={index: bucket.likely() for index, bucket in buckets.items()},
        )
