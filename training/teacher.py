"""A trained network's answers to the training faces, which another learns beside the votes.

Distillation (Hinton et al. 2015, arXiv:1503.02531), of a network into one of the same shape (Furlanello et al. 2018,
arXiv:1805.04770): the teacher averages over mirror images, so that the pupil need look only once.
"""

from pathlib import Path

import numpy as np
import torch

from training import checkpoint as checkpoints
from training.dataset import TRAIN_SPLIT, Faces, load_split
from training.network import Network, narrowed, standardised

BATCH = 128


@torch.inference_mode()
def answers(network: Network, faces: Faces) -> tuple[torch.Tensor, torch.Tensor]:
    """Gives probabilities (N, 8) and (N, 7) of faces (N, 48, 48), each judged together with its mirror image."""
    parts = []
    for i in range(0, len(faces), BATCH):
        some = faces[i : i + BATCH]
        with narrowed():
            both = standardised(np.concatenate([some, some[:, :, ::-1]])).contiguous(memory_format=torch.channels_last)
            logits = network(both)[:2]
        parts.append([torch.stack(head.float().split(len(some))).mean(0).softmax(1) for head in logits])
    expressions, fer2013 = (torch.cat(head) for head in zip(*parts, strict=True))
    return expressions, fer2013


def write_answers(run: Path, data: Path, out: Path) -> None:
    """Writes a finished run's answers to the training faces: ``expressions`` (N, 8) and ``fer2013`` (N, 7).

    Raises:
        SystemExit: The run has no checkpoint.
    """
    shape, averaged = checkpoints.finished(run)
    network = Network(shape).eval().to(memory_format=torch.channels_last)
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in averaged.items()})
    faces, _, _ = load_split(data, TRAIN_SPLIT).soft()
    expressions, fer2013 = answers(network, faces)
    partial = out.with_suffix(".partial.npz")
    np.savez(partial, expressions=expressions.numpy(), fer2013=fer2013.numpy())
    partial.replace(out)
