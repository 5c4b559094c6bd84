"""What a room plays, as a value: every function takes a session and returns the next one, with what happened.

Times are seconds since the epoch, passed in. New play ids come from a source that is passed in.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from services.contracts.messages import EventType, Playback, PlayerAction, PlayHow, QueuedTrack

MAX_QUEUE = 100
MAX_RECENT = 50
MAX_FAILURES = 5
"""Songs in a row that cannot be played before the music holds."""
RESTART_AFTER_S = 3.0
"""`previous` starts the current song again when more of it was heard than this."""
HEARD_S = 1.0
"""A song of which this much was heard is no failure."""


@dataclass(frozen=True)
class Session:
    """What plays, what comes, what was.

    Attributes:
        current: The song that plays or is held.
        position_s: Where it was at `at`; see `position`.
        at: When that was.
        playing: Whether music is wanted.
        away: Whether the backend is away, so that time stands still.
        volume: 0 to 100.
        queue: What comes next, at most `MAX_QUEUE`.
        recent: What was current, newest last, at most `MAX_RECENT`.
        failures: Songs in a row that could not be played.
        cue: Rises with every song and every jump in one: the backend has to load.
    """

    current: QueuedTrack | None = None
    position_s: float = 0
    at: float = 0
    playing: bool = True
    away: bool = True
    volume: int = 70
    queue: tuple[QueuedTrack, ...] = ()
    recent: tuple[QueuedTrack, ...] = ()
    failures: int = 0
    cue: int = 0

    @property
    def gave_up(self) -> bool:
        """Whether so many songs failed in a row that none is tried before someone asks for music again."""
        return self.failures >= MAX_FAILURES and not self.playing

    @property
    def played(self) -> tuple[QueuedTrack, ...]:
        """What was started lately, newest last."""
        return (*self.recent, self.current) if self.current else self.recent

    @property
    def playback(self) -> Playback:
        """What a listener hears: a wanted song whose backend is away counts as paused."""
        if self.current is None:
            return Playback.STOPPED
        return Playback.PLAYING if self.playing and not self.away else Playback.PAUSED


class Happening(NamedTuple):
    """A track event: what happened to which song, and where in it."""

    type: EventType
    track: QueuedTrack
    position_s: float


Step = tuple[Session, tuple[Happening, ...]]


def position(session: Session, now: float) -> float:
    """Return where the song is, in seconds; it never passes the song's end nor runs backwards with the clock."""
    ran_s = max(0.0, now - session.at) if session.playback is Playback.PLAYING else 0.0
    end_s = session.current.track.duration_s if session.current else None
    reached_s = session.position_s + ran_s
    return min(reached_s, max(end_s, session.position_s)) if end_s else reached_s


def anchored(session: Session, now: float) -> Session:
    """Return the same session with its position said for `now`."""
    return replace(session, position_s=position(session, now), at=now)


def observed(session: Session, position_s: float, now: float) -> Session:
    """Take the backend's word for where the song is."""
    failures = 0 if position_s > HEARD_S else session.failures
    return replace(session, position_s=position_s, at=now, failures=failures)


def present(session: Session, now: float, *, away: bool) -> Session:
    """Stop or start the time with the backend's going and coming."""
    return session if session.away == away else replace(anchored(session, now), away=away)


def restored(session: Session, now: float) -> Session:
    """Return a saved session as it goes on after a restart: from its position, when a backend is there."""
    return replace(session, at=now, away=True, failures=0, cue=0)


def enqueue(session: Session, tracks: tuple[QueuedTrack, ...], how: PlayHow, now: float) -> Step:
    """Take songs in; what does not fit into the queue is left out. Nothing current: the first one starts.

    A first song that plays by now is left out: it was chosen before, as happens while the broker is away.
    """
    if how is PlayHow.REPLACE:
        return _begin(replace(session, queue=tracks[:MAX_QUEUE], playing=True), now, EventType.TRACK_SKIPPED)
    before = session.queue if how is PlayHow.APPEND else ()
    if not before and len(tracks) > 1 and _plays(session, tracks[0]):
        tracks = tracks[1:]
    session = replace(session, queue=(before + tracks)[:MAX_QUEUE])
    return (session, ()) if session.current else _begin(session, now)


