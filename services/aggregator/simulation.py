"""A simulated room: what the model would say of people whose true mood is known.

The answers are the released model's own, to validation faces of that mood (`noise.json`, written by
`training/noise.py`), so its mistakes are made as often as it makes them. They are correlated in time, as a real
face's are: one answer holds for a while before the next is drawn. Pure: the randomness comes from the seed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from services.aggregator.likelihood import NOISE
from services.aggregator.measures import together
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
from services.aggregator.scenario import Scenario
from services.aggregator.window import Observation
from services.contracts.channels import STATUS_EVERY_S
from services.contracts.messages import CameraState
from services.contracts.moods import EXPRESSIONS

CAMERA = "camera"
START = 1_790_000_000.0
"""When every simulated stream begins, in seconds since 1970."""


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
    """The observations of one room in order of time, and what its people feel.

    Attributes:
        at: Time of each observation in seconds since 1970, shape (N,).
        track: Its track, shape (N,).
        quality: Its quality, shape (N,).
        probabilities: What the model said, over `EXPRESSIONS`, shape (N, 8).
        feelings: What each of those who are there truly feels, in each second from `START`.
    """

    at: Floats
    track: Whole
    quality: Floats
    probabilities: Floats
    feelings: tuple[tuple[str, ...], ...]

    def truth(self, folding: Mapping[str, str] | None = None) -> list[str]:
        """Return the true mood of each second, by what expressions fold to; `unknown` where two differ."""
        return [together(feelings, folding or {}) for feelings in self.feelings]

    def seconds(self) -> Iterator[list[Observation]]:
        """Yield what is seen in each second: after `START` and up to its end."""
        ends = np.searchsorted(self.at, START + 1 + np.arange(len(self.feelings)), side="right").tolist()
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
    felt: tuple[str, ...] = ()
    for second, (feelings, observations) in enumerate(zip(stream.feelings, stream.seconds(), strict=True)):
        at = START + second
        if feelings != felt:
            felt = feelings
            yield Line(heard_at=at, room=room, truth=feelings)
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
        feelings=tuple(
            (EXPRESSIONS[own], EXPRESSIONS[guests]) if differ else (EXPRESSIONS[own],)
            for own, guests, differ in zip(
                *(column[:: scenario.fps].tolist() for column in (*moods, guest & (moods[1] != mood))), strict=True
            )
        ),
    )


def _person(
    random: Random, scenario: Scenario, noise: Noise, *, mood: Whole, present: Flags, number: int
) -> tuple[Whole, Whole, Floats, Floats]:
    """Return frame, track, quality (N,) and probabilities (N, 8) of one person's observations."""
    frames, fps = len(mood), scenario.fps
    flash = flashes(random, frames, scenario.flash_every_s * fps, [length * fps for length in scenario.flash_s])
    turned = bursts(random, frames, scenario.turn_every_s * fps, scenario.turn_s * fps)
    shown = np.where(flash, drawn(random, starts(flash), scenario.shares), mood)
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
    shares = np.array(scenario.shares)
    moods: list[int] = []
    for _ in range(int(spell[-1]) + 1):
        others = shares.copy()
        if moods:
            others[moods[-1]] = 0
        moods.append(int(random.choice(len(others), p=others / others.sum())))
    return np.array(moods)[spell]
