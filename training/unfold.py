"""Gets a released version's weights back into runs that training can go on from, one for each of its networks.

    python -m training.unfold --out build/training/released

A released network has its batch normalisation folded away. Each is put back with the statistics that varied training
faces have there, so that the network says what it said, to the rounding of the release.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

from training.dataset import DEFAULT_DATA
from training.folding import as_released, write_run
from training.network import Network
from training.served import served_network, together
from training.shape import Kernel, Shape, shape_of
from training.versions import networks_of, released


def released_kernels(version: Path) -> list[tuple[Shape, dict[str, Kernel]]]:
    """Reads the shape of each of a released version's networks, and its layers by name.

    Returns:
        Of each layer the kernel (H, W, in, out) or (in, out) and the bias.
    """
    shapes = [shape_of(made["network"]) for made in networks_of(version)]
    fresh = [{name: value.numpy() for name, value in Network(shape).state_dict().items()} for shape in shapes]
    networks = [served_network(*each, f"network_{i}") for i, each in enumerate(zip(shapes, fresh, strict=True), 1)]
    restored = tf.train.Checkpoint(_network=together(networks)).read(str(version / "variables" / "variables"))
    restored.assert_existing_objects_matched().expect_partial()
    kernels = [{layer.name: layer.get_weights() for layer in each.layers if layer.weights} for each in networks]
    return list(zip(shapes, kernels, strict=True))


def unfold(version: Path, out: Path, data: Path) -> list[Path]:
    """Writes a run for each network of a released version, which ends with its weights.

    Raises:
        SystemExit: Something lies in ``out``.
    """
    if out.exists() and any(out.iterdir()):
        message = f"{out} is not empty: remove it, or name another folder with --out"
        raise SystemExit(message)
    written = []
    pairs = zip(networks_of(version), released_kernels(version), strict=True)
    for number, (made, (shape, kernels)) in enumerate(pairs, 1):
        network = Network(shape).eval()
        as_released(network, kernels)
        done = {"epoch": made["epochs_done"], "seconds": made["seconds"], "unfolded_from": made["run"]}
        written.append(out / str(number))
        write_run(network, {"network": made["network"], "unfolded_from": made}, written[-1], data, done)
    return written


def main() -> None:
    """Reads the command line and writes the run."""
    parser = argparse.ArgumentParser(description="Get a released expression model's weights back into a run.")
    parser.add_argument("--model", type=Path, default=released())
    parser.add_argument("--out", type=Path, default=Path("build/training/released"))
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    options = parser.parse_args()
    for run in unfold(options.model, options.out, options.data):
        print(f"wrote {run}")


if __name__ == "__main__":
    main()
