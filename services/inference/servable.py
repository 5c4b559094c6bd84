"""What TensorFlow Serving's protocol asks of a model: requests checked, answers put together.

The codes and, where clients may look for them, the words are TensorFlow Serving's own
(tensorflow_serving/model_servers/server_core.cc and servables/tensorflow/predict_util.cc).
"""

from typing import Final

import grpc
import numpy as np

from services.contracts.tfserving_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    ModelVersionStatus,
    PredictRequest,
    PredictResponse,
    StatusProto,
)
from services.inference.litert import INPUT, SIGNATURE, LiteRtModel
from services.inference.tensors import Array, TensorError, expect, from_proto, to_proto

MAX_BATCH: Final = 64
"""Faces in one request."""


class RefusedError(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code


def faces_of(request: PredictRequest, model: LiteRtModel) -> Array:
    """Return the batch of a request: uint8 (N, *shape), N from 1 to `MAX_BATCH`.

    Raises:
        RefusedError: The request is for another model, or its tensors do not fit this one.
    """
    _check_spec(request.model_spec, model)
    if unknown := set(request.output_filter) - model.outputs:
        raise _invalid(
            f"output tensor alias not found in signature: {', '.join(sorted(unknown))}; "
            f"outputs are {', '.join(sorted(model.outputs))}"
        )
    if set(request.inputs) != {INPUT}:
        given = ", ".join(sorted(request.inputs)) or "none"
        raise _invalid(f"inputs do not match signature: {given} given, {INPUT} needed")
    try:
        faces = expect(from_proto(request.inputs[INPUT]), np.uint8, (None, *model.shape))
    except TensorError as error:
        raise _invalid(f"input {INPUT}: {error}") from error
    if not 1 <= len(faces) <= MAX_BATCH:
        raise _invalid(f"input {INPUT}: a batch of {len(faces)}; 1 to {MAX_BATCH} are served")
    return faces


def answer(request: PredictRequest, model: LiteRtModel, outputs: dict[str, Array]) -> PredictResponse:
    """Return the response: the outputs asked for, or all, and which model it was."""
    names = set(request.output_filter) or model.outputs
    spec = ModelSpec(name=model.name, signature_name=SIGNATURE)
    spec.version.value = model.version
    return PredictResponse(outputs={name: to_proto(outputs[name]) for name in names}, model_spec=spec)


def status(request: GetModelStatusRequest, model: LiteRtModel) -> GetModelStatusResponse:
    """Return the state of the model.

    Raises:
        RefusedError: The request is for another model or version.
    """
    _check_spec(request.model_spec, model)
    version = ModelVersionStatus(version=model.version, state="AVAILABLE", status=StatusProto())
    return GetModelStatusResponse(model_version_status=[version])


def _check_spec(spec: ModelSpec, model: LiteRtModel) -> None:
    if not spec.name:
        raise _invalid("ModelSpec has no name specified.")
    if spec.version_label:
        raise _invalid(f"Unrecognized servable version label: {spec.version_label}")
    exact = spec.HasField("version")
    if spec.name != model.name or (exact and spec.version.value != model.version):
        wanted = f"Specific({spec.name}, {spec.version.value})" if exact else f"Latest({spec.name})"
        raise RefusedError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
    if spec.signature_name not in ("", SIGNATURE):
        raise RefusedError(
            grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{spec.signature_name}" not found.'
        )


def _invalid(text: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, text)
