"""A checkpoint is read as it was written, and never half of one."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint


def state(epoch: int) -> Checkpoint:
    weights = [np.full((2, 3), epoch, np.float32) for _ in range(12)]
    weights[10] += 1
    averaged = [(w / 2).astype(np.float32) for w in weights]
    optimizer: list[NDArray[np.generic]] = [np.array(7, np.int64), np.ones(3, np.float32)]
    return Checkpoint(epoch, weights, averaged, optimizer, 12.5)


def test_a_checkpoint_comes_back_in_order_and_type(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "run" / "checkpoint.npz", state(3))
    read = checkpoints.load(tmp_path / "run" / "checkpoint.npz")
    assert read is not None
    assert (read.epoch, read.seconds) == (3, 12.5)
    for wanted, got in zip(state(3).weights, read.weights, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert [v.dtype for v in read.optimizer] == [np.int64, np.float32]


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
