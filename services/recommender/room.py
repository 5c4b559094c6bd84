"""One room: what it feels, what it plays, and the next request to its player.

Knows no bus, no database and no clock of its own.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from pydantic import BaseModel

from services.contracts.messages import Mood, MoodSource, PlayerState, PlayHow, PlayRequest, Policy, SetPolicy, Track
from services.contracts.moods import NOBODY, UNKNOWN, Point
from services.recommender import acting, policy, ranking
from services.recommender.acting import Pending, Plan, Step
from services.recommender.cursor import Cursor, advance, following
from services.recommender.playlists import Pinned
from services.recommender.ranking import Candidate, Ranked
from services.recommender.records import DecisionInfo

HEARD = 2 * ranking.MEMORY_SONGS
"""Songs remembered: twice the memory, since ranking lets a song come back gradually."""


class SavedRoom(BaseModel):
    """What of a room survives a restart."""

    policy: Policy
    cursors: dict[int, Cursor] = {}
    """Where the room is in playlists, by playlist id."""
    heard: tuple[int, ...] = ()
    last_play: UUID | None = None
    forgotten_play: UUID | None = None
    """The play that was going on when its history was deleted: how it ends is not written down."""
    acted_on: Plan | None = None
    """What the songs that wait follow."""
    acted_at: float | None = None
    """When the music was last changed, in seconds since 1970."""


@dataclass(frozen=True)
class Shelf:
    """What can be played: kept in memory, so that music goes on while the database is away."""

    songs: Sequence[Candidate] = ()
    pinned: Mapping[str, Pinned] = field(default_factory=dict)
    """Playlists by the mood they are pinned to."""


@dataclass(frozen=True)
class Decision:
    """A request to the player, and what is written down about it."""

    request: PlayRequest
    record: DecisionInfo


@dataclass(frozen=True)
class Choice:
    """Songs, what they follow and how they are sent; `playlist` is the pinned one's name, empty for ranking."""

    step: Step
    plan: Plan
    mood: Mood
    goal: Point
    playlist: str
    ranked: Sequence[Ranked]


