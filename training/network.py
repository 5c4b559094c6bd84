"""The expression network as it is trained: a small residual network over one grey face, in PyTorch.

A stem of stride 2 leaves 24x24 before the first wide layer, because on one core the time goes into the wide
layers; teachers can do without, and may see faces enlarged. Stages of residual blocks (He et al. 2016,
arXiv:1512.03385) with squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507) follow, and an average over what is
left. `training/served.py` holds the same network folded, for export.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training import checkpoint as checkpoints
from training.labels import EXPRESSIONS, FER2013
from training.shape import EPSILON, FACE_PX, MIN_CONTRAST, Shape

BATCH: Final = 256
"""Faces that are asked of a network at once; more are not faster on a processor."""


class Convolution(nn.Module):
    """A convolution without bias and its batch normalisation: what `served.py` folds into one.

    It pads as TensorFlow does: what is odd goes to the right and the bottom.
    """

    def __init__(self, before: int, channels: int, size: int, stride: int = 1) -> None:
        """Draws weights after He et al. 2015 (arXiv:1502.01852)."""
        super().__init__()
        least = (size - stride) // 2
        self._pad = (least, size - stride - least) * 2
        self.convolution = nn.Conv2d(before, channels, size, stride, bias=False)
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_in", nonlinearity="relu")
        self.normalisation = nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.05)

    def forward(self, features: Tensor) -> Tensor:
        """Maps (N, before, H, W) to (N, channels, H / stride, W / stride)."""
        normalised: Tensor = self.normalisation(self.convolution(functional.pad(features, self._pad)))
        return normalised


class Residual(nn.Module):
    """Two 3x3 convolutions, weighed by channel, added to what came in."""

    def __init__(self, before: int, channels: int, stride: int, squeeze: int) -> None:
        """Adds an average and a 1x1 convolution to the short way where sizes change."""
        super().__init__()
        self.first = Convolution(before, channels, 3, stride)
        self.second = Convolution(channels, channels, 3)
        self.narrow = nn.Linear(channels, channels // squeeze)
        self.widen = nn.Linear(channels // squeeze, channels)
        self.short = (
            nn.Identity()
            if (before, stride) == (channels, 1)
            else nn.Sequential(nn.AvgPool2d(stride), Convolution(before, channels, 1))
        )

    def forward(self, features: Tensor) -> Tensor:
        """Maps (N, before, H, W) to (N, channels, H / stride, W / stride)."""
        outputs = self.second(functional.relu(self.first(features)))
        weights = torch.sigmoid(self.widen(functional.relu(self.narrow(outputs.mean((2, 3))))))
        summed: Tensor = self.short(features) + outputs * weights[:, :, None, None]
        return functional.relu(summed)


class Network(nn.Module):
    """From standardised faces to the logits of FER+'s eight and FER2013's seven expressions."""

    def __init__(self, shape: Shape) -> None:
        """Draws fresh weights."""
        super().__init__()
        self._seen_px, self._pooled = shape.seen_px, shape.pooled
        self.stem = Convolution(1, shape.stem, shape.stem_px, shape.stem_stride)
        self.stages = nn.ModuleList()
        before = shape.stem
        for stage, (width, blocks) in enumerate(zip(shape.widths, shape.blocks, strict=True)):
            first = Residual(before, width, 2 if stage else 1, shape.squeeze)
            further = [Residual(width, width, 1, shape.squeeze) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(first, *further))
            before = width
        self.dropout = nn.Dropout(shape.dropout)
        self.expressions = nn.Linear(before, len(EXPRESSIONS))
        self.fer2013 = nn.Linear(before, len(FER2013))

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps `standardised` faces (N, 1, 48, 48) to logits (N, 8), logits (N, 7) and embeddings (N, E)."""
        if self._seen_px != FACE_PX:
            faces = functional.interpolate(faces, size=self._seen_px, mode="bicubic", align_corners=False)
        features = functional.relu(self.stem(faces))
        if self._pooled:
            features = functional.max_pool2d(features, 3, 2, padding=1)
        for stage in self.stages:
            features = stage(features)
        embedding = features.mean((2, 3))
        dropped = self.dropout(embedding)
        return self.expressions(dropped), self.fer2013(dropped), embedding


def network_of(run: Path, device: torch.device) -> Network:
    """Gives a finished run's network with its averaged weights, ready to answer.

    Raises:
        SystemExit: The run has no checkpoint.
    """
    shape, averaged = checkpoints.finished(run)
    network = Network(shape)
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in averaged.items()})
    return network.eval().requires_grad_(requires_grad=False).to(device, memory_format=torch.channels_last)


def standardised(faces: Tensor) -> Tensor:
    """Gives each face zero mean and about unit variance, whatever the light.

    Args:
        faces: Grey levels (N, 1, 48, 48), 0-255, of any type.

    Returns:
        float32 (N, 1, 48, 48).
    """
    grey = faces.float()
    centred = grey - grey.mean((1, 2, 3), keepdim=True)
    deviation = centred.square().mean((1, 2, 3), keepdim=True).sqrt()
    return centred / (deviation + MIN_CONTRAST)


def in_turn(faces: NDArray[np.uint8], what: str) -> Iterator[Tensor]:
    """Yields faces (N, 48, 48) as networks take them, in batches, and says from time to time how far that is."""
    for start in range(0, len(faces), BATCH):
        if start % (BATCH * 20) == 0:
            print(f"{what}: {start} of {len(faces)} faces", flush=True)
        some = standardised(torch.from_numpy(faces[start : start + BATCH, None]))
        yield some.contiguous(memory_format=torch.channels_last)


def has_bfloat16(device: torch.device) -> bool:
    """Says whether a device calculates in bfloat16; others emulate it, slowly."""
    return device.type != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001


def autocast(device: torch.device) -> torch.autocast:
    """Gives a context in which layers calculate in bfloat16, where the device can."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))
