"""Gets a released version's weights back into a run that training can go on from.

    python -m training.unfold --out build/training/released

A released network has its batch normalisation folded away. Each is put back with the statistics that varied training
faces have there, so that the network says what it said, to the rounding of the release.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

from training.dataset import DEFAULT_DATA
from training.folding import as_released, write_run
from training.network import Network
from training.served import mirrored, served_network
from training.shape import Kernel, Shape, shape_of
from training.versions import released


def released_kernels(version: Path, shape: Shape) -> dict[str, Kernel]:
    """Reads the kernel (H, W, in, out) or (in, out) and bias of each layer of a released version, by its name."""
    arrays = {name: value.numpy() for name, value in Network(shape).state_dict().items()}
    network = served_network(shape, arrays)
    restored = tf.train.Checkpoint(_network=mirrored(network)).read(str(version / "variables" / "variables"))
    restored.assert_existing_objects_matched().expect_partial()
    return {layer.name: layer.get_weights() for layer in network.layers if layer.weights}


def unfold(version: Path, out: Path, data: Path) -> None:
    """Writes a run that ends with a released version's weights."""
    training = json.loads((version / "model.json").read_text())["training"]
    shape = shape_of(training["network"])
    network = Network(shape).eval()
    as_released(network, released_kernels(version, shape))
    done = {"epoch": training["epochs_done"], "seconds": training["seconds"], "unfolded_from": training["run"]}
    write_run(network, {"network": training["network"], "unfolded_from": training}, out, data, done)


def main() -> None:
    """Reads the command line and writes the run."""
    parser = argparse.ArgumentParser(description="Get a released expression model's weights back into a run.")
    parser.add_argument("--model", type=Path, default=released())
    parser.add_argument("--out", type=Path, default=Path("build/training/released"))
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    options = parser.parse_args()
    unfold(options.model, options.out, options.data)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
