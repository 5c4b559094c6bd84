"""The synthetic person: a soft portrait whose expression changes over the minutes.

Nobody's own face is in it: the faces are averages over many people (`training/averages.py` makes them).
"""

import math
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.contracts import moodring_pb2 as pb
from services.vision.images import Bgr, decode_crop
from services.vision.opencv import cv2

Layer = NDArray[np.float32]
"""Shape (height, width, 3), BGR, 0 to 255; of a weight, shape (height, width, 1), 0 to 1."""

WIDTH: Final = 640
HEIGHT: Final = 480
TALL: Final = HEIGHT + 32
"""Height of the drawn person, who goes on below the frame for when the head tilts."""
SEQUENCE: Final = ("happy", "neutral", "surprised", "sad", "happy", "angry")
"""One after another, for ever; the first is the one that is recognised soonest."""
HOLD_S: Final = 150.0
FADE_S: Final = 2.0

SPRITE_PX: Final = 128
BACKDROP: Final = 120.0
"""Grey that the sprites fade into at their edges."""
CONTRAST: Final = 0.9
"""The sprites use the whole grey range; a face in soft light does not."""
ZOOM: Final = 2.0
HEAD: Final = (320, 215)
"""Where the middle of the sprite goes."""

WALL: Final = (150, 172, 186)
HAIR: Final = (24, 32, 44)
SKIN: Final = (122, 150, 182)
NECK: Final = (102, 130, 162)
CHIN_SHADOW: Final = (66, 86, 112)
SWEATER: Final = (104, 92, 62)

DRIFT_PX: Final = 14.0
TILT_DEG: Final = 2.5
BREATH: Final = 0.035
"""How far the person wanders, tilts the head, and comes nearer: a share of its size."""
NOISE: Final = 2.5
"""Standard deviation of the sensor's noise in grey steps, about that of a webcam indoors."""
NOISE_ROOM: Final = 64
"""Pixels by which the drawn noise is larger than a frame, each way."""


class Person:
    """A person in front of a camera.

    Args:
        seed: Chooses the noise and the way the person moves.
    """

    def __init__(self, seed: int = 1) -> None:
        random = np.random.default_rng(seed)
        self._room = cv2.cvtColor(np.clip(_room(), 0, 255).astype(np.uint8), cv2.COLOR_BGR2BGRA)
        self._phases = random.uniform(0, 2 * math.pi, 6)
        # Noise is drawn once, larger than a frame; each frame shows another part of it.
        noise = random.standard_normal((HEIGHT + NOISE_ROOM, WIDTH + NOISE_ROOM, 1), np.float32) * NOISE
        self._brighter = np.clip(noise.round(), 0, 255).astype(np.uint8).repeat(3, axis=2)
        self._darker = np.clip(-noise.round(), 0, 255).astype(np.uint8).repeat(3, axis=2)
        self._seed = seed

    def frame(self, t_s: float) -> Bgr:
        """Return the frame at a time: the same for the same seed and time, (480, 640, 3) BGR.

        Args:
            t_s: Seconds since the person sat down, not negative.
        """
        person = cv2.warpAffine(self._person(t_s), self._pose(t_s), (WIDTH, HEIGHT))
        behind = cv2.multiply(self._room, cv2.merge([255 - person[:, :, 3]] * 4), scale=1 / 255)
        return self._noisy(cv2.cvtColor(cv2.add(behind, person), cv2.COLOR_BGRA2BGR), t_s)

    def _person(self, t_s: float) -> NDArray[np.uint8]:
        step, since = divmod(t_s, HOLD_S)
        now = _portrait(SEQUENCE[int(step) % len(SEQUENCE)])
        left = HOLD_S - since
        if left >= FADE_S:
            return now
        following = _portrait(SEQUENCE[int(step + 1) % len(SEQUENCE)])
        share = _smooth(1 - left / FADE_S)
        mixed: NDArray[np.uint8] = cv2.addWeighted(now, 1 - share, following, share, 0)
        return mixed

    def _pose(self, t_s: float) -> NDArray[np.float64]:
        """Return how the person is moved: slow sines of periods that do not fit each other."""
        waves = [
            math.sin(2 * math.pi * t_s / period + phase)
            for period, phase in zip((23.0, 7.3, 17.0, 5.9, 31.0, 4.1), self._phases, strict=True)
        ]
        matrix: NDArray[np.float64] = cv2.getRotationMatrix2D(
            (HEAD[0], HEIGHT), TILT_DEG * (0.7 * waves[2] + 0.3 * waves[3]), 1 + BREATH * (waves[4] + 0.15 * waves[5])
        )
        matrix[0, 2] += DRIFT_PX * (0.75 * waves[0] + 0.25 * waves[1])
        matrix[1, 2] += DRIFT_PX * 0.3 * waves[3]
        return matrix

    def _noisy(self, image: Bgr, t_s: float) -> Bgr:
        x, y = np.random.default_rng((self._seed, round(t_s * 1000))).integers(0, NOISE_ROOM, 2)
        part = np.s_[y : y + HEIGHT, x : x + WIDTH]
        noisy: Bgr = cv2.subtract(cv2.add(image, self._brighter[part]), self._darker[part])
        return noisy


