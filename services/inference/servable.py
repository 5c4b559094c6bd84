"""What TensorFlow Serving's protocol asks of a model: requests checked, answers put together.

The codes and, where clients may look for them, the words are TensorFlow Serving's own
(tensorflow_serving/model_servers/{server_core,get_model_status_impl}.cc and
tensorflow_serving/servables/tensorflow/{predict_util,get_model_metadata_impl}.cc).
"""

from enum import Enum, auto
from typing import Final

import numpy as np
from google.protobuf.any_pb2 import Any as AnyMessage

from services.contracts.tfserving_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    ModelVersionStatus,
    PredictRequest,
    PredictResponse,
    SignatureDef,
    SignatureDefMap,
    StatusProto,
    TensorInfo,
)
from services.inference.litert import INPUT, MAX_BATCH, SIGNATURE, LiteRtModel
from services.inference.tensors import Array, TensorError, expect, from_proto, shape_proto, to_proto, type_name
from services.inference.versions import Condition, Versions

METADATA: Final = "signature_def"
"""The only field of metadata there is."""
METADATA_TYPE: Final = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
METHOD: Final = "tensorflow/serving/predict"
UNKNOWN_ERROR: Final = 2
"""`error::UNKNOWN` of tensorflow/core/protobuf/error_codes.proto."""


class Code(Enum):
    """Why a request is refused: gRPC's status codes of these names."""

    INVALID_ARGUMENT = auto()
    NOT_FOUND = auto()
    FAILED_PRECONDITION = auto()
    RESOURCE_EXHAUSTED = auto()
    INTERNAL = auto()


class RefusedError(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


def faces_of(request: PredictRequest, versions: Versions) -> tuple[LiteRtModel, Array]:
    """Return the version that a request is for, and its batch: uint8 (N, *shape), N from 1 to `MAX_BATCH`.

    Raises:
        RefusedError: It is for another model, or its tensors do not fit this one.
    """
    model = _model(request, versions)
    if request.model_spec.signature_name not in ("", SIGNATURE):
        raise RefusedError(
            Code.FAILED_PRECONDITION,
            f'Serving signature key "{request.model_spec.signature_name}" not found.',
        )
    if unknown := set(request.output_filter) - model.outputs.keys():
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
    return model, faces


def answer(request: PredictRequest, model: LiteRtModel, outputs: dict[str, Array]) -> PredictResponse:
    """Return the response: the outputs asked for, or all, and which model it was."""
    names = set(request.output_filter) or model.outputs.keys()
    spec = ModelSpec(name=model.name, version={"value": model.version}, signature_name=SIGNATURE)
    return PredictResponse(outputs={name: to_proto(outputs[name]) for name in names}, model_spec=spec)


def status(request: GetModelStatusRequest, versions: Versions) -> GetModelStatusResponse:
    """Return how the versions of the model do, the newest first, or the one asked for.

    Raises:
        RefusedError: The model or version is not known.
    """
    spec = _spec(request)
    known = versions.conditions if spec.name == versions.name else {}
    if not known:
        raise RefusedError(Code.NOT_FOUND, f"Could not find any versions of model {spec.name}")
    version = _version(spec, versions)
    if version is not None and version not in known:
        raise RefusedError(Code.NOT_FOUND, f"Could not find version {version} of model {spec.name}")
    asked = [version] if version is not None else sorted(known, reverse=True)
    return GetModelStatusResponse(model_version_status=[_condition(each, known[each]) for each in asked])


def metadata(request: GetModelMetadataRequest, versions: Versions) -> GetModelMetadataResponse:
    """Return the inputs and outputs of a version.

    Raises:
        RefusedError: The model or version is not here, or something else is asked for.
    """
    _spec(request)
    if not request.metadata_field:
        raise _invalid("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != METADATA:
            raise _invalid(f"Metadata field {field} is not supported")
    model = _model(request, versions)
    content = SignatureDefMap(signature_def={SIGNATURE: _signature(model)}).SerializeToString(deterministic=True)
    return GetModelMetadataResponse(
        model_spec=ModelSpec(name=model.name, version={"value": model.version}),
        metadata={METADATA: AnyMessage(type_url=METADATA_TYPE, value=content)},
    )


def _condition(version: int, condition: Condition) -> ModelVersionStatus:
    problem = StatusProto(error_code=UNKNOWN_ERROR if condition.problem else 0, error_message=condition.problem)
    return ModelVersionStatus(version=version, state=condition.state.name, status=problem)


def _signature(model: LiteRtModel) -> SignatureDef:
    faces = TensorInfo(
        name=f"{SIGNATURE}_{INPUT}:0", dtype=type_name(np.dtype("u1")), tensor_shape=shape_proto((-1, *model.shape))
    )
    outputs = {
        name: TensorInfo(name=one.tensor, dtype=type_name(one.dtype), tensor_shape=shape_proto(one.shape))
        for name, one in model.outputs.items()
    }
    return SignatureDef(inputs={INPUT: faces}, outputs=outputs, method_name=METHOD)


def _spec(request: PredictRequest | GetModelStatusRequest | GetModelMetadataRequest) -> ModelSpec:
    if not request.HasField("model_spec"):
        raise _invalid("Missing ModelSpec")
    if not request.model_spec.name:
        raise _invalid("ModelSpec has no name specified.")
    return request.model_spec


def _version(spec: ModelSpec, versions: Versions) -> int | None:
    """Return the version that is named by number or label; `None` where none is."""
    match spec.WhichOneof("version_choice"):
        case "version":
            return spec.version.value
        case "version_label" if spec.name != versions.name or spec.version_label not in versions.labels:
            raise _invalid(f"Unrecognized servable version label: {spec.version_label}")
        case "version_label":
            return versions.labels[spec.version_label]
        case _:
            return None


def _model(request: PredictRequest | GetModelMetadataRequest, versions: Versions) -> LiteRtModel:
    spec = _spec(request)
    version = _version(spec, versions)
    model = versions.find(version) if spec.name == versions.name else None
    if model is None:
        wanted = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
        raise RefusedError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")
    return model


def _invalid(text: str) -> RefusedError:
    return RefusedError(Code.INVALID_ARGUMENT, text)
