"""Holds the two definitions of the network, trained and served, to the same answers.

    python -m training.agreement

Draws random weights, and random batch statistics so that folding them matters, and compares the outputs.
"""

import os
from typing import Final

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import torch

from training.golden import golden_faces
from training.network import Network, standardised
from training.served import served_network
from training.shape import Shape

TOLERANCE: Final = 1e-3


def random_network(seed: int) -> Network:
    """Gives a network of the released shape, no two of whose channels behave alike."""
    torch.manual_seed(seed)
    network = Network(Shape()).eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.2)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return network


@torch.inference_mode()
def largest_difference(seed: int) -> float:
    """Gives the largest difference between the outputs of both definitions with the same weights."""
    trained, faces = random_network(seed), golden_faces()
    served = served_network(Shape(), {name: value.numpy() for name, value in trained.state_dict().items()})
    logits, fer2013, embedding = trained(standardised(faces[..., 0]))
    answers = served(faces)
    pairs = (("logits", logits), ("fer2013", fer2013), ("embedding", embedding))
    return max(float(np.abs(np.asarray(answers[name]) - wanted.numpy()).max()) for name, wanted in pairs)


def main() -> None:
    """Compares and says so.

    Raises:
        SystemExit: They differ by more than ``TOLERANCE``.
    """
    worst = max(largest_difference(seed) for seed in range(3))
    print(f"largest difference: {worst:.2e}")
    if not worst <= TOLERANCE:
        message = f"network.py and served.py differ by {worst:.2e}, more than {TOLERANCE}"
        raise SystemExit(message)


if __name__ == "__main__":
    main()
