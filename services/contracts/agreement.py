"""What people believe together, of whom each shows something of their own. Pure.

The aggregator joins the people of a room so, the photo page the faces of a picture.
"""

import math
from collections.abc import Mapping, Sequence

DOUBTED = 0.005
"""Least that a person's belief in a mood counts as: one of three who is sure of another does not outweigh two, and
does not leave them less sure together than a mood has to be to be entered. Chosen by `python -m tests.bench.tuning`."""
HALF = 0.5
"""Share of the votes, and most that is believed of a mood that no more than so many share: it does not lead."""
SUREST = 0.99
"""What a reading of a taught mood counts as at most."""


def understood(labels: Mapping[str, float], taught: Mapping[str, float]) -> dict[str, float]:
    """Return probabilities of the model's labels and of taught moods, summing to 1.

    The model's labels exclude each other; a taught mood is read by itself, against "none of those that were taught".
    What none of them takes goes to the labels, in their own proportion: odds add up as in a multinomial model whose
    reference is "none" (Agresti, "Categorical Data Analysis", 2013, section 8.1). So the labels keep their order and
    their ratios, whatever is taught.

    Args:
        labels: The probability of each label; they sum to 1.
        taught: How likely each taught mood is by itself, 0 to 1; one that bears a label's name is left out.
    """
    shares = {mood: min(share, SUREST) for mood, share in taught.items() if mood not in labels}
    odds = {mood: share / (1 - share) for mood, share in shares.items()}
    none = 1 / (1 + sum(odds.values()))
    return {label: none * share for label, share in labels.items()} | {mood: none * one for mood, one in odds.items()}


def agreed(moods: Sequence[Mapping[str, float]], votes: Sequence[float]) -> Mapping[str, float]:
    """Return what people believe together; of what no more than half of the votes believe, half at most.

    Args:
        moods: What each believes of the same moods, in the same order; each sums to 1.
        votes: What each counts, above 0.
    """
    if not moods:
        return {}
    together = dict(zip(moods[0], pooled([list(own.values()) for own in moods], votes), strict=True))
    leader = max(together, key=together.__getitem__)
    believing = sum([vote for vote, own in zip(votes, moods, strict=True) if own[leader] > HALF])
    if believing <= HALF * sum(votes):
        together[leader] = min(together[leader], HALF)
    return together


def pooled(beliefs: Sequence[Sequence[float]], votes: Sequence[float]) -> Sequence[float]:
    """Return the logarithmic opinion pool of beliefs, summing to 1 (Genest and Zidek, Statistical Science, 1986).

    No one's belief counts as less than `DOUBTED`, so that one who is very sure does not outweigh all others.
    """
    if len(beliefs) < 2:  # noqa: PLR2004 -- nobody to agree with
        return beliefs[0] if beliefs else ()
    weighed = [
        [vote * math.log(max(share, DOUBTED)) for share in belief] for vote, belief in zip(votes, beliefs, strict=True)
    ]
    powers = [math.exp(sum(logs)) for logs in zip(*weighed, strict=True)]
    total = sum(powers)
    return [power / total for power in powers]
