"""Gets a network that knows faces by their owners into a run that training can go on from.

    python -m training.recognition --out build/training/recognition

FER+ holds 28,000 faces; dlib's face recognition network has seen three million (Davis King, public domain, in
github.com/davisking/dlib-models; a residual network of 29 layers after He et al. 2016, arXiv:1512.03385). Trained on
for expressions it makes a teacher that sees what a network from scratch does not. It is a teacher only: what a released
network says of a face must not tell whose it is.

What begins with it says so in its `recipe.json`, and `export` refuses it. Its layers are a `Shape` of
`training/network.py`. The short ways that add channels of zeros are 1x1 convolutions that copy the others (the new ones
stay zero, as in dlib), and squeeze-and-excitation, which it has not, begins by weighing all channels alike. Borders are
padded as everywhere here, where dlib pads none before it halves. Its last block, 2x2 pixels small, is left out.
"""

import argparse
import dataclasses
import hashlib
import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from training.dataset import DEFAULT_DATA
from training.folding import as_released, write_run
from training.network import Network, Residual
from training.shape import Kernel, Shape

PACKAGE: Final = "face_recognition_models"
FILE: Final = "models/dlib_face_recognition_resnet_model_v1.dat"
SHA256: Final = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
SHAPE: Final = Shape(
    seen_px=150, stem=32, stem_px=7, pooled=True, widths=(32, 64, 128, 256), blocks=(3, 4, 3, 3), dropout=0.4
)
GREY_LEVELS: Final = 64 / 256
"""What one of `standardised`'s units is to dlib, which divides grey levels by 256; most faces deviate by 40 to 80."""
FIRST_WITHIN: Final = 512
"""Bytes before the first array's numbers: dlib describes the whole network there (measured: 341 of them), and"""
NEXT_WITHIN: Final = 512
"""bytes between two arrays (measured: 205 at most)."""
WEIGHING: Final = 2.0
"""Where the sigmoid that weighs channels begins: near one, and not so near that it cannot learn."""


def package_file() -> Path:
    """Finds the weights in the Python package that carries them.

    Raises:
        SystemExit: The package is not installed, or its file is another.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{PACKAGE} is not installed: `make .venv-training/.torch` installs it")
    path = Path(spec.submodule_search_locations[0]) / FILE
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{path}: not the file that this reads; install {PACKAGE} 0.3.0")
    return path


def header(count: int) -> bytes:
    """Gives what dlib writes before an array of ``count`` numbers: its version and four sizes, as lengths and bytes."""
    sizes = (2, count, 1, 1, 1)
    return b"".join(bytes([(n := (size.bit_length() + 7) // 8)]) + size.to_bytes(n, "little") for size in sizes)


class Arrays:
    """The arrays of dlib's file, in the order in which they lie there: from the first layer to the last."""

    def __init__(self, content: bytes) -> None:
        """Begins at the first."""
        self._content, self._place, self._end = content, 0, FIRST_WITHIN

    def take(self, count: int) -> NDArray[np.float32]:
        """Gives the next array of ``count`` numbers.

        Raises:
            ValueError: The next one is another: between arrays there are a few words only.
        """
        start = self._content.index(header(count), self._place, self._end) + len(header(count))
        self._place = start + 4 * count
        self._end = self._place + NEXT_WITHIN
        return np.frombuffer(self._content, "<f4", count, start)

    def convolution(self, channels: int, before: int, size: int) -> Kernel:
        """Gives the next convolution's kernel (H, W, in, out) and bias, its normalisation folded in."""
        kernel, bias = np.split(self.take(channels * before * size**2 + channels), [-channels])
        scale, offset = np.split(self.take(2 * channels), 2)
        return kernel.reshape(channels, before, size, size).transpose(2, 3, 1, 0) * scale, bias * scale + offset


def recognition_kernels(content: bytes, network: Network) -> dict[str, Kernel]:
    """Gives each layer of a fresh network of ``SHAPE`` what dlib's has there; what dlib has not, it keeps."""
    arrays = Arrays(content)
    kernels = {
        name: (module.weight.detach().numpy().T, module.bias.detach().numpy())
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    kernel, bias = arrays.convolution(SHAPE.stem, 3, SHAPE.stem_px)
    kernels["stem"] = kernel.sum(2, keepdims=True) * GREY_LEVELS, bias
    weighed = 1 / (1 + math.exp(-WEIGHING))
    for name, before, width in blocks(network):
        kernels[f"{name}.first"] = arrays.convolution(width, before, 3)
        kernel, bias = arrays.convolution(width, width, 3)
        kernels[f"{name}.second"] = kernel / weighed, bias / weighed
        narrow = width // SHAPE.squeeze
        kernels[f"{name}.widen"] = np.zeros((narrow, width), np.float32), np.full(width, WEIGHING, np.float32)
        kernels[f"{name}.short.1"] = np.eye(before, width, dtype=np.float32)[None, None], np.zeros(width, np.float32)
    return kernels


def blocks(network: Network) -> Iterator[tuple[str, int, int]]:
    """Gives the name of each residual block, with the channels that come in and go out."""
    for name, module in network.named_modules():
        if isinstance(module, Residual):
            out, before, *_ = module.first.convolution.weight.shape
            yield name, before, out


def main() -> None:
    """Reads the command line and writes the run."""
    parser = argparse.ArgumentParser(description="Get dlib's face recognition network into a run to go on from.")
    parser.add_argument("--out", type=Path, default=Path("build/training/recognition"))
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    options = parser.parse_args()
    torch.manual_seed(0)  # what dlib has not, it begins with alike each time: the run has one name
    network = Network(SHAPE).eval()
    as_released(network, recognition_kernels(package_file().read_bytes(), network))
    described = {"network": dataclasses.asdict(SHAPE), "weights_sha256": SHA256, "teacher_only": True}
    done = {"epoch": 0, "seconds": 0.0, "weights_sha256": SHA256}
    write_run(network, described, options.out, options.data, done)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
