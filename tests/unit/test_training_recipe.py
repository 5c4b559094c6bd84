"""What a recipe says of an epoch."""

import pytest

from training.recipe import Recipe, learning_rate, side_of

RECIPE = Recipe(epochs=40, peak_rate=0.2, warm_up=0.1, small=0.5, small_px=32)


@pytest.mark.parametrize(("epoch", "rate"), [(0, 0), (2, 0.1), (20, 0.1), (40, 0)])
def test_the_rate_rises_then_falls_along_a_cosine(epoch: float, rate: float) -> None:
    assert learning_rate(RECIPE, epoch) == pytest.approx(rate, abs=1e-3)


def test_the_rate_never_passes_its_peak() -> None:
    assert max(learning_rate(RECIPE, epoch / 10) for epoch in range(401)) <= RECIPE.peak_rate


@pytest.mark.parametrize(("epoch", "side"), [(0, 32), (19, 32), (20, 48), (39, 48)])
def test_faces_are_small_at_first(epoch: int, side: int) -> None:
    assert side_of(RECIPE, epoch) == side
