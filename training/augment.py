"""Variation of training faces as cameras, distance, light and the face detector vary them, a batch at a time.

Everything is arithmetic on whole batches, so that it takes next to no time beside the training step on any device.
All randomness comes from the generator that the caller passes.
"""

import functools
import math
from dataclasses import dataclass, fields, replace
from typing import Final

import cv2
import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from training.shape import FACE_PX


@dataclass(frozen=True)
class Augmentation:
    """How far each property may vary.

    YuNet's boxes on FER2013's frames are on average 0.80 by 1.04 of the frame with a spread of 0.13
    and 0.18; made square they differ from the frame by about the scale given here. What is not derived was chosen by
    looking at the faces, and judged by the runs in RESULTS.md.

    Attributes:
        rotation_deg: Standard deviation of the rotation.
        scale: Standard deviation of the logarithm of the scale.
        aspect: Standard deviation of the logarithm of height over width.
        shift_px: Standard deviation of the shift, in 48-pixel frames.
        contrast: Largest change of contrast, as a fraction, and
        brightness: largest change of brightness, in grey levels: faces are standardised afterwards, so what is left of
            these two is how much of a face is burnt out or drowned.
        gamma: Standard deviation of the logarithm of the exponent that bends the grey levels.
        side_light: Standard deviation of the slope of the light across the face: at 1 the far edge is black.
        grain: Largest standard deviation of a camera's noise, in grey levels.
        distance: Probability that a face is seen from afar: scaled down and up again.
        smallest_px: Smallest side of a face seen from afar.
        erase: Probability that a rectangle is covered (Zhong et al. 2017, arXiv:1708.04896).
    """

    rotation_deg: float = 9.0
    scale: float = 0.11
    aspect: float = 0.07
    shift_px: float = 2.2
    contrast: float = 0.3
    brightness: float = 30.0
    gamma: float = 0.25
    side_light: float = 0.25
    grain: float = 8.0
    distance: float = 0.3
    smallest_px: int = 14
    erase: float = 0.12

    def milder(self) -> "Augmentation":
        """Gives half of this variation, of everything but how small a face from afar is."""
        halves = {each.name: getattr(self, each.name) / 2 for each in fields(self) if each.name != "smallest_px"}
        return replace(self, **halves)


_LARGEST_PX: Final = 40
"""Faces from afar are smaller than this."""
_ERASED_PX: Final = (6, 22)
"""Sides of the covered rectangles."""
_ENLARGED: Final = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)


class Dice:
    """Random numbers for one batch."""

    def __init__(self, count: int, generator: Generator) -> None:
        """Gives ``count`` numbers at a time, on the generator's device."""
        self._count, self._generator = count, generator

    def normal(self, spread: float) -> Tensor:
        """Gives normally distributed numbers (N,) around zero."""
        return torch.randn(self._count, generator=self._generator, device=self._generator.device) * spread

    def uniform(self, low: float, high: float) -> Tensor:
        """Gives evenly distributed numbers (N,)."""
        return low + (high - low) * torch.rand(self._count, generator=self._generator, device=self._generator.device)

    def whole(self, low: int, high: int) -> Tensor:
        """Gives whole numbers (N,) from ``low`` to below ``high``."""
        return torch.randint(low, high, (self._count,), generator=self._generator, device=self._generator.device)

    def grain(self, faces: Tensor) -> Tensor:
        """Gives normally distributed numbers of unit variance for each pixel of faces."""
        return torch.randn(faces.shape, generator=self._generator, device=self._generator.device)

    def chance(self, probability: float) -> Tensor:
        """Gives truths (N,) with a probability."""
        return self.uniform(0, 1) < probability


def _framed(faces: Tensor, dice: Dice, by: Augmentation) -> Tensor:
    angle, scale = dice.normal(math.radians(by.rotation_deg)), dice.normal(by.scale).exp()
    aspect, flip = dice.normal(by.aspect / 2).exp(), 1 - 2 * dice.chance(0.5).float()
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift = by.shift_px * 2 / FACE_PX
    rows = (cos / aspect * flip, -sin, dice.normal(shift), sin * flip, cos * aspect, dice.normal(shift))
    places = functional.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(faces.shape), align_corners=False)
    seen = functional.grid_sample(faces, places, padding_mode="border", align_corners=False)
    outside = (places.abs().amax(3) > 1) & dice.chance(0.5)[:, None, None]
    return seen.masked_fill(outside[:, None], 0)


@functools.cache
def _distances(smallest_px: int) -> Tensor:
    """Gives what scaling down and up again does to a face's rows, matrices (M, 48, 48); the first does nothing.

    Scaling is linear and the same for rows and columns: what it does to a face is ``matrix @ face @ matrix.T``.
    """
    sides = range(smallest_px, _LARGEST_PX)
    unit = np.eye(FACE_PX, dtype=np.float32)
    small = {side: cv2.resize(unit, (FACE_PX, side), interpolation=cv2.INTER_AREA) for side in sides}
    again = [cv2.resize(small[side], (FACE_PX, FACE_PX), interpolation=how) for side in sides for how in _ENLARGED]
    return torch.from_numpy(np.stack([unit, *again]))


def _seen_from_afar(faces: Tensor, dice: Dice, by: Augmentation) -> Tensor:
    distances = _distances(by.smallest_px).to(faces.device)
    chosen = distances[dice.whole(1, len(distances)) * dice.chance(by.distance)][:, None]
    return chosen @ faces @ chosen.transpose(2, 3)


def _relit(faces: Tensor, dice: Dice, by: Augmentation) -> Tensor:
    across = torch.linspace(-1, 1, FACE_PX, device=faces.device)
    slope, angle = (each[:, None, None] for each in (dice.normal(by.side_light), dice.uniform(0, math.pi)))
    light = (1 + slope * (angle.cos() * across + angle.sin() * across[:, None])).clamp(min=0)[:, None]
    exponent = dice.normal(by.gamma).exp()[:, None, None, None]
    bent = 255 * (faces.clamp(0, 255) * light / 255).pow(exponent)
    gain = dice.uniform(1 - by.contrast, 1 + by.contrast)
    offset = dice.uniform(-by.brightness, by.brightness) + 128 * (1 - gain)
    lit = bent * gain[:, None, None, None] + offset[:, None, None, None]
    return (lit + dice.grain(faces) * dice.uniform(0, by.grain)[:, None, None, None]).clamp(0, 255)


def _erased(faces: Tensor, dice: Dice, by: Augmentation) -> Tensor:
    along, covered = torch.arange(FACE_PX, device=faces.device), dice.chance(by.erase)[:, None, None]
    for axis in (1, 2):
        size = dice.whole(*_ERASED_PX)
        start = (dice.uniform(0, 1) * (FACE_PX - size)).long()
        inside = (along >= start[:, None]) & (along < (start + size)[:, None])
        covered = covered & inside.unsqueeze(axis)
    return torch.where(covered[:, None], dice.uniform(0, 255)[:, None, None, None], faces)


def varied(faces: Tensor, dice: Dice, by: Augmentation) -> Tensor:
    """Gives faces as another camera, distance, light or detector might have shown them.

    Args:
        faces: uint8 (N, 48, 48), on the dice's device.
        dice: For N faces.
        by: How far to vary them.

    Returns:
        float32 (N, 1, 48, 48), 0-255.
    """
    seen = _framed(faces.float()[:, None], dice, by)
    return _erased(_relit(_seen_from_afar(seen, dice, by), dice, by), dice, by)
