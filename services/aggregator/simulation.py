"""A simulated room: what the model would say of people whose true mood is known.

The answers are the released model's own, to validation faces of that mood (`noise.json`, written by
`training/noise.py`), so its mistakes are made as often as it makes them. They are correlated in time, as a real
face's are: one answer holds for a while before the next is drawn. Pure: the randomness comes from the seed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from services.aggregator.likelihood import NOISE
from services.aggregator.recording import Line, seen
from services.aggregator.renewal import (
    Flags,
    Floats,
    Random,
    Whole,
    bursts,
    changed,
    drawn,
    flashes,
    spells,
    starts,
)
from services.aggregator.window import Observation
from services.contracts.channels import STATUS_EVERY_S
from services.contracts.messages import CameraState, Unit
from services.contracts.moods import EXPRESSIONS, UNKNOWN

CAMERA = "camera"
START = 1_790_000_000.0
"""When every simulated stream begins, in seconds since 1970."""
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
        mix: How often each mood comes; the next one is drawn from the others by these shares. The five that people
            show most come as in daily life, not as in a test set; an eighth of the time is left to the three that
            the model hardly tells.
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


@dataclass(frozen=True)
class Noise:
    """What the model says of faces whose mood is known.

    Attributes:
        recall: Share of each mood's faces that the model tells.
        answers: Distributions over `EXPRESSIONS`, shape (N, 8).
        first: Row at which each expression's answers begin, shape (8,).
        count: How many it has, shape (8,).
    """

    recall: Mapping[str, float]
    answers: Floats
    first: Whole
    count: Whole

    def recall_of(self, folding: Mapping[str, str], mix: Mapping[str, float]) -> Mapping[str, float]:
        """Return the recall of each mood that expressions fold to.

        It is that of its members, weighted by how often each comes. A member that is taken for another one of the same
        mood counts as missed, so that the model tells the mood at least as well.

        Args:
            folding: Expression to mood, for those that are not their own.
            mix: How often each expression comes.
        """
        members: dict[str, list[str]] = {}
        for label in self.recall:
            members.setdefault(folding.get(label, label), []).append(label)
        return {mood: self._mean_recall(labels, mix) for mood, labels in members.items()}

    def _mean_recall(self, labels: Sequence[str], mix: Mapping[str, float]) -> float:
        if len(labels) == 1:
            return self.recall[labels[0]]
        weights = [mix.get(label, 0.0) for label in labels]
        weights = weights if any(weights) else [1.0] * len(labels)
        return float(np.average([self.recall[label] for label in labels], weights=weights))


@dataclass(frozen=True)
class Stream:
    """The observations of one room in order of time, and the truth.

    Attributes:
        at: Time of each observation in seconds since 1970, shape (N,).
        track: Its track, shape (N,).
        quality: Its quality, shape (N,).
        probabilities: What the model said, over `EXPRESSIONS`, shape (N, 8).
        truth: The true mood in each second from `START`.
    """

    at: Floats
    track: Whole
    quality: Floats
    probabilities: Floats
    truth: tuple[str, ...]

    def seconds(self) -> Iterator[list[Observation]]:
        """Yield what is seen in each second: after `START` and up to its end."""
        ends = np.searchsorted(self.at, START + 1 + np.arange(len(self.truth)), side="right").tolist()
        for begin, end in zip([0, *ends], ends, strict=False):
            rows = zip(
                *(column[begin:end].tolist() for column in (self.at, self.track, self.quality, self.probabilities)),
                strict=True,
            )
            yield [
                Observation(
                    CAMERA,
                    track,
                    f"{CAMERA}-1-{at - START:.3f}",
                    at,
                    quality,
                    dict(zip(EXPRESSIONS, said, strict=True)),
                )
                for at, track, quality, said in rows
            ]


def lines(stream: Stream, room: str) -> Iterator[Line]:
    """Yield a stream as a recording, with the truth."""
    truth = ""
    for second, (true, observations) in enumerate(zip(stream.truth, stream.seconds(), strict=True)):
        at = START + second
        if true != truth:
            truth = true
            yield Line(heard_at=at, room=room, truth=true)
        if second % STATUS_EVERY_S == 0:
            yield Line(heard_at=at, room=room, camera=CAMERA, state=CameraState.OK)
        for frame, faces in groupby(observations, key=lambda one: one.at):
            yield seen(room, CAMERA, faces, frame)


def load_noise(path: Path = NOISE) -> Noise:
    """Read the released model's answers."""
    table = json.loads(path.read_text())
    rows = [np.asarray(table["answers"][label], dtype=float) for label in EXPRESSIONS]
    answers = np.concatenate(rows)
    count = np.array([len(row) for row in rows])
    return Noise(table["recall"], answers / answers.sum(axis=1, keepdims=True), np.cumsum(count) - count, count)


