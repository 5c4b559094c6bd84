"""When a room's queue is changed, and how: tops it up, or replaces what comes next.

Pure: states and times come in as values, in seconds of any one clock.
"""

from collections.abc import Collection
from dataclasses import dataclass

from services.contracts.messages import Mood, MoodSource, PlayerState, PlayHow, PolicyMode
from services.contracts.moods import NOBODY, UNKNOWN, Point

ECHO_S = 10.0
"""Time within which a player shows what it was asked to play; doubled for every further try."""
ECHO_MOST_S = 300.0
CLEAR_HOLDS_S = 600.0
"""How long the last clear mood stands once it is clear no more: two or three songs. That people turn away for a while
changes nothing, but what was seen long ago explains no music."""


@dataclass(frozen=True)
class Plan:
    """What a room's music follows; two equal plans need no change of what is queued.

    Attributes:
        mood: The mood that counts.
        source: Who says it.
        mode: What the policy makes of it.
        playlist: The pinned playlist that is followed, as id and song ids; `None` for ranking.
    """

    mood: str
    source: MoodSource
    mode: PolicyMode
    playlist: tuple[int, tuple[int, ...]] | None = None

    def fits(self, other: "Plan | None") -> bool:
        """Whether what was queued for the other plan is right for this one; who says the mood does not matter."""
        return other is not None and (self.mood, self.mode, self.playlist) == (other.mood, other.mode, other.playlist)


@dataclass(frozen=True)
class Pending:
    """A request that its player has not shown yet.

    Attributes:
        song_ids: What was asked for.
        before: What was playing or waiting then.
        until: When it counts as lost.
        tries: How often it was tried in a row.
    """

    song_ids: tuple[int, ...]
    before: frozenset[int]
    until: float
    tries: int

    def shown_by(self, present: Collection[int]) -> bool:
        """Whether a player with these songs has taken the request."""
        new = set(self.song_ids) - self.before
        return not new.isdisjoint(present) if new else set(self.song_ids) <= set(present)


@dataclass(frozen=True)
class Step:
    """One thing to do."""

    how: PlayHow
    count: int


def silent(plan: Plan) -> bool:
    """Whether nothing is to be queued: nobody would hear it, or the policy says so."""
    return plan.mood == NOBODY or plan.mode is PolicyMode.OFF


def effective(mood: Mood, last_clear: Mood | None, clear_s_ago: float) -> Mood:
    """Return the mood that counts: while it is not clear, the last clear one for a while, then neutral.

    Args:
        mood: The room's mood.
        last_clear: The last one that cameras were sure of.
        clear_s_ago: How long it is no more, in seconds.
    """
    if mood.mood != UNKNOWN:
        return mood
    if last_clear and clear_s_ago < CLEAR_HOLDS_S:
        return last_clear
    return mood.model_copy(update={"valence": 0.0, "arousal": 0.0})


def point_of(mood: Mood) -> Point:
    """Return a mood's point on the plane."""
    return Point(mood.valence, mood.arousal)


def present(player: PlayerState) -> list[int]:
    """Return the ids of the songs that play and wait, in order."""
    return [*([player.current.track.song_id] if player.current else []), *waiting(player)]


def waiting(player: PlayerState) -> list[int]:
    """Return the ids of the songs that wait, in order."""
    return [queued.track.song_id for queued in player.queue]


def queued_for(player: PlayerState, mood: Mood) -> bool:
    """Whether everything that waits was queued for this very decision."""
    return bool(player.queue) and all(queued.decision_id == mood.decision_id for queued in player.queue)


def urgent(plan: Plan, before: Plan | None) -> bool:
    """Whether a change of plan must be heard at the next song: the first one, and everything that a person did."""
    if before is None:
        return True
    if plan.mood == before.mood:
        return not plan.fits(before)
    return MoodSource.OVERRIDE in {plan.source, before.source}


def next_step(
    *, plan: Plan, acted_on: Plan | None, waiting: int, playing: bool, ahead: int, may_replace: bool, retry: bool
) -> Step | None:
    """Return what to do now, for a plan that is not silent.

    Args:
        plan: What music shall follow.
        acted_on: What the queued songs follow; `None` where nothing was queued.
        waiting: Number of songs in the queue.
        playing: Whether a song plays (or is paused).
        ahead: Number of songs that shall wait.
        may_replace: Whether a change of mood may change the music again.
        retry: Whether the last request got lost: what it had to do is done afresh, not twice.
    """
    full = ahead + (0 if playing else 1)
    if retry or (may_replace and not plan.fits(acted_on)):
        return Step(PlayHow.REPLACE_NEXT, full)
    return Step(PlayHow.APPEND, full - waiting) if waiting < full else None


def echo_timeout_s(tries: int) -> float:
    """Return how long a request may stay unseen before it is tried again; `tries` counts from 0."""
    return min(ECHO_S * 2.0 ** min(tries, 10), ECHO_MOST_S)
