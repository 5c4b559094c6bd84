import contextlib

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.tfserving_pb2 import DataType, TensorProto, TensorShapeProto
from services.inference.tensors import TensorError, expect, from_proto, to_proto


def tensor(dtype: str, shape: tuple[int, ...], **values: object) -> TensorProto:
    dims = [TensorShapeProto.Dim(size=size) for size in shape]
    return TensorProto(dtype=dtype, tensor_shape=TensorShapeProto(dim=dims), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int8", "int16", "int32", "int64", ">f4"])
def test_an_array_comes_back_as_it_went(dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    back = from_proto(TensorProto.FromString(to_proto(array).SerializeToString()))
    assert back.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)


def test_an_empty_batch_and_a_scalar_keep_their_shape() -> None:
    assert from_proto(to_proto(np.zeros((0, 8), np.float32))).shape == (0, 8)
    assert from_proto(to_proto(np.array(7, np.int64))).shape == ()


def test_a_slice_is_sent_in_row_major_order() -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)[:, ::2]
    np.testing.assert_array_equal(from_proto(to_proto(array)), array)


def test_typed_values_are_read() -> None:
    np.testing.assert_allclose(from_proto(tensor("DT_FLOAT", (2,), float_val=[0.25, 0.75])), [0.25, 0.75])
    np.testing.assert_allclose(from_proto(tensor("DT_DOUBLE", (1, 2), double_val=[1, 2])), [[1, 2]])
    np.testing.assert_array_equal(from_proto(tensor("DT_INT64", (2,), int64_val=[-1, 2**40])), [-1, 2**40])


def test_one_integer_fills_a_uint8_tensor_as_official_clients_send_it() -> None:
    filled = from_proto(tensor("DT_UINT8", (1, 2, 2, 1), int_val=[200]))
    assert filled.dtype == np.uint8
    assert (filled == 200).all()


def test_the_last_value_stands_for_those_left_out() -> None:
    np.testing.assert_array_equal(from_proto(tensor("DT_INT32", (4,), int_val=[1, 2])), [1, 2, 2, 2])


def test_no_value_at_all_means_zeros_as_in_tensorflow() -> None:
    np.testing.assert_array_equal(from_proto(tensor("DT_FLOAT", (3,))), [0, 0, 0])


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (tensor("DT_STRING", (1,)), "DT_STRING are not supported"),
        (TensorProto(), "DT_INVALID are not supported"),
        (TensorProto.FromString(b"\x08\x63"), "number 99 are not supported"),
        (tensor("DT_UINT8", (2, -1)), "not fully known"),
        (TensorProto(dtype="DT_UINT8", tensor_shape=TensorShapeProto(unknown_rank=True)), "not fully known"),
        (tensor("DT_UINT8", (2, 2), tensor_content=b"abc"), "3 bytes do not fill uint8"),
        (tensor("DT_UINT8", (2,), int_val=[1, 256]), "values from 1 to 256 do not fit uint8"),
        (tensor("DT_UINT8", (2,), int_val=[-1]), "do not fit uint8"),
        (tensor("DT_UINT8", (1,), int_val=[1, 2]), "2 values are too many"),
        (tensor("DT_UINT8", (1,) * 9), "9 dimensions"),
        (tensor("DT_FLOAT", (2**40, 2**40), float_val=[1]), "more than 64 MiB"),
        (tensor("DT_UINT8", (0, 2**40, 2**40)), "more than 64 MiB"),
    ],
)
def test_what_is_no_tensor_says_why(message: TensorProto, text: str) -> None:
    with pytest.raises(TensorError, match=text):
        from_proto(message)


def test_a_type_without_a_counterpart_is_not_sent() -> None:
    with pytest.raises(TensorError, match="complex64"):
        to_proto(np.zeros(1, np.complex64))


def test_expect_passes_what_fits_and_names_what_does_not() -> None:
    array = np.zeros((3, 48, 48, 1), np.uint8)
    assert expect(array, np.uint8, (None, 48, 48, 1)) is array
    with pytest.raises(TensorError, match=r"of shape \(3, 48, 48, 1\); uint8 of shape \(N, 64, 64, 1\) is needed"):
        expect(array, np.uint8, (None, 64, 64, 1))
    with pytest.raises(TensorError, match="float32"):
        expect(array, np.float32, (None, 48, 48, 1))
    with pytest.raises(TensorError, match="needed"):
        expect(array, np.uint8, (None, 48, 48))


def test_type_numbers_are_those_of_tensorflow() -> None:
    assert [DataType.DT_FLOAT, DataType.DT_UINT8, DataType.DT_INT64] == [1, 4, 9]


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_a_tensor_error(data: bytes) -> None:
    try:
        message = TensorProto.FromString(data)
    except DecodeError:
        return
    with contextlib.suppress(TensorError):
        from_proto(message)


@given(
    dtype=st.integers(0, 11),
    shape=st.lists(st.integers(-1, 5) | st.integers(-(2**63), 2**63 - 1), max_size=4),
    content=st.binary(max_size=8),
    integers=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    floats=st.lists(st.floats(width=32), max_size=4),
)
def test_no_tensor_raises_anything_but_a_tensor_error(
    dtype: int, shape: list[int], content: bytes, integers: list[int], floats: list[float]
) -> None:
    dims = [TensorShapeProto.Dim(size=size) for size in shape]
    message = TensorProto.FromString(
        bytes([0x08, dtype])  # field 1, the type, whether we know it or not
        + TensorProto(
            tensor_shape=TensorShapeProto(dim=dims),
            tensor_content=content,
            int_val=integers,
            int64_val=integers,
            float_val=floats,
        ).SerializeToString()
    )
    with contextlib.suppress(TensorError):
        assert from_proto(message).shape == tuple(shape)
