"""From tracks to what is known of a room: pure functions over plain values. All times are seconds since 1970.

The room's distribution is the mean of those who are heard (see `people`); what is believed of it is which mood
explains best what they showed, slice by slice (see `belief`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.aggregator.belief import EVEN, Belief, filled, forward
from services.aggregator.clocks import FARTHEST_S
from services.aggregator.people import FUSIONS, folded, mean, point, voters
from services.aggregator.window import TrackEvidence
from services.contracts.agreement import agreed, pooled
from services.contracts.moods import EXPRESSION_POINTS, EXPRESSIONS, UNKNOWN, Point

PRESENT_S = FARTHEST_S
"""Who was seen within this time counts as there: what comes on a slow way is as old when it comes."""

ORIGIN = Point(0.0, 0.0)
PLACES = {label: EXPRESSION_POINTS[label] for label in EXPRESSIONS}
"""Where the model's labels lie, in their order."""


@dataclass(frozen=True)
class Evidence:
    """What is known of a room.

    Attributes:
        distribution: Probability of each mood that can be decided, summing to 1; empty where nothing is known.
        samples: Observations in the window.
        people: How many were seen just now.
        place: Expected point on the plane, of the expressions before they were folded to moods.
        belief: Probability of each mood behind this; how sure a mood is.
        expressions: The same of the expressions, as if all felt alike; empty where nothing is known.
        unweighed: How much of each mood was shown before the room's answers were weighed, up to a factor; empty where
            they were not.
    """

    distribution: Mapping[str, float] = field(default_factory=dict)
    samples: int = 0
    people: int = 0
    place: Point = ORIGIN
    belief: Mapping[str, float] = field(default_factory=dict)
    expressions: Belief = ()
    unweighed: Mapping[str, float] = field(default_factory=dict)

    def confidence(self, mood: str) -> float:
        """Return how sure a mood is, 0 to 1."""
        return self.belief.get(mood, 0.0)

    @property
    def leader(self) -> str:
        """The most probable mood; `unknown` where nothing is known."""
        return max(self.belief, key=self.belief.__getitem__, default=UNKNOWN)


def fuse(
    tracks: Sequence[TrackEvidence],
    now: float,
    *,
    fusion: str = "average",
    folding: Mapping[str, str] | None = None,
    changes: float,
    begin: Belief = EVEN,
    places: Mapping[str, Point] = PLACES,
    weighed: Mapping[str, float] | None = None,
) -> Evidence:
    """Return what the people of a room say together.

    Args:
        tracks: What is known of each.
        now: The time.
        fusion: Who is heard: a key of `people.FUSIONS`.
        folding: Expression → mood, for those that are not moods of their own.
        changes: Probability that the mood changes within a slice of the window.
        begin: What is believed before the window.
        places: Where what faces say lies on the plane, in the order of beliefs.
        weighed: By what the answers for an expression were multiplied before they came here.
    """
    heard = FUSIONS[fusion](voters(tracks, folding or {}, places))
    votes = [voter.vote for voter in heard]
    believed = [forward(filled(voter.slices), begin, changes) for voter in heard]
    moods = [folded(dict(zip(places, one, strict=True)), folding or {}) for one in believed]
    shown = mean([voter.expressions for voter in heard], votes)
    return Evidence(
        distribution=folded(shown, folding or {}),
        samples=sum(track.samples for track in tracks),
        people=sum(now - track.last_at <= PRESENT_S for track in tracks),
        place=point(shown, places),
        belief=agreed(moods, votes),
        expressions=tuple(pooled(believed, votes)) if heard else (),
        unweighed=folded({label: share / weighed.get(label, 1.0) for label, share in shown.items()}, folding or {})
        if weighed
        else {},
    )
