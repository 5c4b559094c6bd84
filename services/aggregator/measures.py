"""How well shown moods follow true ones, second by second. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from services.contracts.moods import UNKNOWN

TOLD = 0.6
"""Recall from which a mood counts as one that the model can tell."""
HOUR_S = 3600
LATE_S = 5
"""For how long a mood may be over that comes late: so long the last of several seconds does not show yet that another
has begun (`likelihood.HELD_S`: three answers that are new)."""


def together(feelings: Iterable[str], folding: Mapping[str, str]) -> str:
    """Return the mood that people truly have together; `unknown` where what they feel folds to several."""
    moods = {folding.get(one, one) for one in feelings}
    return moods.pop() if len(moods) == 1 else UNKNOWN


@dataclass
class Tally:
    """What was counted over some streams, one shown mood a second.

    Attributes:
        deadline_s: Time within which a true change has to be recognised.
        recall: The model's recall of each mood.
        seconds: Length of the streams.
        wrong: Seconds with a mood that was not the true one.
        unknown: Seconds with `unknown`.
        flaps: Changes of the shown mood, while the true one was constant, that the true one does not explain. The
            first arrival at the true mood is explained, and so is a late one (see `late`); not knowing for a while
            between is no change (`dips` counts that).
        late: First arrivals at a mood that was true until `LATE_S` ago at most, before an arrival at the true one: it
            ended while it was recognised. `wrong` counts how long it is shown then.
        dips: Times that a mood rightly shown was given up for `unknown`.
        delays: Seconds from each true change that could be told to its recognition; infinite where it never was.
    """

    deadline_s: float
    recall: Mapping[str, float]
    seconds: int = 0
    wrong: int = 0
    unknown: int = 0
    flaps: int = 0
    late: int = 0
    dips: int = 0
    delays: list[float] = field(default_factory=list)

    def add(self, truth: Sequence[str], shown: Sequence[str]) -> None:
        """Count one stream: the true and the shown mood of each second."""
        self.seconds += len(truth)
        self.wrong += sum(one not in (true, UNKNOWN) for true, one in zip(truth, shown, strict=True))
        self.unknown += sum(one == UNKNOWN for one in shown)
        begin, before = 0, UNKNOWN
        for mood, seconds in groupby(truth):
            end = begin + sum(1 for _ in seconds)
            spell = shown[begin:end]
            if begin and end - begin >= self.deadline_s and self.recall.get(mood, 0.0) >= TOLD:
                self.delays.append(spell.index(mood) if mood in spell else math.inf)
            before = self._changes(truth, begin, spell, before)
            begin = end

    def copy(self) -> "Tally":
        """Return one that can be added to."""
        return replace(self, delays=list(self.delays))

    def merge(self, other: "Tally") -> None:
        """Add what was counted elsewhere."""
        self.seconds += other.seconds
        self.wrong += other.wrong
        self.unknown += other.unknown
        self.flaps += other.flaps
        self.late += other.late
        self.dips += other.dips
        self.delays += other.delays

    def _changes(self, truth: Sequence[str], begin: int, spell: Sequence[str], before: str) -> str:
        """Count what changes while a true mood lasts and return the last one shown that was not `unknown`.

        Args:
            truth: The true moods of the whole stream.
            begin: When this one begins in it.
            spell: What was shown while it lasted.
            before: What was shown before, `unknown` left out.
        """
        mood = truth[begin]
        arrived, last, came = before == mood, before, set[str]()
        for second, (was, one) in enumerate(zip((before, *spell), spell, strict=False)):
            self.dips += was == mood and one == UNKNOWN and arrived
            if one in (last, UNKNOWN):
                continue
            ended = truth[max(0, begin + second - LATE_S) : begin]
            late = one != mood and one in ended and not came & {one, mood}
            self.late += late
            self.flaps += not late and (arrived or one != mood)
            arrived = one == mood or (arrived and not late)
            last = one
            came.add(one)
        return last

    @property
    def flaps_per_hour(self) -> float:
        """Flaps per hour."""
        return self.flaps * HOUR_S / max(1, self.seconds)

    @property
    def late_per_hour(self) -> float:
        """Late arrivals per hour."""
        return self.late * HOUR_S / max(1, self.seconds)

    @property
    def dips_per_hour(self) -> float:
        """Dips per hour."""
        return self.dips * HOUR_S / max(1, self.seconds)

    @property
    def time_wrong(self) -> float:
        """Share of the time with a wrong mood."""
        return self.wrong / max(1, self.seconds)

    @property
    def time_unknown(self) -> float:
        """Share of the time with `unknown`."""
        return self.unknown / max(1, self.seconds)

    @property
    def recognised_in_time(self) -> float:
        """Share of the true changes to a mood that the model can tell, and that lasted, recognised by the deadline."""
        return sum(delay <= self.deadline_s for delay in self.delays) / max(1, len(self.delays))

    @property
    def delay_p95_s(self) -> float:
        """Delay that 95 % of these changes stay below; infinite where more than 5 % were never recognised."""
        ranked = sorted(self.delays)
        return ranked[math.ceil(0.95 * len(ranked)) - 1] if ranked else math.inf
