"""How well a network does on the validation split while it is trained."""

from pathlib import Path

import numpy as np
import torch

from training.dataset import VALID_SPLIT, load_split
from training.learning import Weights
from training.network import Network, autocast, standardised
from training.shape import Shape


class Examination:
    """The validation split, on the device that trains."""

    def __init__(self, data: Path, device: torch.device) -> None:
        """Reads the FER+ archive."""
        split = load_split(data, VALID_SPLIT)
        self._papers = {
            name: [torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in paper]
            for name, paper in (("ferplus", split.majority()), ("fer2013", split.original()))
        }

    @torch.inference_mode()
    def accuracies(self, shape: Shape, weights: Weights) -> dict[str, float]:
        """Gives the accuracy against FER+'s majority and FER2013's own labels, looking once."""
        device = next(iter(weights.values())).device
        network = Network(shape).to(device, memory_format=torch.channels_last)
        network.load_state_dict(weights)
        network.eval()
        scores = {}
        for head, (name, (faces, labels)) in enumerate(self._papers.items()):
            answers = []
            for some in faces.split(512):
                with autocast(device):
                    seen = standardised(some[:, None]).contiguous(memory_format=torch.channels_last)
                    answers.append(network(seen)[head].argmax(1))
            scores[name] = round((torch.cat(answers) == labels).float().mean().item(), 4)
        return scores
