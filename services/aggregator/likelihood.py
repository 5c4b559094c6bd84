"""Which mood explains best what the model says of a face.

A model has habits: it calls most sad faces sad and many of them neutral, but hardly a neutral one sad. So a sad face
is likelier behind two thirds `sad` and a third `neutral` than a neutral one. What the released model says on average
of each mood's faces (`noise.json`) turns the window's mean into a belief: the posterior of a multinomial with equal
priors (Bayes' rule), in which the window counts as so many independent answers as there was news in it.
"""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from services.contracts.moods import EXPRESSIONS

NOISE = Path(__file__).with_name("noise.json")

UNSEEN = 0.01
"""Share that every answer has with every mood: a few hundred faces cannot say that one never comes."""
NEWS = 0.8
"""Independent answers in an observation of weight 1 at `NEWS_FPS`: the same face is answered alike for a while."""
NEWS_FPS = 5.0
"""Frames beyond so many a second say the same again."""

Habits = Mapping[str, Mapping[str, float]]
"""Mood → answer → logarithm of how often it comes."""


def habits(means: Mapping[str, Mapping[str, float]]) -> Habits:
    """Return a model's habits from its mean answer, a distribution, to each mood's faces."""
    whole = 1 + UNSEEN * len(EXPRESSIONS)
    return {
        mood: {label: math.log((means[mood][label] + UNSEEN) / whole) for label in EXPRESSIONS} for mood in EXPRESSIONS
    }


@lru_cache(1)
def released() -> Habits:
    """Return the released model's habits; the file is read once."""
    table = json.loads(NOISE.read_text())
    rows = table["means"]
    return habits({mood: dict(zip(EXPRESSIONS, row, strict=True)) for mood, row in rows.items()})


def news(weight: float, samples: int, seconds: float) -> float:
    """Return how many independent answers observations are worth.

    Args:
        weight: Sum of their weights.
        samples: Their number.
        seconds: From the first to the last of them.
    """
    return NEWS * weight * min(1.0, NEWS_FPS * (seconds + 1) / max(1, samples))


def belief(distribution: Mapping[str, float], answers: float, model: Habits) -> dict[str, float]:
    """Return the probability of each expression behind a window's mean, summing to 1; empty where nothing is known.

    Args:
        distribution: Mean of what the model said, over expressions.
        answers: How many independent answers it is the mean of.
        model: The model's habits.
    """
    if not distribution:
        return {}
    logs = {
        mood: answers * sum(share * usual[label] for label, share in distribution.items())
        for mood, usual in model.items()
    }
    top = max(logs.values())
    powers = {mood: math.exp(value - top) for mood, value in logs.items()}
    total = sum(powers.values())
    return {mood: power / total for mood, power in powers.items()}