@lru_cache(maxsize=3)
def _portrait(expression: str) -> NDArray[np.uint8]:
    """Draw the person with one expression: (TALL, 640, 4), BGR multiplied by the weight, and the weight."""
    canvas = np.zeros((TALL, WIDTH, 3), np.float32)
    weight = np.zeros((TALL, WIDTH, 1), np.float32)
    x, y = HEAD
    shade = _light(x, TALL)
    for colour, shape in (
        (HAIR, _blob([(x, y - 4, 94, 122), (x, y + 40, 90, 88)], 8)),
        (NECK, _blob([(x, y + 120, 42, 90)], 5)),
        (SWEATER, _blob([(x, HEIGHT + 62, 205, 162), (x, HEIGHT + 40, 128, 128)], 5)),
        (NECK, _blob([(x, y + 132, 46, 52)], 9)),
        (CHIN_SHADOW, 0.75 * _blob([(x, y + 92, 52, 30)], 9)),
        (SKIN, _blob([(x, y + 6, 64, 96)], 7)),
    ):
        canvas = canvas * (1 - shape) + np.array(colour, np.float32) * shade * shape
        weight = weight + shape * (1 - weight)
    face, oval = _face(expression)
    side = face.shape[0]
    place = np.s_[y - side // 2 : y - side // 2 + side, x - side // 2 : x - side // 2 + side]
    canvas[place] = canvas[place] * (1 - oval) + face * oval
    weight[place] = weight[place] + oval * (1 - weight[place])
    portrait: NDArray[np.uint8] = np.clip(np.concatenate([canvas, weight * 255], axis=2), 0, 255).astype(np.uint8)
    return portrait


def _face(expression: str) -> tuple[Layer, Layer]:
    """Return a sprite in skin's colours, and its weight: the oval within which it is not backdrop."""
    data = files("services.demo").joinpath("assets", "faces", f"{expression}.png").read_bytes()
    grey = decode_crop(pb.Image(encoding=pb.ENCODING_PNG, data=data)).astype(np.float32)
    down, across = np.mgrid[:SPRITE_PX, :SPRITE_PX].astype(np.float32)
    centre = (SPRITE_PX - 1) / 2
    # The oval that the sprites were blended through; where it is faint, there is too little face left to show.
    radius = np.hypot((across - centre) / (SPRITE_PX * 0.36), (down - SPRITE_PX * 0.49) / (SPRITE_PX * 0.44))
    blended = _smooth(np.clip((1.12 - radius) / 0.34, 0, 1))
    face = np.clip((grey - BACKDROP * (1 - blended)) / np.maximum(blended, 0.35), 0, 255)
    inner = np.hypot((across - centre) / (SPRITE_PX * 0.33), (down - SPRITE_PX * 0.5) / (SPRITE_PX * 0.40))
    oval = _smooth(np.clip((1.05 - inner) / 0.45, 0, 1))
    side = round(SPRITE_PX * ZOOM)
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    return _tinted(np.clip(130 + CONTRAST * (large - BACKDROP), 0, 255)), cv2.resize(oval, (side, side))[:, :, None]


def _tinted(grey: NDArray[np.float32]) -> Layer:
    """Colour a grey image like skin in warm light; its brightness stays (ITU-R BT.601 luma)."""
    tint = np.array([0.72, 0.96, 1.20], np.float32)
    tint = tint / (tint @ np.array([0.114, 0.587, 0.299], np.float32))
    strength = (1 - (grey / 255) ** 3)[:, :, None]
    return (grey[:, :, None] * (1 + strength * (tint - 1))).astype(np.float32)


def _room() -> Layer:
    """Paint a wall in evening light, with a window's glow and things out of focus."""
    down, across = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    room = np.full((HEIGHT, WIDTH, 3), WALL, np.float32)
    glow = np.exp(-(((across - 110) / 190) ** 2 + ((down - 120) / 210) ** 2))[:, :, None]
    room = room * (0.72 + 0.3 * glow) + np.array((18, 34, 52), np.float32) * glow
    for colour, (left, top, right, bottom) in (
        ((70, 92, 120), (505, 70, 610, 215)),
        ((120, 140, 148), (517, 82, 598, 203)),
        ((62, 78, 98), (0, 372, 640, 480)),
        ((70, 104, 80), (28, 270, 96, 350)),
        ((62, 84, 128), (44, 345, 82, 392)),
    ):
        room[top:bottom, left:right] = colour
    blurred: Layer = cv2.GaussianBlur(room, (0, 0), 11)
    return blurred * _light(200)


def _light(centre_x: int, height: int = HEIGHT) -> Layer:
    """Return the brightness of a lamp on the left: a weight for each pixel."""
    down, across = np.mgrid[:height, :WIDTH].astype(np.float32)
    light: Layer = 1.06 - 0.00035 * (across - centre_x) - 0.0004 * (down - HEIGHT / 2)
    return light[:, :, None]


def _blob(ellipses: list[tuple[int, int, int, int]], soft_px: float) -> Layer:
    """Return the weight of overlapping ellipses (middle x, y, half width, half height) with soft edges."""
    shape = np.zeros((TALL, WIDTH), np.float32)
    for x, y, across, down in ellipses:
        cv2.ellipse(shape, (x, y), (across, down), 0, 0, 360, 1.0, -1)
    blurred: Layer = cv2.GaussianBlur(shape, (0, 0), soft_px)[:, :, None]
    return blurred


def _smooth(share: Any) -> Any:
    """Return the smooth step 3x² - 2x³ of a share, 0 to 1."""
    return share * share * (3 - 2 * share)