def simulate(scenario: Scenario, noise: Noise, *, seconds: int, seed: tuple[int, ...]) -> Stream:
    """Return a stream; the same arguments give the same one."""
    random = np.random.default_rng(seed)
    frames = seconds * scenario.fps
    mood = _moods(random, scenario, frames)
    guest = bursts(random, frames, scenario.guest_every_s * scenario.fps, scenario.guest_s * scenario.fps)
    moods = (mood, mood if scenario.guest_agrees else _moods(random, scenario, frames))
    people = [
        _person(random, scenario, noise, mood=feels, present=there, number=number)
        for number, (feels, there) in enumerate(zip(moods, (np.ones(frames, dtype=bool), guest), strict=True))
    ]
    parts = [np.concatenate(column) for column in zip(*people, strict=True)]
    order = np.argsort(parts[0], kind="stable")
    frame, track, quality, probabilities = (part[order] for part in parts)
    return Stream(
        at=START + (frame + 1) / scenario.fps,
        track=track,
        quality=quality,
        probabilities=probabilities,
        truth=tuple(
            UNKNOWN if differ else EXPRESSIONS[index]
            for index, differ in zip(mood[:: scenario.fps], (guest & (moods[1] != mood))[:: scenario.fps], strict=True)
        ),
    )


def _person(
    random: Random, scenario: Scenario, noise: Noise, *, mood: Whole, present: Flags, number: int
) -> tuple[Whole, Whole, Floats, Floats]:
    """Return frame, track, quality (N,) and probabilities (N, 8) of one person's observations."""
    frames, fps = len(mood), scenario.fps
    flash = flashes(random, frames, scenario.flash_every_s * fps, [length * fps for length in scenario.flash_s])
    turned = bursts(random, frames, scenario.turn_every_s * fps, scenario.turn_s * fps)
    shown = np.where(flash, drawn(random, starts(flash), list(scenario.mix.values())), mood)
    spell = spells(random, frames, scenario.misread_s * fps)
    shown = np.where(turned, drawn(random, changed(spell), [1.0] * len(EXPRESSIONS)), shown)
    answer = np.cumsum(changed(spell) | changed(shown) | changed(turned))
    luck = random.random(frames)[answer]
    row = noise.first[shown] + (luck * noise.count[shown]).astype(int)
    said = noise.answers[row] * np.exp(random.normal(0, scenario.flicker, (frames, len(EXPRESSIONS))))
    said /= said.sum(axis=1, keepdims=True)
    quality = np.where(
        turned, random.uniform(*scenario.turned_quality, frames), random.uniform(*scenario.quality, frames)
    )
    away = bursts(random, frames, scenario.dropout_every_s * fps, scenario.dropout_s * fps) | ~present
    track = 2 * np.cumsum(starts(away)) + number
    seen = np.flatnonzero(~away & (random.random(frames) >= scenario.lost))
    return seen, track[seen], quality[seen], said[seen]


def _moods(random: Random, scenario: Scenario, frames: int) -> Whole:
    """Return the index of the true mood in each frame; each differs from the one before."""
    spell = spells(random, frames, scenario.hold_s * scenario.fps)
    shares = np.array([scenario.mix.get(label, 0.0) for label in EXPRESSIONS])
    moods: list[int] = []
    for _ in range(int(spell[-1]) + 1):
        others = shares.copy()
        if moods:
            others[moods[-1]] = 0
        moods.append(int(random.choice(len(others), p=others / others.sum())))
    return np.array(moods)[spell]
