"""What reads a taught mood: how right it is, how sure, and what it keeps out of."""

import numpy as np
import pytest

from services.contracts.moods import EXPRESSIONS as LABELS
from services.contracts.moods import TAUGHT_SHARE
from services.inference.heads import CERTAIN, Embeddings, Head, Numbers, fit

SIZE = 32
NEUTRAL = {"neutral": 0.9, "sad": 0.1}
ALL_NEUTRAL = np.eye(len(LABELS), dtype=np.float32)[:1]


def faces(count: int, *, shift: float = 0.0, seed: int = 1) -> Embeddings:
    """Faces of one person; a shift of 1 is as far as their own spread."""
    drawn = np.random.default_rng(seed).normal(5, 1, (count, SIZE))
    drawn[:, 0] += shift
    return drawn.astype(np.float32)


def odds(head: Head, of: Embeddings) -> Numbers:
    probabilities: Numbers = head.read(of, np.repeat(ALL_NEUTRAL, len(of), axis=0), LABELS)
    return probabilities


def test_a_mood_is_found_in_faces_that_were_never_shown() -> None:
    head, check = fit(faces(60, shift=8), faces(40, seed=2), NEUTRAL)
    assert (check.recognised, check.mistaken) == (1.0, 0.0)
    assert (odds(head, faces(200, shift=8, seed=3)) > 0.5).mean() > 0.97
    assert odds(head, faces(200, seed=4)).max() < 0.5


def test_what_cannot_be_told_apart_is_said_to_be_so() -> None:
    _, check = fit(faces(60), faces(60, seed=2), NEUTRAL)
    assert (check.recognised + 1 - check.mistaken) / 2 == pytest.approx(0.5, abs=0.2)


def test_its_certainty_is_how_often_it_is_right() -> None:
    head, _ = fit(faces(150, shift=1.5), faces(60, seed=2), NEUTRAL)
    rare, common = round(8000 * TAUGHT_SHARE), round(8000 * (1 - TAUGHT_SHARE))
    said = np.concatenate([odds(head, faces(rare, shift=1.5, seed=3)), odds(head, faces(common, seed=4))]) / CERTAIN
    truth = np.repeat([1, 0], [rare, common])
    for low in np.arange(0.1, 0.9, 0.2):
        inside = (said >= low) & (said < low + 0.2)
        assert truth[inside].mean() == pytest.approx(said[inside].mean(), abs=0.12)


def test_no_answer_is_certain() -> None:
    head, _ = fit(faces(200, shift=40), faces(60, seed=2), NEUTRAL)
    assert odds(head, faces(10, shift=1000)).max() <= CERTAIN


@pytest.mark.parametrize(("label", "open_"), [("neutral", 1.0), ("sad", 1.0), ("happy", 0.0)])
def test_it_stays_out_of_faces_that_the_model_reads_as_it_read_none_of_those_shown(label: str, open_: float) -> None:
    head, _ = fit(faces(60, shift=6), faces(40, seed=2), NEUTRAL)
    shown = faces(20, shift=6, seed=3)
    said = np.repeat(np.eye(len(LABELS), dtype=np.float32)[[LABELS.index(label)]], len(shown), axis=0)
    read = head.read(shown, said, LABELS)
    assert read == pytest.approx(open_ * odds(head, shown))


def test_labels_may_come_in_any_order() -> None:
    head, _ = fit(faces(60, shift=6), faces(40, seed=2), NEUTRAL)
    shown, turned = faces(5, shift=6), LABELS[::-1]
    assert head.read(shown, np.repeat(ALL_NEUTRAL[:, ::-1], 5, axis=0), turned) == pytest.approx(odds(head, shown))


def test_numbers_that_never_vary_break_nothing() -> None:
    still = np.zeros((60, SIZE), np.float32)
    head, check = fit(still, still[:20], NEUTRAL)
    assert np.isfinite(head.weights).all()
    assert 0 <= check.recognised <= 1


def test_the_measure_of_the_numbers_does_not_matter() -> None:
    near, far = (fit(scale * faces(60, shift=3), scale * faces(40, seed=2), NEUTRAL)[0] for scale in (1e-2, 1e3))
    of = faces(50, shift=3, seed=5)
    assert odds(near, 1e-2 * of) == pytest.approx(odds(far, 1e3 * of), abs=0.01)
