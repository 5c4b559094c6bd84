"""The expression network as it is trained: a small residual network over one grey face, in PyTorch.

A 3x3 convolution sees the face at its full 48x48 pixels; every stage then halves height and width by
averaging, which processors differentiate several times faster than a strided convolution, and adds
residual blocks (He et al. 2016, arXiv:1512.03385) with squeeze-and-excitation (Hu et al. 2018,
arXiv:1709.01507). `training/served.py` holds the same network folded, for export.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.labels import EXPRESSIONS, FER2013
from training.shape import EPSILON, MIN_CONTRAST, Shape


class Convolution(nn.Module):
    """A convolution without bias and its batch normalisation: what `served.py` folds into one."""

    def __init__(self, before: int, channels: int, size: int) -> None:
        """Draws weights after He et al. 2015 (arXiv:1502.01852)."""
        super().__init__()
        self.convolution = nn.Conv2d(before, channels, size, padding=size // 2, bias=False)
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_in", nonlinearity="relu")
        self.normalisation = nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.05)

    def forward(self, features: Tensor) -> Tensor:
        """Maps (N, before, H, W) to (N, channels, H, W)."""
        normalised: Tensor = self.normalisation(self.convolution(features))
        return normalised


class Residual(nn.Module):
    """Two 3x3 convolutions, weighed by channel, added to what came in."""

    def __init__(self, before: int, channels: int, squeeze: int) -> None:
        """Adds a 1x1 convolution to the short way where the number of channels changes."""
        super().__init__()
        self.first = Convolution(before, channels, 3)
        self.second = Convolution(channels, channels, 3)
        self.narrow = nn.Linear(channels, channels // squeeze)
        self.widen = nn.Linear(channels // squeeze, channels)
        self.short = Convolution(before, channels, 1) if before != channels else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Maps (N, before, H, W) to (N, channels, H, W)."""
        outputs = self.second(functional.relu(self.first(features)))
        weights = torch.sigmoid(self.widen(functional.relu(self.narrow(outputs.mean((2, 3))))))
        summed: Tensor = self.short(features) + outputs * weights[:, :, None, None]
        return functional.relu(summed)


class Network(nn.Module):
    """From standardised faces to the logits of FER+'s eight and FER2013's seven expressions."""

    def __init__(self, shape: Shape) -> None:
        """Draws fresh weights."""
        super().__init__()
        self.stem = Convolution(1, shape.stem, 3)
        self.stages = nn.ModuleList()
        before = shape.stem
        for width, blocks in zip(shape.widths, shape.blocks, strict=True):
            widths = [before, *[width] * blocks]
            self.stages.append(nn.Sequential(*[Residual(i, width, shape.squeeze) for i in widths[:-1]]))
            before = width
        self.dropout = nn.Dropout(shape.dropout)
        self.expressions = nn.Linear(before, len(EXPRESSIONS))
        self.fer2013 = nn.Linear(before, len(FER2013))

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps `standardised` faces (N, 1, 48, 48) to logits (N, 8), logits (N, 7) and embeddings (N, E)."""
        features = functional.relu(self.stem(faces))
        for stage in self.stages:
            features = stage(functional.avg_pool2d(features, 2))
        embedding = features.mean((2, 3))
        dropped = self.dropout(embedding)
        return self.expressions(dropped), self.fer2013(dropped), embedding


def standardised(faces: Any) -> Tensor:
    """Gives each face zero mean and about unit variance, whatever the light.

    Args:
        faces: uint8 array (N, 48, 48), 0-255.

    Returns:
        float32 (N, 1, 48, 48).
    """
    grey = torch.from_numpy(faces).float()[:, None]
    centred = grey - grey.mean((1, 2, 3), keepdim=True)
    deviation = centred.square().mean((1, 2, 3), keepdim=True).sqrt()
    return centred / (deviation + MIN_CONTRAST)
