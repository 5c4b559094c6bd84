"""A checkpoint is read as it was written, and never half of one."""

from pathlib import Path

import numpy as np
import pytest

from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, archives
from training.shape import Shape


def state(epoch: int) -> Checkpoint:
    weights = {f"stages.{i}.first.convolution.weight": np.full((2, 3), epoch + i, np.float32) for i in range(12)}
    weights["stem.normalisation.num_batches_tracked"] = np.array(7, np.int64)
    averaged = {name: (array / 2).astype(np.float32) for name, array in weights.items()}
    momentum = {name: np.ones(3, np.float32) for name in list(weights)[:12]}
    return Checkpoint(epoch, weights, averaged, momentum, 12.5)


def test_a_checkpoint_comes_back_by_name_and_type(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "run" / "checkpoint.npz", state(3))
    read = checkpoints.load(tmp_path / "run" / "checkpoint.npz")
    assert read is not None
    assert (read.epoch, read.seconds) == (3, 12.5)
    for wanted, got in ((state(3).weights, read.weights), (state(3).momentum, read.momentum)):
        assert wanted.keys() == got.keys()
        for name, array in wanted.items():
            np.testing.assert_array_equal(got[name], array)
            assert got[name].dtype == array.dtype


def test_no_checkpoint_means_a_fresh_start(tmp_path: Path) -> None:
    assert checkpoints.load(tmp_path / "checkpoint.npz") is None


def test_a_save_that_is_interrupted_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.npz"
    checkpoints.save(path, state(1))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(path, state(2))
    read = checkpoints.load(path)
    assert read is not None
    assert read.epoch == 1


def test_a_finished_run_gives_its_shape_and_its_averages(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "checkpoint.npz", state(3))
    (tmp_path / "recipe.json").write_text('{"network": {"blocks": [1, 2, 1, 1]}}')
    shape, averaged = checkpoints.finished(tmp_path)
    assert shape == Shape(blocks=(1, 2, 1, 1))
    np.testing.assert_array_equal(
        averaged["stages.2.first.convolution.weight"], state(3).averaged["stages.2.first.convolution.weight"]
    )


def test_a_run_that_was_stopped_teaches_nothing_and_is_not_exported(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "checkpoint.npz", state(3))
    (tmp_path / "recipe.json").write_text('{"network": {}, "recipe": {"epochs": 60}}')
    with pytest.raises(SystemExit, match="stopped after 3 of 60 epochs"):
        checkpoints.finished(tmp_path)


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"checkpoint\.npz: no such file"):
        checkpoints.finished(tmp_path)


def test_every_archive_is_known_that_a_run_or_its_teachers_learnt_from() -> None:
    unfolded = {"run": "c", "unfolded_from": {"run": "d", "data_sha256": "first"}}
    lineage = {"run": "a", "data_sha256": "second", "start": unfolded, "teachers": [{"data_sha256": "third"}, "old"]}
    assert archives(lineage) == {"first", "second", "third"}
    assert archives({"run": "a", "start": None}) == set()