def _plays(session: Session, song: QueuedTrack) -> bool:
    return session.current is not None and session.current.track.uri == song.track.uri


def finish(session: Session, now: float) -> Step:
    """Go on after a song that was played to its end."""
    return _begin(replace(session, failures=0), now, EventType.TRACK_FINISHED)


def fail(session: Session, now: float) -> Step:
    """Go on after a song that cannot be played; after `MAX_FAILURES` in a row the music holds."""
    failures = session.failures + 1
    playing = session.playing and failures < MAX_FAILURES
    return _begin(replace(session, failures=failures, playing=playing), now)


def act(
    session: Session, action: PlayerAction, value: float | None, now: float, new_id: Callable[[], UUID]
) -> Step | None:
    """Do what a listener asks for.

    Args:
        session: The session.
        action: What to do.
        value: The volume (0 to 100) or the position in seconds, for `volume` and `seek`.
        now: The time.
        new_id: Source of play ids, for songs that `previous` queues again.

    Returns:
        The next session and what happened, or `None` where the action needs a song and there is none.
    """
    step: Step | None = None
    match action:
        case PlayerAction.PLAY | PlayerAction.PAUSE:
            step = _hold(session, now, playing=action is PlayerAction.PLAY)
        case PlayerAction.VOLUME:
            step = replace(session, volume=round(value or 0)), ()
        case PlayerAction.NEXT if session.current or session.queue:
            step = _begin(replace(session, playing=True), now, EventType.TRACK_SKIPPED)
        case PlayerAction.PREVIOUS if session.current or session.recent:
            step = _previous(session, now, new_id)
        case PlayerAction.SEEK if session.current:
            step = _jump(session, value or 0, now), ()
        case PlayerAction.LIKE if session.current:
            step = session, (Happening(EventType.TRACK_LIKED, session.current, position(session, now)),)
        case PlayerAction.DISLIKE if session.current:
            disliked = Happening(EventType.TRACK_DISLIKED, session.current, position(session, now))
            after, happenings = _begin(session, now, EventType.TRACK_SKIPPED)
            step = after, (disliked, *happenings)
    return step


def _hold(session: Session, now: float, *, playing: bool) -> Step:
    session = replace(anchored(session, now), playing=playing, failures=0 if playing else session.failures)
    return _begin(session, now) if playing and not session.current and session.queue else (session, ())


def _jump(session: Session, position_s: float, now: float) -> Session:
    end_s = session.current.track.duration_s if session.current else None
    return replace(session, position_s=min(position_s, end_s or position_s), at=now, cue=session.cue + 1)


def _begin(session: Session, now: float, ended: EventType | None = None) -> Step:
    """Make the queue's first song current; the current one, if any, ends in the way that is said."""
    happenings = []
    recent = session.recent
    if session.current:
        recent = (*recent, session.current)[-MAX_RECENT:]
        if ended:
            happenings.append(Happening(ended, session.current, position(session, now)))
    current, queue = (session.queue[0], session.queue[1:]) if session.queue else (None, ())
    if current:
        happenings.append(Happening(EventType.TRACK_STARTED, current, 0))
    session = replace(session, current=current, queue=queue, recent=recent)
    return replace(session, position_s=0, at=now, cue=session.cue + 1), tuple(happenings)


def _previous(session: Session, now: float, new_id: Callable[[], UUID]) -> Step:
    if not session.recent or (session.current and position(session, now) > RESTART_AFTER_S):
        return _jump(replace(session, playing=True), 0, now), ()
    again = [session.recent[-1], *([session.current] if session.current else [])]
    queue = (*(track.model_copy(update={"play_id": new_id()}) for track in again), *session.queue)[:MAX_QUEUE]
    return _begin(replace(session, current=None, queue=queue, recent=session.recent[:-1], playing=True), now)
