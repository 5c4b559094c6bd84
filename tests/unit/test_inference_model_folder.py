import hashlib
import json
from pathlib import Path

import pytest

from services.contracts.moods import EXPRESSIONS
from services.inference.model_folder import Labels, latest, read
from services.runtime.service import SetupError

LITE = b"a model"


def write(models: Path, version: str = "1", changes: dict[str, object] | None = None) -> Path:
    folder = models / "expression" / version
    folder.mkdir(parents=True)
    description = {
        "version": int(version) if version.isdecimal() else 0,
        "labels": ["calm", "cross"],
        "input": {"name": "faces", "shape": [48, 48, 1], "dtype": "uint8"},
        "files": {"model.tflite": hashlib.sha256(LITE).hexdigest()},
        "metrics": {},
    }
    (folder / "model.json").write_text(json.dumps(description | (changes or {})))
    (folder / "model.tflite").write_bytes(LITE)
    return folder


def test_the_highest_version_is_the_latest(tmp_path: Path) -> None:
    for version in ("2", "10", "9", "draft"):
        write(tmp_path, version)
    assert latest(tmp_path, "expression").version == 10


def test_the_lite_model_is_read_when_its_hash_is_right(tmp_path: Path) -> None:
    write(tmp_path)
    assert latest(tmp_path, "expression").lite_model() == LITE


def test_the_model_in_eight_bits_is_preferred_where_there_is_one(tmp_path: Path) -> None:
    files = {"model.tflite": hashlib.sha256(LITE).hexdigest(), "model.int8.tflite": hashlib.sha256(b"less").hexdigest()}
    folder = write(tmp_path, changes={"files": files})
    with pytest.raises(SetupError, match=r"model.int8.tflite cannot be read"):
        latest(tmp_path, "expression").lite_model()
    (folder / "model.int8.tflite").write_bytes(b"less")
    assert latest(tmp_path, "expression").lite_model() == b"less"


def test_an_altered_model_is_refused(tmp_path: Path) -> None:
    (write(tmp_path) / "model.tflite").write_bytes(b"another model")
    with pytest.raises(SetupError, match=r"model.tflite is not the file that model.json beside it describes"):
        latest(tmp_path, "expression").lite_model()


def test_a_model_that_is_not_described_is_refused(tmp_path: Path) -> None:
    write(tmp_path, changes={"files": {}})
    with pytest.raises(SetupError, match="its sha256 differs"):
        latest(tmp_path, "expression").lite_model()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (write(tmp_path) / "model.tflite").unlink()
    with pytest.raises(SetupError, match=r"1/model.tflite cannot be read \(No such file or directory\)"):
        latest(tmp_path, "expression").lite_model()


def test_no_version_at_all_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=f"{tmp_path}/expression holds no model"):
        latest(tmp_path, "expression")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"labels": ["one"]}, "labels: Tuple should have at least 2 items"),
        ({"input": {"shape": [48, 48]}}, "input.shape.2: Field required"),
        ({"input": {"shape": [48, 48, 3]}}, "input.shape.2: Input should be 1"),
        ({"files": None}, "files: Input should be an object"),
        ({"version": None}, "version: Input should be a valid integer"),
    ],
)
def test_a_wrong_description_names_file_and_key(tmp_path: Path, changes: dict[str, object], text: str) -> None:
    write(tmp_path, changes=changes)
    with pytest.raises(SetupError, match=rf"1/model.json: {text}"):
        read(tmp_path, "expression", 1)


def test_a_description_of_another_version_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "2", changes={"version": 1})
    with pytest.raises(SetupError, match=r"2/model.json describes version 1; copy the version's folder there again"):
        read(tmp_path, "expression", 2)


def test_labels_are_the_models_own_where_its_folder_is_here(tmp_path: Path) -> None:
    write(tmp_path)
    labels = Labels(tmp_path)
    assert labels("expression", 1) == ("calm", "cross")
    with pytest.raises(SetupError, match=r"2/model.json cannot be read"):
        labels("expression", 2)
    assert labels("expression", 1) == ("calm", "cross")


def test_labels_of_a_model_of_which_nothing_is_here_are_the_eight(tmp_path: Path) -> None:
    write(tmp_path)
    assert Labels(tmp_path)("another", 9) == EXPRESSIONS


def test_labels_that_cannot_be_read_are_taken_for_no_others_and_looked_for_again(tmp_path: Path) -> None:
    file = write(tmp_path) / "model.json"
    whole = file.read_bytes()
    labels = Labels(tmp_path)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SetupError, match=r"1/model.json: Invalid JSON"):
        labels("expression", 1)
    file.write_bytes(whole)
    assert labels("expression", 1) == ("calm", "cross")
