"""What one answer of the model speaks for, and how much of it is new. Pure.

The model's answer to a face is a posterior: what it saw, times how common each expression was among its training
faces. Divided by these shares it is the likelihood of the face under each expression, up to a factor ("scaled
likelihoods", Bourlard and Morgan, Connectionist Speech Recognition, 1994). Logarithms of likelihoods add up over
answers that are independent, which the frames of one face are not: it is misread alike for seconds. So an answer
counts by how far it differs from the one before, or by how long that has held.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul, sub
from pathlib import Path
from statistics import fmean

from services.contracts.moods import EXPRESSIONS, TAUGHT_SHARE

NOISE = Path(__file__).with_name("noise.json")
PARTS = 1000
"""In what the shares of its answers are counted."""
LEAST_SHARE = 0.002
"""Share below which an answer says no more of an expression than that it is hardly there: two of `PARTS`."""
NEUTRAL = "neutral"

DOUBT = 0.01
"""Share of every answer that speaks for all expressions alike: no single one is wholly sure. Chosen, as are `SHRINK`,
`NEW`, `HELD_S` and `INDEPENDENT`, by `python -m tests.bench.tuning`."""
SHRINK = 0.85
"""Power of the shares that answers are divided by: those of rare expressions rest on few faces."""
NEW = 0.2
"""Total variation distance (0 to 1) from which an answer is another one altogether; up to half of it is flicker."""
HELD_S = 1.5
"""Time after which the same answer is as good as a new one."""
GOOD = 0.7
"""Quality from which a face counts whole; below, it counts less by the square: a turned one is read at random.
The middle of what a face that looks at the camera has in the simulated rooms (0.5 to 0.9)."""
INDEPENDENT = 0.8
"""What a new answer counts: all of them are still of the same face in the same light."""

MOST_NEWS_PER_S = 2.0
"""Independent answers that a face can give in a second, however fast its camera is and however it flickers: three
times what a face gives that holds still (one in `HELD_S`)."""

LEAST = 1e-100
"""Likelihood of an expression over the greatest one, at least: however long a window's slices are, two of them can be
multiplied and something is left."""

MOST_ENTROPY = math.log(len(EXPRESSIONS))

Answer = Sequence[float]
"""The probability of each of `EXPRESSIONS`, and of taught moods behind them, summing to 1."""
Scale = Sequence[float]
"""By what the probability of each is multiplied to make it a likelihood."""


@dataclass(frozen=True)
class Measured:
    """A model whose answers to faces with a known expression were counted.

    Attributes:
        version: Its version, as observations carry it.
        scale: By what its answers become likelihoods.
        resting: Its mean answer to a neutral face.
        resting_logs: The mean of the logarithm of each share of such an answer (see `logarithms`).
    """

    version: int
    scale: Scale
    resting: Mapping[str, float]
    resting_logs: Mapping[str, float]


@lru_cache(1)
def released() -> Measured:
    """Return the released model, by its answers to validation faces; the file is read once."""
    table = json.loads(NOISE.read_text())
    weighed = [[table["frequency"][mood] * share for share in table["means"][mood]] for mood in EXPRESSIONS]
    resting = zip(*[logarithms([part / PARTS for part in row]) for row in table["answers"][NEUTRAL]], strict=True)
    return Measured(
        table["model_version"],
        scale([math.fsum(column) for column in zip(*weighed, strict=True)]),
        dict(zip(EXPRESSIONS, table["means"][NEUTRAL], strict=True)),
        dict(zip(EXPRESSIONS, map(fmean, resting), strict=True)),
    )


def logarithms(answer: Answer) -> list[float]:
    """Return the logarithm of each share, of `LEAST_SHARE` at least."""
    return [math.log(max(share, LEAST_SHARE)) for share in answer]


def known(version: int) -> bool:
    """Whether a model's answers were counted; a version that is not said (0) is taken for the released one."""
    return version in {0, released().version}


@lru_cache(64)
def scale_of(version: int, taught: int = 0) -> Scale:
    """Return the scale of a model: of one that is not known, halfway between the released one's and none at all.

    Args:
        version: The model's.
        taught: How many moods are read besides; each is told from all else by itself, with a prior of its own.
    """
    model = released().scale if known(version) else _broad()
    return [*model, *scale([TAUGHT_SHARE] * taught)]


@lru_cache(1)
def _broad() -> Scale:
    return [math.sqrt(factor) for factor in released().scale]


def forget_scales() -> None:
    """Work out the scales anew when they are asked for next, as after a change of `SHRINK`."""
    for cached in (released, scale_of, _broad):
        cached.cache_clear()


def scale(common: Sequence[float]) -> Scale:
    """Return the scale of a model by how common each of `EXPRESSIONS` is among its answers."""
    return [share**-SHRINK for share in common]


def support(answer: Answer, by: Scale) -> list[float]:
    """Return the logarithm of the likelihood of an answer under each of `EXPRESSIONS`, up to a constant."""
    scaled = list(map(mul, answer, by))
    sure, doubt = (1 - DOUBT) / sum(scaled), DOUBT / len(scaled)
    return [math.log(sure * one + doubt) for one in scaled]


def over_greatest(likelihoods: Sequence[float]) -> list[float]:
    """Return likelihoods over the greatest of them, `LEAST` to 1."""
    top = max(likelihoods)
    return [max(LEAST, one / top) for one in likelihoods]


def news(answer: Answer, before: Answer | None, seconds: float, quality: float) -> float:
    """Return how many independent answers an answer is worth, 0 to `INDEPENDENT`.

    Args:
        answer: What the model says of a face.
        before: What it said of the same one last; `None` where this is the first.
        seconds: Time since then; of one that was overtaken, below 0, nothing is left to count but a difference.
        quality: Fitness of the picture, 0 to 1.
    """
    fit = INDEPENDENT * min(1.0, quality / GOOD) ** 2
    if before is None:
        return fit
    return fit * min(1.0, max(2 * distance(answer, before) / NEW - 1, seconds / HELD_S, 0.0))


def listed(distribution: Mapping[str, float], labels: Iterable[str] = EXPRESSIONS) -> Answer:
    """Return a distribution as an answer; what it leaves out is 0."""
    return [distribution.get(label, 0.0) for label in labels]


def distance(one: Answer, two: Answer) -> float:
    """Return the total variation distance of two distributions: half the sum of differences, 0 to 1."""
    return math.fsum(map(abs, map(sub, one, two))) / 2


def certainty(answer: Answer) -> float:
    """Return how sure a distribution is, 0 to 1: 1 less its entropy (Shannon 1948) over that of `EXPRESSIONS` alike.

    That is the greatest entropy without taught moods; an answer with them can have more, and is as unsure then: 0.
    """
    entropy = -sum([p * math.log(p) for p in answer if p > 0])
    return min(1.0, max(0.0, 1 - entropy / MOST_ENTROPY))
