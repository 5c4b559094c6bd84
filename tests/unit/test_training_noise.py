"""The sample of the model's answers keeps what it is sampled for."""

import numpy as np
import pytest

from training.noise import PARTS, in_parts, noise, thinned


def answers(count: int) -> np.ndarray:
    return np.random.default_rng(1).dirichlet([2, *[0.4] * 7], count).astype(np.float32)


def test_thinning_keeps_the_share_of_right_answers() -> None:
    rows = answers(3000)
    kept = thinned(rows, 0, 200)
    assert len(kept) == 200
    assert np.mean(kept.argmax(axis=1) == 0) == pytest.approx(np.mean(rows.argmax(axis=1) == 0), abs=0.03)


def test_parts_sum_to_a_whole() -> None:
    assert {sum(in_parts(row)) for row in answers(100)} == {PARTS}


def test_the_table_has_every_label() -> None:
    table = noise(answers(80), np.repeat(np.arange(8), 10))
    assert [len(rows) for rows in table["answers"].values()] == [10] * 8
    assert table["recall"]["neutral"] > table["recall"]["happy"]
