"""Between numpy arrays and TensorFlow's `TensorProto`, without TensorFlow.

The forms are those of tensorflow/core/framework/tensor.proto: either the raw bytes in `tensor_content`
(little-endian, row-major), or one typed list, whose last value stands for all that are left out.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.tfserving_pb2 import DataType, TensorProto, TensorShapeProto

Array = NDArray[Any]

MAX_BYTES: Final = 64 << 20
"""Largest tensor that is made from a message: a few bytes can ask for any number of them (one value, a huge shape)."""

MAX_DIMENSIONS: Final = 8

_FIELDS: Final[dict[int, tuple[np.dtype[Any], str]]] = {
    DataType.DT_FLOAT: (np.dtype("<f4"), "float_val"),
    DataType.DT_DOUBLE: (np.dtype("<f8"), "double_val"),
    DataType.DT_INT32: (np.dtype("<i4"), "int_val"),
    DataType.DT_UINT8: (np.dtype("u1"), "int_val"),
    DataType.DT_INT16: (np.dtype("<i2"), "int_val"),
    DataType.DT_INT8: (np.dtype("i1"), "int_val"),
    DataType.DT_INT64: (np.dtype("<i8"), "int64_val"),
}
_DTYPES: Final = {dtype: number for number, (dtype, _) in _FIELDS.items()}


class TensorError(ValueError):
    """A tensor that cannot be read or sent, or is not the one expected; the text says why."""


def to_proto(array: Array) -> TensorProto:
    """Return the message of an array of any shape, its values as raw bytes.

    Raises:
        TensorError: The type has no counterpart here (float32/64, uint8, int8/16/32/64 have).
    """
    content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return TensorProto(dtype=type_name(array.dtype), tensor_shape=shape_proto(array.shape), tensor_content=content)


def type_name(dtype: np.dtype[Any]) -> str:
    """Return TensorFlow's name of a type, such as `DT_FLOAT`.

    Raises:
        TensorError: The type has no counterpart here.
    """
    number = _DTYPES.get(dtype.newbyteorder("<"))
    if number is None:
        raise TensorError(f"an array of {dtype} cannot be sent as a tensor")
    return DataType.Name(number)


def shape_proto(shape: tuple[int, ...]) -> TensorShapeProto:
    """Return the message of a shape; -1 is a size that is not known."""
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in shape])


def from_proto(tensor: TensorProto) -> Array:
    """Return the array of a message; it may be read-only.

    Raises:
        TensorError: The type is not supported, the shape is unknown, negative or too large, or the values do not fit.
    """
    if tensor.dtype not in _FIELDS:
        raise TensorError(f"tensors of type {_name(tensor.dtype)} are not supported")
    dtype, field = _FIELDS[tensor.dtype]
    shape = _shape(tensor.tensor_shape, dtype.itemsize)
    if tensor.tensor_content:
        return _from_content(tensor.tensor_content, dtype, shape)
    return _from_values(getattr(tensor, field), dtype, shape)


def expect(array: Array, dtype: Any, shape: tuple[int | None, ...]) -> Array:
    """Return the array where it is of this type and shape; `None` in a shape is any size.

    Raises:
        TensorError: It is another.
    """
    fits = len(array.shape) == len(shape) and all(
        want in (None, size) for size, want in zip(array.shape, shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not fits:
        wanted = ", ".join("N" if size is None else str(size) for size in shape)
        raise TensorError(
            f"it is {array.dtype} of shape {tuple(array.shape)}; {np.dtype(dtype)} of shape ({wanted}) is needed"
        )
    return array


def _name(number: DataType) -> str:
    return DataType.Name(number) if number in DataType.values() else f"number {number}"


def _shape(shape: TensorShapeProto, item_bytes: int) -> tuple[int, ...]:
    sizes = tuple(dim.size for dim in shape.dim)
    if shape.unknown_rank or any(size < 0 for size in sizes):
        raise TensorError(f"the shape {sizes} is not fully known")
    if len(sizes) > MAX_DIMENSIONS:
        raise TensorError(f"{len(sizes)} dimensions are more than {MAX_DIMENSIONS}")
    if max(math.prod(sizes), *sizes, 0) * item_bytes > MAX_BYTES:  # an empty one may be as wide as numbers go
        raise TensorError(f"the shape {sizes} takes more than {MAX_BYTES >> 20} MiB")
    return sizes


def _from_content(content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise TensorError(f"{len(content)} bytes do not fill {dtype} of shape {shape}")
    return np.frombuffer(content, dtype).reshape(shape)


def _from_values(values: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    if len(values) > count:
        raise TensorError(f"{len(values)} values are too many for the shape {shape}")
    given = np.array(values, np.float64 if dtype.kind == "f" else np.int64)
    if dtype.kind != "f" and given.size and (given.min() < np.iinfo(dtype).min or given.max() > np.iinfo(dtype).max):
        raise TensorError(f"values from {given.min()} to {given.max()} do not fit {dtype}")
    filled = np.full(count, given[-1] if given.size else 0, dtype)
    filled[: given.size] = given
    return filled.reshape(shape)
