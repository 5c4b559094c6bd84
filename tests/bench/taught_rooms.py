"""What rooms say in which moods were taught, beside the same rooms without: streams of faces, no simulation.

A stream shows one expression for `SECONDS`, another face of it every `FACE_S`, five times a second: a face
that is misread is misread for a whole window.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.aggregator.room import Room
from services.aggregator.simulation import CAMERA, START
from services.aggregator.vocabulary import Vocabulary
from services.aggregator.window import Observation
from services.contracts.messages import CameraState
from services.contracts.moods import EXPRESSION_POINTS, EXPRESSIONS, Point
from services.runtime.mood_settings import Aggregator

SECONDS = 60
FPS = 5
FACE_S = 15
LEAST_FACES = 20
"""Faces that an expression needs for its streams to be of different ones."""


def taught_name(mood: str) -> str:
    """Return the name by which an expression is taught again."""
    return f"very_{mood}"


def in_rooms(
    said: Mapping[str, NDArray[np.float64]],
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    random: np.random.Generator,
    streams: int,
) -> dict[str, list[tuple[str, str]]]:
    """Return, by expression, the moods at the end of each stream: without and with what was taught.

    Args:
        said: Of each expression that was taught again, how likely each face shows it, (N,).
        probabilities: What the model says of the faces, (N, 8).
        labels: Their expressions, (N,).
        random: Draws the faces.
        streams: How many for each expression.
    """
    places = {taught_name(mood): EXPRESSION_POINTS[mood] for mood in said}
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, mood in enumerate(EXPRESSIONS):
        rows = np.flatnonzero(labels == kind)
        for _ in range(streams if len(rows) >= LEAST_FACES else 0):
            shown = random.choice(rows, round(SECONDS / FACE_S))
            without, with_it = (_final(words, shown, said, probabilities) for words in ({}, places))
            found.setdefault(mood, []).append((without, with_it))
    return found


def _final(
    places: Mapping[str, Point],
    shown: NDArray[np.int64],
    said: Mapping[str, NDArray[np.float64]],
    probabilities: NDArray[np.float32],
) -> str:
    room = Room(Aggregator(), START)
    room.learn(Vocabulary(places), START)
    for frame in range(SECONDS * FPS):
        at, face = START + (frame + 1) / FPS, shown[int(frame / FPS / FACE_S)]
        answer = dict(zip(EXPRESSIONS, probabilities[face].tolist(), strict=True))
        taught = {taught_name(mood): float(shares[face]) for mood, shares in said.items()}
        room.observe(Observation(CAMERA, 1, f"{CAMERA}-1-{frame}", at, 0.8, answer, taught=taught), at)
        if frame % FPS == FPS - 1:
            room.hear(CAMERA, CameraState.OK, at)
            room.look(at)
    return room.mood().mood
