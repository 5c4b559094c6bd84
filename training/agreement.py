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
from training.shape import Shape
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
    seen = standardised(as_channels(faces))
    networks = []
    for shape, kernels in released_kernels(version):
        networks.append(Network(shape).eval())
        as_released(networks[-1], kernels)
        normalise(networks[-1], seen)
    looks = networks * (2 // len(networks)), (seen, seen.flip(3))
    outputs = ([each.numpy() for each in network(view)] for network, view in zip(*looks, strict=True))
    logits, fer2013, embeddings = zip(*outputs, strict=True)
    answers = {
        "probabilities": softmax(np.mean(logits, axis=0) + np.array(facts["offsets"]), facts["temperature"]),
        "fer2013": softmax(np.mean(fer2013, axis=0), facts["fer2013_temperature"]),
        "embedding": np.mean(embeddings, axis=0) if len(networks) == 1 else np.concatenate(embeddings, axis=1),
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
