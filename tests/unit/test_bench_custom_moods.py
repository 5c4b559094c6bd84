"""Which faces a taught mood learns from, and which ones it is scored on."""

import numpy as np

from services.contracts.moods import EXPRESSIONS
from tests.bench.custom_moods import Answers, halves


def test_no_face_is_both_taught_and_scored_and_expressions_stay_as_common() -> None:
    labels = np.repeat(np.arange(len(EXPRESSIONS)), np.arange(len(EXPRESSIONS)) * 3)
    faces = np.arange(len(labels), dtype=np.float32)[:, None]
    known = Answers(faces, np.zeros((len(labels), len(EXPRESSIONS)), np.float32), labels)
    shown, asked = halves(known, np.random.default_rng(1))
    assert sorted([*shown.embeddings[:, 0], *asked.embeddings[:, 0]]) == faces[:, 0].tolist()
    for half in (shown, asked):
        assert np.array_equal(labels[half.embeddings[:, 0].astype(int)], half.labels)
    assert np.isin(np.bincount(asked.labels, minlength=8) - np.bincount(shown.labels, minlength=8), (0, 1)).all()
