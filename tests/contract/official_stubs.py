"""TensorFlow and its own Serving stubs, for `test_tfserving_official.py`; runs where TensorFlow is installed.

python -m tests.contract.official_stubs serve models/expression/4   prints its port, serves until stdin closes
python -m tests.contract.official_stubs ask PORT                    prints what a server answers, as JSON
python -m tests.contract.official_stubs signature models/expression/4   prints what a SavedModel takes and gives
python -m tests.contract.official_stubs request                     prints the request for the golden faces, as hex
python -m tests.contract.official_stubs again                       reads a response as hex, prints it written again
"""
# ruff: noqa: T201

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from training.golden import golden_faces


def request(faces: Any, **spec: Any) -> Any:
    """Make a request as TensorFlow Serving's documentation does."""
    made = predict_pb2.PredictRequest()
    made.model_spec.name = spec.get("name", "expression")
    if "version" in spec:
        made.model_spec.version.value = spec["version"]
    if "label" in spec:
        made.model_spec.version_label = spec["label"]
    made.inputs["faces"].CopyFrom(
        faces if isinstance(faces, type(tf.make_tensor_proto(0))) else tf.make_tensor_proto(faces)
    )
    return made


class Servicer(
    prediction_service_pb2_grpc.PredictionServiceServicer,  # type: ignore[misc]
    model_service_pb2_grpc.ModelServiceServicer,  # type: ignore[misc]
):
    """Answers with a SavedModel, and says that it does."""

    def __init__(self, folder: str) -> None:
        self._model = tf.saved_model.load(folder)
        self._version = int(Path(folder).name)
        self._signature = self._model.signatures["serving_default"]

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802 - the stubs' name
        """Run the model on a request."""
        outputs = self._signature(faces=tf.constant(tf.make_ndarray(request.inputs["faces"])))
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = self._version
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return response

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802 - the stubs' name
        """Say that the version is available."""
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(
            version=self._version, state=get_model_status_pb2.ModelVersionStatus.State.AVAILABLE
        )
        return response


def serve(folder: str) -> None:
    """Serve a SavedModel until standard input closes."""
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = Servicer(folder)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(servicer, server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0).wait()


def described(signature: Any) -> Any:
    """Return types and shapes of a SignatureDef's inputs and outputs."""
    return {
        name: [tf.dtypes.as_dtype(one.dtype).name, [dim.size for dim in one.tensor_shape.dim]]
        for tensors in (signature.inputs, signature.outputs)
        for name, one in tensors.items()
    }


def signature(folder: str) -> None:
    """Print what a SavedModel says of itself."""
    content = Path(folder, "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    print(json.dumps(described(graph.signature_def["serving_default"])))


def ask(port: str) -> None:
    """Ask a server everything that the test looks at."""
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    predict = stub.Predict
    status = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus

    def probabilities(asked: Any) -> Any:
        return tf.make_ndarray(predict(asked, timeout=30).outputs["probabilities"]).tolist()

    def code(asked: Any) -> str:
        try:
            predict(asked, timeout=30)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    def metadata() -> Any:
        asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        asked.model_spec.name = "expression"
        content = stub.GetModelMetadata(asked, timeout=30).metadata["signature_def"]
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert content.Unpack(signatures)  # by the name of its type, as official clients do
        return described(signatures.signature_def["serving_default"])

    asked = get_model_status_pb2.GetModelStatusRequest()
    asked.model_spec.name = "expression"
    [version] = status(asked, timeout=30).model_version_status
    fill = tf.make_tensor_proto(128, tf.uint8, (2, 48, 48, 1))
    answers = {
        "golden": probabilities(request(golden_faces())),
        "filled_by_one_value": probabilities(request(fill)),
        "filled": probabilities(request(tf.fill((2, 48, 48, 1), tf.constant(128, tf.uint8)))),
        "values_in_fill": len(fill.int_val),
        "its_version": code(request(golden_faces(), version=version.version)),
        "next_version": code(request(golden_faces(), version=version.version + 1)),
        "label": code(request(golden_faces(), label="stable")),
        "another_label": code(request(golden_faces(), label="canary")),
        "metadata": metadata(),
        "another_model": code(request(golden_faces(), name="moods")),
        "floats": code(request(golden_faces().astype("float32"))),
        "status": [version.version, get_model_status_pb2.ModelVersionStatus.State.Name(version.state)],
    }
    print(json.dumps(answers))


def again() -> None:
    """Read a response and write it again."""
    response = predict_pb2.PredictResponse.FromString(bytes.fromhex(sys.stdin.read()))
    print(response.SerializeToString(deterministic=True).hex())


def main() -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["serve", folder]:
            serve(folder)
        case ["ask", port]:
            ask(port)
        case ["signature", folder]:
            signature(folder)
        case ["request"]:
            print(request(golden_faces()).SerializeToString(deterministic=True).hex())
        case ["again"]:
            again()


if __name__ == "__main__":
    main()
