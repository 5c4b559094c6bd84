"""What a recipe says of an epoch."""

import pytest

from training.recipe import Recipe, learning_rate

RECIPE = Recipe(epochs=40, peak_rate=0.2, warm_up=0.1)


@pytest.mark.parametrize(("epoch", "rate"), [(0, 0), (2, 0.1), (20, 0.1), (40, 0)])
def test_the_rate_rises_then_falls_along_a_cosine(epoch: float, rate: float) -> None:
    assert learning_rate(RECIPE, epoch) == pytest.approx(rate, abs=1e-3)


def test_the_rate_never_passes_its_peak() -> None:
    assert max(learning_rate(RECIPE, epoch / 10) for epoch in range(401)) <= RECIPE.peak_rate


def test_faces_vary_less_in_the_last_epochs() -> None:
    assert [Recipe(epochs=10, mild=0.2).is_mild(epoch) for epoch in range(10)] == [False] * 8 + [True] * 2
    assert not Recipe(epochs=10, mild=0).is_mild(9)
