"""The expression network as it is served: `training/network.py` with batch normalisation folded away, in Keras.

The weights come from a training run's averages by name, so that nothing here needs PyTorch.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from training.labels import EXPRESSIONS, FER2013
from training.shape import EPSILON, FACE_PX, MIN_CONTRAST, Kernel, Shape

Arrays = Mapping[str, NDArray[Any]]


def folded(arrays: Arrays, name: str) -> Kernel:
    """Gives the kernel (H, W, in, out) and bias (out,) of a convolution with its batch normalisation."""
    scale = arrays[f"{name}.normalisation.weight"] / np.sqrt(arrays[f"{name}.normalisation.running_var"] + EPSILON)
    bias = arrays[f"{name}.normalisation.bias"] - arrays[f"{name}.normalisation.running_mean"] * scale
    return arrays[f"{name}.convolution.weight"].transpose(2, 3, 1, 0) * scale, bias


def dense(arrays: Arrays, name: str) -> Kernel:
    """Gives the kernel (in, out) and bias (out,) of a dense layer."""
    return arrays[f"{name}.weight"].T, arrays[f"{name}.bias"]


class Builder:
    """Adds layers with a run's weights, by the names of PyTorch's modules."""

    def __init__(self, arrays: Arrays) -> None:
        """Keeps the weights by name."""
        self._arrays = arrays

    def convolution(self, inputs: Any, name: str, activation: str | None = None, stride: int = 1) -> Any:
        """Adds a folded convolution."""
        kernel, bias = folded(self._arrays, name)
        layer = layers.Conv2D(
            kernel.shape[3], kernel.shape[0], stride, padding="same", activation=activation, name=name
        )
        outputs = layer(inputs)
        layer.set_weights([kernel, bias])
        return outputs

    def dense(self, inputs: Any, name: str, activation: str | None = None) -> Any:
        """Adds a dense layer."""
        kernel, bias = dense(self._arrays, name)
        layer = layers.Dense(kernel.shape[1], activation=activation, name=name)
        outputs = layer(inputs)
        layer.set_weights([kernel, bias])
        return outputs

    def residual(self, inputs: Any, name: str, stride: int) -> Any:
        """Adds a residual block with squeeze-and-excitation."""
        outputs = self.convolution(self.convolution(inputs, f"{name}.first", "relu", stride), f"{name}.second")
        weights = self.dense(layers.GlobalAveragePooling2D(keepdims=True)(outputs), f"{name}.narrow", "relu")
        weighed = layers.Multiply()([outputs, self.dense(weights, f"{name}.widen", "sigmoid")])
        if f"{name}.short.1.convolution.weight" in self._arrays:
            pooled = layers.AveragePooling2D(stride)(inputs) if stride > 1 else inputs
            inputs = self.convolution(pooled, f"{name}.short.1")
        return layers.ReLU()(layers.Add()([inputs, weighed]))


def standardised(faces: Any) -> Any:
    """Gives each face zero mean and about unit variance, whatever the light.

    Args:
        faces: uint8 (N, 48, 48, 1), 0-255.

    Returns:
        float32 (N, 48, 48, 1).
    """
    grey = ops.cast(faces, "float32")
    centred = grey - ops.mean(grey, axis=(1, 2, 3), keepdims=True)
    variance = ops.mean(ops.square(centred), axis=(1, 2, 3), keepdims=True)
    return centred / (ops.sqrt(variance) + MIN_CONTRAST)


def served_network(shape: Shape, arrays: Arrays) -> keras.Model:
    """Builds the network with a run's weights.

    Returns:
        A model from ``faces`` uint8 (N, 48, 48, 1) to a dictionary of ``logits`` float32 (N, 8),
        ``fer2013`` logits float32 (N, 7) and ``embedding`` float32 (N, E), E the last stage's width.

    Raises:
        SystemExit: The network sees faces enlarged, or pools: what is served does neither.
    """
    if shape.seen_px != FACE_PX or shape.pooled:
        raise SystemExit("a network that sees faces enlarged, or pools after its stem, is for teachers only")
    builder = Builder(arrays)
    faces = keras.Input((FACE_PX, FACE_PX, 1), dtype="uint8", name="faces")
    hidden = builder.convolution(standardised(faces), "stem", "relu", shape.stem_stride)
    for stage, blocks in enumerate(shape.blocks):
        for block in range(blocks):
            hidden = builder.residual(hidden, f"stages.{stage}.{block}", 2 if stage and not block else 1)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(hidden)
    outputs = {
        "logits": builder.dense(embedding, "expressions"),
        "fer2013": builder.dense(embedding, "fer2013"),
        "embedding": embedding,
    }
    assert outputs["logits"].shape[-1] == len(EXPRESSIONS)
    assert outputs["fer2013"].shape[-1] == len(FER2013)
    return keras.Model(faces, outputs, name="expression")


def mirrored(network: keras.Model) -> keras.Model:
    """Wraps a network so that it looks at each face and its mirror image and averages the outputs.

    An expression is the same in a mirror. Both are stacked along the batch, so that the weights are there once.

    Returns:
        A model with the inputs and outputs of ``served_network``.
    """
    faces = keras.Input((FACE_PX, FACE_PX, 1), dtype="uint8", name="faces")
    both = network(layers.Lambda(_with_mirror_images, name="with_mirror_images")(faces))
    outputs = {name: layers.Lambda(_mean_of_halves, name=name)(output) for name, output in both.items()}
    return keras.Model(faces, outputs, name="mirrored")


def _with_mirror_images(faces: Any) -> Any:
    return ops.concatenate([faces, ops.flip(faces, axis=2)], axis=0)


def _mean_of_halves(outputs: Any) -> Any:
    plain, mirror = ops.split(outputs, 2, axis=0)
    return (plain + mirror) / 2