class Room:
    """A room's state and its decisions.

    Args:
        name: The room.
        saved: What survived a restart.
        random: Breaks ties.
    """

    def __init__(self, name: str, saved: SavedRoom, random: Random) -> None:
        self.name = name
        self.policy = saved.policy
        self.tastes: dict[int, float] = {}
        """What the room's experience adds to the score of songs, by id."""
        self._random = random
        self._cursors = dict(saved.cursors)
        self._heard = deque(saved.heard, maxlen=HEARD)
        self.last_play = saved.last_play
        """The play that goes on, or did last."""
        self.forgotten_play = saved.forgotten_play
        self._mood: Mood | None = None
        self._last_clear: Mood | None = None
        self._clear_at = float("-inf")
        self._player: PlayerState | None = None
        self._planned = self._acted_on = saved.acted_on
        self._acted_at = saved.acted_at
        self._acted_steady_s: float | None = None
        self._urgent = False
        self._pending: Pending | None = None

    @property
    def has_player(self) -> bool:
        """Whether a player has spoken."""
        return self._player is not None

    @property
    def saved(self) -> SavedRoom:
        """What is to survive a restart."""
        return SavedRoom(
            policy=self.policy,
            cursors=self._cursors,
            heard=tuple(self._heard),
            last_play=self.last_play,
            forgotten_play=self.forgotten_play,
            acted_on=self._acted_on,
            acted_at=self._acted_at,
        )

    @property
    def complete(self) -> bool:
        """Whether there are a mood and a player: nothing is to be done before."""
        return self._mood is not None and self._player is not None

    def feel(self, mood: Mood) -> None:
        """Take the room's mood."""
        self._mood = mood

    def set_policy(self, command: SetPolicy) -> None:
        """Change the policy; exceptions left out stay."""
        exceptions = self.policy.exceptions if command.exceptions is None else command.exceptions
        self.policy = Policy(mode=command.mode, exceptions=exceptions)

    def hear(self, player: PlayerState) -> bool:
        """Take the player's state; return whether another song plays, which is worth saving."""
        self._player = player
        if self._pending and self._pending.shown_by(acting.present(player)):
            self._pending = None
        if not player.current or player.current.play_id == self.last_play:
            return False
        song_id = player.current.track.song_id
        self.last_play = player.current.play_id
        self._heard.append(song_id)
        if self._acted_on and self._acted_on.playlist:
            playlist, order = self._acted_on.playlist
            self._cursors[playlist] = advance(self._cursors.get(playlist, Cursor()), order, song_id)
        return True

    def decide(self, shelf: Shelf, *, now: float, steady_s: float, ahead: int, act_every_s: float) -> Decision | None:
        """Return the next request, or `None` where all is well or something is still awaited.

        Args:
            shelf: What can be played.
            now: The time, in seconds since 1970.
            steady_s: The time, in seconds of a clock that nobody sets: what has to pass is measured by it.
            ahead: Number of songs that shall wait.
            act_every_s: Least time between two changes of the music that nobody asked for.
        """
        if not self._mood:
            return None
        mood = self._effective(self._mood, steady_s)
        if not self._player or (self._pending and steady_s < self._pending.until):
            return None
        pinned = shelf.pinned.get(mood.mood)
        plan = self._plan(mood, pinned)
        if acting.silent(plan):
            return None
        self._compare(plan, mood)
        step = acting.next_step(
            plan=plan,
            acted_on=self._acted_on,
            waiting=len(self._player.queue),
            playing=self._player.current is not None,
            ahead=ahead,
            may_replace=self._urgent or self._acted_ago_s(now, steady_s) >= act_every_s,
            retry=self._pending is not None,
        )
        goal = policy.target(plan.mode, acting.point_of(mood), now - mood.since.timestamp())
        ranked = self._choose(step, goal, pinned, shelf) if step and goal else []
        if not step or not goal or not ranked:
            return None
        name = pinned.name if pinned and plan.playlist else ""
        choice = Choice(step, plan, mood, goal, name, ranked)
        self._remember(choice, now, steady_s)
        return _decision(self.name, choice, now)

    def _acted_ago_s(self, now: float, steady_s: float) -> float:
        """Return how long ago the music was last changed: over a restart by the clock of the day, which may be set."""
        if self._acted_at is None:
            return float("inf")
        if self._acted_steady_s is None:
            self._acted_steady_s = steady_s - max(0.0, now - self._acted_at)
        return steady_s - self._acted_steady_s

    def _effective(self, mood: Mood, steady_s: float) -> Mood:
        """Return the mood that counts; what a person says holds while they say it, and says nothing of afterwards."""
        if mood.mood not in {UNKNOWN, NOBODY} and mood.source is not MoodSource.OVERRIDE:
            self._last_clear, self._clear_at = mood, steady_s
        return acting.effective(mood, self._last_clear, steady_s - self._clear_at)

    def _plan(self, mood: Mood, pinned: Pinned | None) -> Plan:
        playlist = (pinned.id, tuple(song.id for song in pinned.songs)) if pinned and pinned.songs else None
        return Plan(mood.mood, mood.source, policy.mode_for(self.policy, mood.mood), playlist)

    def _compare(self, plan: Plan, mood: Mood) -> None:
        """Find out whether what waits follows the plan already, and whether a change of it can wait."""
        assert self._player is not None
        first = self._planned is None
        self._urgent = self._urgent or acting.urgent(plan, self._planned)
        self._planned = plan
        settled = (first or not self._urgent) and acting.queued_for(self._player, mood)
        if settled or plan.fits(self._acted_on):
            self._acted_on, self._urgent = plan, False

    def _choose(self, step: Step, goal: Point, pinned: Pinned | None, shelf: Shelf) -> list[Ranked]:
        assert self._player is not None
        waiting = acting.waiting(self._player) if step.how is PlayHow.APPEND else []
        if pinned and pinned.songs:
            cursor = self._cursors.get(pinned.id, Cursor())
            playing = self._player.current.track.song_id if self._player.current and not waiting else None
            songs = following(cursor, pinned.songs, waiting, step.count, playing=playing)
            return [Ranked(song, 0.0, 0.0) for song in songs]
        return ranking.pick(
            shelf.songs, goal, step.count, before=[*self._heard, *waiting], tastes=self.tastes, random=self._random
        )

    def _remember(self, choice: Choice, now: float, steady_s: float) -> None:
        assert self._player is not None
        tries = self._pending.tries + 1 if self._pending else 0
        songs = tuple(one.song.id for one in choice.ranked)
        before = frozenset(acting.present(self._player))
        self._pending = Pending(songs, before, steady_s + acting.echo_timeout_s(tries), tries)
        if choice.step.how is PlayHow.REPLACE_NEXT:
            self._acted_on, self._urgent = choice.plan, False
            self._acted_at, self._acted_steady_s = now, steady_s


def _decision(room: str, choice: Choice, now: float) -> Decision:
    mood, plan, goal = choice.mood, choice.plan, choice.goal
    reason = policy.reason(mood, plan.mode, goal, choice.playlist, choice.ranked[0].distance)
    tracks = tuple(_track(one.song) for one in choice.ranked)
    request = PlayRequest(decision_id=mood.decision_id, tracks=tracks, how=choice.step.how, reason=reason)
    record = DecisionInfo(
        id=request.id,
        decision_id=mood.decision_id,
        room=room,
        decided_at=datetime.fromtimestamp(now, UTC),
        mood=mood.mood,
        mode=plan.mode,
        target_valence=goal.valence,
        target_arousal=goal.arousal,
        playlist=choice.playlist or None,
        how=choice.step.how,
        reason=reason,
        songs=[{"song_id": one.song.id, "score": one.score, "distance": one.distance} for one in choice.ranked],
    )
    return Decision(request, record)


def _track(song: Candidate) -> Track:
    return Track(
        song_id=song.id,
        title=song.title,
        artist=song.artist,
        uri=song.uri,
        duration_s=song.duration_s,
        valence=song.point.valence,
        arousal=song.point.arousal,
    )
