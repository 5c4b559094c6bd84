"""The expression network: a small residual network over one grey face.

A 6x6 stem of stride 2 leaves 24x24 before the first wide layer, because on one core the time goes
into the wide layers. Three stages of two residual blocks (He et al. 2016, arXiv:1512.03385) with
squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507) follow, and an average over what is left.
"""

from dataclasses import dataclass
from typing import Any, Final

import keras
import tensorflow as tf
from keras import layers, ops

from training.labels import EXPRESSIONS

FACE_PX: Final = 48
MIN_CONTRAST: Final = 8.0
"""Grey levels added to the standard deviation, so that a flat image is not blown up into noise."""


@dataclass(frozen=True)
class Shape:
    """How wide and deep the network is.

    Attributes:
        stem: Channels of the first convolution.
        widths: Channels of each stage, multiples of 32 (bfloat16 kernels are slow on others). Every
            stage but the first halves height and width.
        blocks: Residual blocks of each stage.
        squeeze: By how much squeeze-and-excitation narrows; 0 leaves it out.
        dropout: Fraction of the embedding dropped while training.
    """

    stem: int = 32
    widths: tuple[int, ...] = (32, 64, 128, 128)
    blocks: tuple[int, ...] = (1, 2, 1, 1)
    squeeze: int = 8
    dropout: float = 0.3


def _convolution(inputs: Any, channels: int, size: int, stride: int) -> Any:
    return layers.Conv2D(
        channels,
        size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(inputs)


class FusedNormalization(layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation in one TensorFlow kernel, as Keras 2 had it.

    Keras 3 composes it of moments, products and sums, which costs a quarter of a training step on a
    processor (measured: 253 against 335 CPU milliseconds).
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalises (N, H, W, C) per channel, over the batch in training, else by moving statistics."""
        del mask
        scale, offset = tf.cast(self.gamma, tf.float32), tf.cast(self.beta, tf.float32)
        features = tf.cast(inputs, self.compute_dtype)
        if not training:
            return tf.raw_ops.FusedBatchNormV3(
                x=features,
                scale=scale,
                offset=offset,
                mean=tf.cast(self.moving_mean, tf.float32),
                variance=tf.cast(self.moving_variance, tf.float32),
                epsilon=self.epsilon,
                is_training=False,
            )[0]
        nothing = tf.zeros((0,))
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=features,
            scale=scale,
            offset=offset,
            mean=nothing,
            variance=nothing,
            epsilon=self.epsilon,
            is_training=True,
        )
        keep = self.momentum
        self.moving_mean.assign(self.moving_mean * keep + mean * (1 - keep))
        self.moving_variance.assign(self.moving_variance * keep + variance * (1 - keep))
        return outputs


def _normalised(inputs: Any) -> Any:
    return FusedNormalization(momentum=0.95, epsilon=1e-3)(inputs)


def _excited(inputs: Any, channels: int, squeeze: int) -> Any:
    weights = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    weights = layers.Conv2D(channels // squeeze, 1, activation="relu")(weights)
    weights = layers.Conv2D(channels, 1, activation="sigmoid")(weights)
    return layers.Multiply()([inputs, weights])


def _residual(inputs: Any, channels: int, stride: int, squeeze: int) -> Any:
    outputs = layers.ReLU()(_normalised(_convolution(inputs, channels, 3, stride)))
    outputs = _normalised(_convolution(outputs, channels, 3, 1))
    if squeeze:
        outputs = _excited(outputs, channels, squeeze)
    if stride != 1 or inputs.shape[-1] != channels:
        pooled = layers.AveragePooling2D(stride)(inputs) if stride != 1 else inputs
        inputs = _normalised(_convolution(pooled, channels, 1, 1))
    return layers.ReLU()(layers.Add()([inputs, outputs]))


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


def build(shape: Shape | None = None) -> keras.Model:
    """Builds the network with fresh weights under Keras' current precision policy.

    Returns:
        A model from ``faces`` uint8 (N, 48, 48, 1) to a dictionary of ``logits`` float32 (N, 8) and
        ``embedding`` float32 (N, E), E being the width of the last stage.
    """
    shape = shape or Shape()
    faces = keras.Input((FACE_PX, FACE_PX, 1), dtype="uint8", name="faces")
    hidden = layers.ReLU()(_normalised(_convolution(standardised(faces), shape.stem, 6, 2)))
    for stage, (width, blocks) in enumerate(zip(shape.widths, shape.blocks, strict=True)):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            hidden = _residual(hidden, width, stride, shape.squeeze)
    embedding = layers.GlobalAveragePooling2D(dtype="float32", name="embedding")(hidden)
    dropped = layers.Dropout(shape.dropout, dtype="float32")(embedding)
    logits = layers.Dense(len(EXPRESSIONS), dtype="float32", name="logits")(dropped)
    return keras.Model(faces, {"logits": logits, "embedding": embedding}, name="expression")


def mirrored(network: keras.Model) -> keras.Model:
    """Wraps a network so that it looks at each face and its mirror image and averages the outputs.

    An expression is the same in a mirror; on validation the average is right 1 % more often. Both are
    stacked along the batch, so that the weights are there once.

    Returns:
        A model with the inputs and outputs of ``build``.
    """
    faces = keras.Input((FACE_PX, FACE_PX, 1), dtype="uint8", name="faces")
    both = network(layers.Lambda(_with_mirror_images, name="with_mirror_images")(faces))
    outputs = {
        name: layers.Lambda(_mean_of_halves, name=name, dtype="float32")(output) for name, output in both.items()
    }
    return keras.Model(faces, outputs, name="mirrored")


def _with_mirror_images(faces: Any) -> Any:
    return tf.concat([faces, tf.reverse(faces, axis=[2])], axis=0)


def _mean_of_halves(outputs: Any) -> Any:
    plain, mirror = tf.split(outputs, 2, axis=0)
    return (plain + mirror) / 2
