"""Holds the network as it is trained, served and released to the same answers.

    python -m training.agreement

Draws random weights and a random batch normalisation, so that folding it matters, and compares the outputs of both
definitions; then unfolds the released version and compares what it answers with what its LiteRT model does.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.folding import as_released, normalise
from training.golden import TOLERANCE, golden_faces
from training.lite import classifier
from training.metrics import softmax
from training.network import Network, standardised
from training.served import served_network
from training.shape import Shape, shape_of
from training.unfold import released_kernels
from training.versions import released


def random_network(seed: int) -> Network:
    """Gives a network of the released shape, no two of whose channels behave alike."""
    torch.manual_seed(seed)
    network = Network(Shape()).eval()
    for name, value in network.state_dict().items():
        if name.endswith(("running_mean", "normalisation.bias")):
            value.normal_(0, 0.2)
        elif name.endswith(("running_var", "normalisation.weight")):
            value.uniform_(0.5, 2)
    return network


def as_channels(faces: NDArray[np.uint8]) -> Tensor:
    """Gives faces (N, 48, 48, 1) as PyTorch has them, (N, 1, 48, 48)."""
    return torch.from_numpy(faces).permute(0, 3, 1, 2)


@torch.inference_mode()
def largest_difference(seed: int) -> float:
    """Gives the largest difference between the outputs of both definitions with the same weights."""
    trained, faces = random_network(seed), golden_faces()
    served = served_network(Shape(), {name: value.numpy() for name, value in trained.state_dict().items()})
    logits, fer2013, embedding = trained(standardised(as_channels(faces)))
    answers = served(faces)
    pairs = (("logits", logits), ("fer2013", fer2013), ("embedding", embedding))
    return max(float(np.abs(np.asarray(answers[name]) - wanted.numpy()).max()) for name, wanted in pairs)


@torch.inference_mode()
def released_difference(version: Path) -> float:
    """Gives the largest difference between a released version's answers and those of what is unfolded from it."""
    facts, faces = json.loads((version / "model.json").read_text()), golden_faces()
    shape = shape_of(facts["training"]["network"])
    network = Network(shape).eval()
    as_released(network, released_kernels(version, shape))
    seen = standardised(as_channels(faces))
    normalise(network, seen)
    views = [network(view) for view in (seen, seen.flip(3))]
    logits, fer2013, embedding = (np.mean([view[i].numpy() for view in views], axis=0) for i in range(3))
    answers = {
        "probabilities": softmax(logits + np.array(facts["offsets"]), facts["temperature"]),
        "fer2013": softmax(fer2013, facts["fer2013_temperature"]),
        "embedding": embedding,
    }
    return max(float(np.abs(answers[name] - classifier(version, name)(faces[..., 0])).max()) for name in answers)


def expect(worst: float, what: str) -> None:
    """Says how far two are apart.

    Raises:
        SystemExit: By more than ``TOLERANCE``.
    """
    print(f"largest difference of {what}: {worst:.2e}")
    if not worst <= TOLERANCE:
        message = f"{what} differ by {worst:.2e}, more than {TOLERANCE}"
        raise SystemExit(message)


def main() -> None:
    """Compares and says so."""
    expect(max(largest_difference(seed) for seed in range(3)), "network.py and served.py")
    expect(released_difference(released()), f"{released()} and what is unfolded from it")


if __name__ == "__main__":
    main()
