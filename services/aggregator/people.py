"""From tracks to people, and how much each of them counts: pure functions over plain values.

Nobody is identified. A track breaks whenever a face turns away, and a second camera sees the same face again; each
would then have two votes in the room's mood. So tracks of one camera that follow each other count as one person, and
so do two that two cameras see at the same time with a similar expression. Where that is wrong (two people who take
turns, or who feel alike before different cameras) they have one vote instead of two, which changes little.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.aggregator.likelihood import distance, listed, over_greatest
from services.aggregator.window import TrackEvidence
from services.contracts.moods import EXPRESSION_POINTS, Point

ALIKE = 0.35
"""Greatest total variation distance (half the sum of differences, 0 to 1) between two views of the same face: noise
of the model within a window stays below, two different clear expressions are at 0.6 and more."""
HALF = 0.5
"""What each of two cameras that see the same face counts: their answers are no two."""
HALF_VOTE = 0.5
"""Weight at which a person has half a vote, by judgement: about two good observations. Who is seen for a few
seconds has nearly a whole one, so that who is seen more often does not count more."""
THERE = 0.5
"""Least vote of a person who counts as seen where heads are counted: who has it keeps one who differs from being
sure for both."""


def people(tracks: Sequence[TrackEvidence]) -> list[TrackEvidence]:
    """Return the evidence of each person that the tracks may be of."""
    if len(tracks) < 2:  # noqa: PLR2004 -- nobody to be confused with
        return list(tracks)
    views: dict[str, list[TrackEvidence]] = {}
    for track in sorted(tracks, key=lambda track: track.first_at):
        _take_seat(views.setdefault(track.camera, []), track)
    first, *others = sorted(views.values(), key=len, reverse=True)
    for other in others:
        first = _matched(first, other)
    return first


def _take_seat(seats: list[TrackEvidence], track: TrackEvidence) -> None:
    """Let a track go on where an earlier one of its camera ended last, or else be another person."""
    free = [index for index, seat in enumerate(seats) if seat.last_at < track.first_at]
    if free:
        last = max(free, key=lambda index: seats[index].last_at)
        seats[last] = _together(seats[last], track, 1.0)
    else:
        seats.append(track)


def _matched(known: Sequence[TrackEvidence], others: Sequence[TrackEvidence]) -> list[TrackEvidence]:
    """Return the people of two views, the most similar pairs first; each has at most one counterpart."""
    pairs = sorted(
        (_apart(one.distribution, two.distribution), here, there)
        for here, one in enumerate(known)
        for there, two in enumerate(others)
        if one.first_at <= two.last_at and two.first_at <= one.last_at
    )
    counterparts: dict[int, int] = {}
    for apart, here, there in pairs:
        if apart <= ALIKE and here not in counterparts and there not in counterparts.values():
            counterparts[here] = there
    found = [
        _together(one, others[counterparts[here]], HALF) if here in counterparts else one
        for here, one in enumerate(known)
    ]
    return found + [two for there, two in enumerate(others) if there not in counterparts.values()]


def _apart(one: Mapping[str, float], two: Mapping[str, float]) -> float:
    labels = [*one, *(two.keys() - one.keys())]
    return distance(listed(one, labels), listed(two, labels))


def _together(one: TrackEvidence, two: TrackEvidence, part: float) -> TrackEvidence:
    """Join two views of a face; where both saw it at a time, `part` of what they speak for counts."""
    return replace(
        one,
        distribution=mean([one.distribution, two.distribution], [one.weight, two.weight]),
        weight=one.weight + two.weight,
        samples=one.samples + two.samples,
        last_at=max(one.last_at, two.last_at),
        first_at=min(one.first_at, two.first_at),
        slices={**one.slices, **two.slices}
        | {
            number: over_greatest(
                [(a * b) ** part for a, b in zip(one.slices[number], two.slices[number], strict=True)]
            )
            for number in one.slices.keys() & two.slices.keys()
        },
    )


def mean(distributions: Sequence[Mapping[str, float]], weights: Sequence[float]) -> dict[str, float]:
    """Return the weighted mean of distributions; empty where nothing weighs anything."""
    total = sum(weights)
    sums: dict[str, float] = {}
    for weight, distribution in zip(weights, distributions, strict=True):
        if weight > 0:
            for label, probability in distribution.items():
                sums[label] = sums.get(label, 0.0) + weight * probability
    return {label: value / total for label, value in sums.items()}


def point(distribution: Mapping[str, float], places: Mapping[str, Point] = EXPRESSION_POINTS) -> Point:
    """Return the expected point on the plane: the whole distribution counts, not its winner alone.

    The expressions' coordinates and their sources stand in `contracts.moods`.
    """
    valence = sum(share * places[label].valence for label, share in distribution.items())
    arousal = sum(share * places[label].arousal for label, share in distribution.items())
    return Point(max(-1.0, min(1.0, valence)), max(-1.0, min(1.0, arousal)))


def folded(distribution: Mapping[str, float], folding: Mapping[str, str]) -> Mapping[str, float]:
    """Return the probability of each mood that expressions are folded to; those left out are their own."""
    if not folding:
        return distribution
    sums: dict[str, float] = {}
    for label, probability in distribution.items():
        mood = folding.get(label, label)
        sums[mood] = sums.get(mood, 0.0) + probability
    return sums


@dataclass(frozen=True)
class Voter:
    """A person as a fusion sees them: expressions, what they fold to, a vote of 0 to 1, slices, and a place."""

    expressions: Mapping[str, float]
    moods: Mapping[str, float]
    vote: float
    slices: Mapping[int, Sequence[float]]
    place: Point


def voters(
    tracks: Sequence[TrackEvidence], folding: Mapping[str, str], places: Mapping[str, Point] = EXPRESSION_POINTS
) -> list[Voter]:
    """Return those who have something to say."""
    return [
        Voter(
            track.distribution,
            folded(track.distribution, folding),
            track.weight / (track.weight + HALF_VOTE),
            track.slices,
            point(track.distribution, places),
        )
        for track in tracks
        if track.distribution
    ]


Fusion = Callable[[Sequence[Voter]], Sequence[Voter]]


def average(everyone: Sequence[Voter]) -> Sequence[Voter]:
    """Hear everyone."""
    return everyone


def majority(everyone: Sequence[Voter]) -> Sequence[Voter]:
    """Hear those whose moods are led by the same one, if they are more than half of those seen; else everyone.

    Heads count here, however well each is seen; who is hardly seen is not there yet.
    """
    there = [voter for voter in everyone if voter.vote >= THERE]
    sides: dict[str, list[Voter]] = {}
    for voter in there:
        sides.setdefault(max(voter.moods, key=voter.moods.__getitem__), []).append(voter)
    return next((side for side in sides.values() if 2 * len(side) > len(there)), everyone)


def strongest(everyone: Sequence[Voter]) -> Sequence[Voter]:
    """Hear who shows most: whose point is farthest from the plane's origin, which is indifference (Russell 1980)."""
    return [max(everyone, key=lambda voter: voter.vote * math.hypot(*voter.place))] if everyone else []


FUSIONS: Mapping[str, Fusion] = {"average": average, "majority": majority, "strongest": strongest}
"""By the setting's word."""
