"""What finished networks say of the very faces that another learns from, beside the votes.

Distillation (Hinton et al. 2015, arXiv:1503.02531), by Beyer et al. 2022 (arXiv:2106.05237): the teachers see what the
student sees, varied and blended alike, for as long as it learns. Every second one sees it in a mirror: together they
judge both images at the price of one.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.lesson import Batch
from training.network import autocast, network_of


class Teachers:
    """Finished networks that judge together."""

    def __init__(self, runs: Sequence[Path], device: torch.device) -> None:
        """Reads the runs' networks.

        Raises:
            SystemExit: A run has no checkpoint.
        """
        self._networks: list[Any] = [torch.compile(network_of(run, device)) for run in runs]

    @torch.no_grad()
    def answers(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Gives the mean of all probabilities, (N, 8) and (N, 7), of standardised faces (N, 1, 48, 48)."""
        views = faces, faces.flip(3).contiguous(memory_format=torch.channels_last)
        with autocast(faces.device):
            logits = [network(views[i % 2])[:2] for i, network in enumerate(self._networks)]
        expressions, fer2013 = (
            torch.stack([each.float().softmax(1) for each in head]).mean(0) for head in zip(*logits, strict=True)
        )
        return expressions, fer2013

    def taught(self, batch: Batch, trust: float) -> Batch:
        """Gives a batch in whose targets the answers have a share of ``trust``."""
        if not self._networks:
            return batch
        expressions, fer2013 = self.answers(batch.faces)
        targets = torch.lerp(batch.targets, expressions, trust)
        return dataclasses.replace(batch, targets=targets, original=torch.lerp(batch.original, fer2013, trust))
