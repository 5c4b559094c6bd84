"""Several versions of a model on the light server: found, loaded, labelled, described and let go while it answers."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from services.contracts.tfserving_pb2 import (
    GetModelMetadataRequest,
    GetModelStatusRequest,
    ModelSpec,
    SignatureDefMap,
)
from services.inference.litert import LiteRtModel
from services.inference.model_folder import ModelFolder
from services.inference.model_server import MODEL, PREDICTION
from services.inference.tensors import Array
from services.runtime.service import SetupError
from tests.contract.model_server_doubles import RELEASED, Code, describe, label, put, refusal, serving


async def test_a_new_version_takes_over_while_the_server_answers(tmp_path: Path) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path) as server:
        assert await server.client.served() == 1
        put(tmp_path, 10)
        put(tmp_path, 9)
        await server.look()
        assert await server.client.served() == 10
        assert await server.client.states() == {10: "AVAILABLE", 1: "END"}
        assert (await refusal(server.client.served(version={"value": 1})))[0] == Code.NOT_FOUND


async def test_a_version_that_is_still_being_copied_waits_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path) as server:
        file = put(tmp_path, 2) / RELEASED.lite_file.name
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        await server.look()
        assert await server.client.served() == 1
        assert await server.client.states() == {2: "END", 1: "AVAILABLE"}
        assert "its sha256 differs" in server.health.problems["model_versions"]
        assert server.health.problems["model_versions"].endswith("; version 1 answers meanwhile")
        assert server.health.ready, "a version answers"
        await server.look()
        assert caplog.text.count("its sha256 differs") == 1
        file.write_bytes(whole)
        await server.look()
        assert await server.client.served() == 2
        assert server.health.problems == {}


async def test_what_nobody_foresaw_of_a_version_ends_neither_the_server_nor_its_look_at_the_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failing = True

    def load(folder: ModelFolder) -> LiteRtModel:
        if failing and folder.version > 1:
            raise KeyError("as the test wants it")
        return LiteRtModel(folder)

    put(tmp_path, 1)
    put(tmp_path, 2)
    async with serving(tmp_path, load=load) as server:
        for _ in range(2):
            async with asyncio.timeout(30):
                await server.look()
        assert await server.client.states() == {2: "END", 1: "AVAILABLE"}
        assert "as the test wants it" in server.health.problems["model_versions"]
        assert len([record for record in caplog.records if record.exc_info]) == 1
        assert await server.client.served() == 1
        failing = False
        await server.look()
        assert await server.client.served() == 2
        assert server.health.problems == {}


class Oddity(type(Path())):  # type: ignore[misc]
    """A folder that cannot be listed, for no reason that anybody knows."""

    odd = False

    def iterdir(self) -> Iterator[Path]:
        if Oddity.odd:
            raise RuntimeError("as the test wants it")
        return iter(super().iterdir())


async def test_what_nobody_foresaw_of_the_folder_ends_not_the_look_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, 1)
    async with serving(Oddity(tmp_path)) as server:
        monkeypatch.setattr(Oddity, "odd", True)
        put(tmp_path, 2)
        await server.look()
        assert "as the test wants it" in server.health.problems["model_versions"]
        assert server.health.ready, "a version answers"
        monkeypatch.setattr(Oddity, "odd", False)
        await server.look()
        assert await server.client.served() == 2
        assert server.health.problems == {}


class Spoilt(LiteRtModel):
    """Has one more output, which from version 2 on nobody can use."""

    def run(self, faces: Array) -> dict[str, Array]:
        answer = super().run(faces)
        values = answer["embedding"]
        spoilt: dict[int, Callable[[], Array]] = {
            1: lambda: values,
            2: lambda: values[0],
            3: lambda: np.asarray(values.sum()),
            4: lambda: np.concatenate([values, values]),
            5: lambda: values / 0,
            6: lambda: values.astype(bool),
        }
        return answer | {"valence": spoilt[self.version]()}


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize(
    ("version", "why"),
    [
        (2, "0th dimension does not equal"),
        (3, "Batched output tensor has 0 dimensions"),
        (4, "(4 rows for 2 faces)"),
        (5, "answers with values that are no numbers"),
        (6, "an array of bool cannot be sent"),
    ],
)
async def test_a_version_that_answers_no_row_for_each_face_replaces_no_good_one(
    tmp_path: Path, version: int, why: str
) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path, load=Spoilt) as server:
        put(tmp_path, version)
        await server.look()
        assert await server.client.states() == {version: "END", 1: "AVAILABLE"}
        assert await server.client.served() == 1
        asked = GetModelStatusRequest(model_spec=ModelSpec(name="expression", version={"value": version}))
        [state] = (await server.client.status(asked)).model_version_status
        assert why in state.status.error_message
        assert why in server.health.problems["model_versions"]


@pytest.mark.parametrize(
    ("described", "why"),
    [
        ({"outputs": {"embedding": {"shape": [128]}}}, "float32 of shape (N, 128) is needed"),
        ({"outputs": {"embedding": {"shape": [256], "dtype": "float64"}}}, "float64 of shape (N, 256) is needed"),
        ({"outputs": {"valence": {"shape": [1]}}}, "the output valence is missing"),
        ({"labels": ["calm", "cross"]}, "output probabilities: it is float32 of shape (2, 8)"),
    ],
)
async def test_a_version_that_answers_otherwise_than_it_is_described_replaces_no_good_one(
    tmp_path: Path, described: dict[str, Any], why: str
) -> None:
    put(tmp_path, 1)
    describe(put(tmp_path, 2), **described)
    async with serving(tmp_path) as server:
        await server.look()
        assert await server.client.states() == {2: "END", 1: "AVAILABLE"}
        assert why in server.health.problems["model_versions"]


async def test_a_version_whose_outputs_are_not_described_is_served(tmp_path: Path) -> None:
    describe(put(tmp_path, 1), outputs={})
    async with serving(tmp_path) as server:
        assert await server.client.served() == 1


async def test_why_a_version_is_not_served_is_in_its_status(tmp_path: Path) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path) as server:
        (put(tmp_path, 2) / "model.json").unlink()
        await server.look()
        asked = GetModelStatusRequest(model_spec=ModelSpec(name="expression", version={"value": 2}))
        [version] = (await server.client.status(asked)).model_version_status
        assert version.status.error_code == 2
        assert "2/model.json cannot be read" in version.status.error_message


async def test_as_many_of_the_newest_versions_are_served_as_are_asked_for(tmp_path: Path) -> None:
    for version in (1, 2, 3):
        put(tmp_path, version)
    async with serving(tmp_path, keep=2) as server:
        assert await server.client.states() == {3: "AVAILABLE", 2: "AVAILABLE"}
        assert [await server.client.served(), await server.client.served(version={"value": 2})] == [3, 2]


async def test_a_label_names_a_version_and_keeps_it(tmp_path: Path) -> None:
    for version in (1, 2, 3):
        put(tmp_path, version)
    label(tmp_path, stable=1)
    async with serving(tmp_path) as server:
        assert await server.client.served(version_label="stable") == 1
        assert await server.client.served() == 3
        label(tmp_path, stable=2)
        await server.look()
        assert await server.client.served(version_label="stable") == 2
        assert await server.client.states() == {3: "AVAILABLE", 2: "AVAILABLE", 1: "END"}


async def test_a_label_stays_where_it_was_until_its_new_version_loads(tmp_path: Path) -> None:
    put(tmp_path, 1)
    label(tmp_path, stable=1)
    async with serving(tmp_path) as server:
        (put(tmp_path, 2) / RELEASED.lite_file.name).write_bytes(b"TFL3")
        label(tmp_path, stable=2)
        await server.look()
        assert await server.client.served(version_label="stable") == 1


async def test_a_version_that_stays_broken_keeps_no_other_in_memory_than_those_that_answer(tmp_path: Path) -> None:
    put(tmp_path, 1)
    label(tmp_path, stable=1)
    async with serving(tmp_path) as server:
        (put(tmp_path, 2) / RELEASED.lite_file.name).write_bytes(b"TFL3")
        label(tmp_path, stable=2)
        for version in (3, 4):
            put(tmp_path, version)
            await server.look()
        assert await server.client.states() == {4: "AVAILABLE", 3: "END", 2: "END", 1: "AVAILABLE"}
        assert await server.client.served(version_label="stable") == 1
        assert await server.client.served() == 4


WRONG_LABELS = pytest.mark.parametrize(
    ("content", "text"),
    [
        ('{"stable": 7}', "stable is version 7, which is not there"),
        ('{"stable": "one"}', 'it has to be {"label": version, …}'),
        ("[", "Invalid JSON"),
    ],
)


@WRONG_LABELS
async def test_labels_that_are_wrong_change_no_label_and_are_told_and_new_versions_are_taken_up(
    tmp_path: Path, content: str, text: str
) -> None:
    put(tmp_path, 1)
    label(tmp_path, stable=1)
    file = tmp_path / "expression/labels.json"
    async with serving(tmp_path) as server:
        file.write_text(content)
        put(tmp_path, 2)
        await server.look()
        assert text in server.health.problems["model_versions"]
        assert server.health.problems["model_versions"].endswith(
            "version 2 answers meanwhile, and stable means version 1"
        )
        assert server.health.ready, "a version answers"
        assert await server.client.served() == 2
        assert await server.client.served(version_label="stable") == 1


@WRONG_LABELS
async def test_labels_that_are_wrong_stop_no_start(tmp_path: Path, content: str, text: str) -> None:
    put(tmp_path, 1)
    (tmp_path / "expression/labels.json").write_text(content)
    async with serving(tmp_path) as server:
        assert await server.client.served() == 1
        told = (Code.INVALID_ARGUMENT, "Unrecognized servable version label: stable")
        assert await refusal(server.client.served(version_label="stable")) == told
        await server.look()
        assert text in server.health.problems["model_versions"]
        label(tmp_path, stable=1)
        await server.look()
        assert await server.client.served(version_label="stable") == 1
        assert server.health.problems == {}


async def test_a_label_whose_version_is_gone_holds_up_no_other_label_and_answers_as_long_as_it_can(
    tmp_path: Path,
) -> None:
    for version in (1, 2, 3):
        put(tmp_path, version)
    label(tmp_path, stable=1, canary=2)
    async with serving(tmp_path) as server:
        shutil.rmtree(tmp_path / "expression/1")
        label(tmp_path, stable=1, canary=3)
        await server.look()
        assert await server.client.served(version_label="stable") == 1
        assert await server.client.served(version_label="canary") == 3
        assert await server.client.states() == {3: "AVAILABLE", 2: "END", 1: "AVAILABLE"}
        assert "stable is version 1, which is not there" in server.health.problems["model_versions"]


async def test_what_is_no_version_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, 1)
    for name in ("02", "2.tmp", "-3", "assets", "9" * 30):
        (tmp_path / "expression" / name).mkdir()
    (tmp_path / "expression/4").write_text("a file")
    async with serving(tmp_path) as server:
        assert await server.client.states() == {1: "AVAILABLE"}


async def test_a_folder_that_is_emptied_ends_nothing_and_is_told(tmp_path: Path) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path) as server:
        shutil.rmtree(tmp_path / "expression")
        await server.look()
        assert await server.client.served() == 1
        assert "holds no model" in " ".join(server.health.problems.values())
        assert server.health.ready, "a version answers"


def half_copied(models: Path, version: int) -> Path:
    file = put(models, version) / RELEASED.lite_file.name
    file.write_bytes(file.read_bytes()[:1000])
    return file


async def test_a_start_while_a_version_is_copied_serves_the_newest_that_is_whole_and_tells_the_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for version in (1, 2, 3):
        put(tmp_path, version)
    half_copied(tmp_path, 4)
    async with serving(tmp_path, keep=2) as server:
        assert await server.client.served() == 3
        assert await server.client.states() == {4: "END", 3: "AVAILABLE", 2: "AVAILABLE"}
        await server.look()
        assert "4/model.int8.tflite is not the file" in " ".join(server.health.problems.values())
        assert server.health.ready, "a version answers"
        assert caplog.text.count("its sha256 differs") == 1
        shutil.copy(RELEASED.lite_file, tmp_path / "expression/4" / RELEASED.lite_file.name)
        await server.look()
        assert await server.client.states() == {4: "AVAILABLE", 3: "AVAILABLE", 2: "END"}
        assert server.health.problems == {}


async def test_a_start_without_a_whole_version_says_what_is_wrong_with_each(tmp_path: Path) -> None:
    half_copied(tmp_path, 1)
    (put(tmp_path, 2) / "model.json").unlink()
    with pytest.raises(SetupError, match=r"2/model\.json cannot be read.*1/model\.int8\.tflite is not the file"):
        async with serving(tmp_path):
            pass


async def test_metadata_describes_inputs_and_outputs_under_tensorflows_own_type(tmp_path: Path) -> None:
    put(tmp_path, 4)
    async with serving(tmp_path) as server:
        asked = GetModelMetadataRequest(model_spec=ModelSpec(name="expression"), metadata_field=["signature_def"])
        response = await server.client.metadata(asked)
    content = response.metadata["signature_def"]
    assert content.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    signature = SignatureDefMap.FromString(content.value).signature_def["serving_default"]
    shapes = {name: [dim.size for dim in one.tensor_shape.dim] for name, one in signature.inputs.items()}
    assert shapes == {"faces": [-1, 48, 48, 1]}
    assert [dim.size for dim in signature.outputs["probabilities"].tensor_shape.dim] == [-1, 8]
    assert signature.method_name == "tensorflow/serving/predict"
    assert response.model_spec.version.value == 4


SPEC = ModelSpec(name="expression")


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        (GetModelMetadataRequest(metadata_field=["signature_def"]), Code.INVALID_ARGUMENT, "Missing ModelSpec"),
        (GetModelMetadataRequest(model_spec=SPEC), Code.INVALID_ARGUMENT, "must specify at least one metadata_field"),
        (
            GetModelMetadataRequest(model_spec=SPEC, metadata_field=["weights"]),
            Code.INVALID_ARGUMENT,
            "Metadata field weights is not supported",
        ),
        (
            GetModelMetadataRequest(model_spec=ModelSpec(name="moods"), metadata_field=["signature_def"]),
            Code.NOT_FOUND,
            "Servable not found for request: Latest(moods)",
        ),
    ],
)
async def test_metadata_that_there_is_not_is_refused(
    tmp_path: Path, asked: GetModelMetadataRequest, code: grpc.StatusCode, text: str
) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path) as server:
        answered = await refusal(server.client.metadata(asked))
    assert (answered[0], text in answered[1]) == (code, True)


@pytest.mark.parametrize(
    ("spec", "code", "text"),
    [
        (None, Code.INVALID_ARGUMENT, "Missing ModelSpec"),
        (ModelSpec(name="moods"), Code.NOT_FOUND, "Could not find any versions of model moods"),
        (
            ModelSpec(name="expression", version={"value": 5}),
            Code.NOT_FOUND,
            "Could not find version 5 of model expression",
        ),
    ],
)
async def test_the_status_of_what_is_not_there_is_refused_in_tensorflows_words(
    tmp_path: Path, spec: ModelSpec | None, code: grpc.StatusCode, text: str
) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path) as server:
        assert await refusal(server.client.status(GetModelStatusRequest(model_spec=spec))) == (code, text)


@pytest.mark.parametrize("service", ["", PREDICTION, MODEL])
async def test_health_checks_say_that_it_serves(tmp_path: Path, service: str) -> None:
    put(tmp_path, 1)
    async with serving(tmp_path) as server:
        answer = await server.client.health(HealthCheckRequest(service=service))
        assert answer.status == HealthCheckResponse.SERVING
        assert (await refusal(server.client.health(HealthCheckRequest(service="mood"))))[0] == Code.NOT_FOUND
