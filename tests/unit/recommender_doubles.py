"""Makers of moods and songs, and a player that follows a script, for the recommender's tests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from services.contracts.channels import EVENTS, PLAY, PLAYER
from services.contracts.messages import (
    Event,
    EventType,
    Mood,
    MoodSource,
    Playback,
    PlayerState,
    PlayRequest,
    QueuedTrack,
    Track,
)
from services.contracts.moods import MOOD_POINTS, Point
from services.player.session import Session, Step, enqueue, finish
from services.recommender.ranking import Candidate
from services.runtime.bus import Bus, Delivery

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
START_S = NOON.timestamp()
EVER = {"start": datetime(1970, 1, 1, tzinfo=UTC), "end": datetime(9000, 1, 1, tzinfo=UTC)}
"""All time, as histories are asked for it."""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START_S

    def __call__(self) -> float:
        return self.now


def mood_of(
    name: str, *, source: MoodSource = MoodSource.CAMERA, decision_id: UUID | None = None, since: datetime = NOON
) -> Mood:
    """Return a room's mood; unknown and nobody lie at the origin."""
    point = MOOD_POINTS.get(name, Point(0, 0))
    return Mood(
        mood=name,
        confidence=0.72,
        valence=point.valence,
        arousal=point.arousal,
        people=1,
        window_s=15,
        samples=60,
        since=since,
        source=source,
        decision_id=decision_id or uuid4(),
    )


def song(song_id: int, valence: float = 0, arousal: float = 0, artist: str = "", *, placed: bool = True) -> Candidate:
    """Return a song of the library."""
    return Candidate(song_id, f"file:///{song_id}.mp3", f"Song {song_id}", artist, 60, Point(valence, arousal), placed)


def twelve_songs() -> list[Candidate]:
    """Return a library spread over the plane, all by one artist, as the demo's is."""
    points = [(v / 2, a / 1.5) for v in (-1.5, -0.5, 0.5, 1.5) for a in (-1, 0, 1)]
    return [song(number, valence, arousal, "Demo") for number, (valence, arousal) in enumerate(points, 1)]


def state_of(current: int | None, queue: Sequence[int] = (), decision_id: UUID | None = None) -> PlayerState:
    """Return a player's state by song ids; every call queues them anew."""

    def queued(song_id: int) -> QueuedTrack:
        track = Track(song_id=song_id, title=f"Song {song_id}", uri=f"file:///{song_id}.mp3")
        return QueuedTrack(track=track, decision_id=decision_id)

    return PlayerState(
        playback=Playback.PLAYING if current else Playback.STOPPED,
        current=queued(current) if current else None,
        position_at=NOON,
        backend="null",
        queue=tuple(queued(song_id) for song_id in queue),
    )


class ScriptedPlayer:
    """A player on the bus that plays a song to its end when the test says so; made of the player's own rules."""

    def __init__(self, bus: Bus, clock: Clock, room: str = "home") -> None:
        self.requests: list[PlayRequest] = []
        self.started: list[QueuedTrack] = []
        self._bus = bus
        self._clock = clock
        self._room = room
        self._session = Session(away=False)
        bus.subscribe(PLAY, self._on_play, room=room)
        self.publish()

    @property
    def song_ids(self) -> list[int]:
        """The songs that started so far."""
        return [started.track.song_id for started in self.started]

    @property
    def waiting(self) -> list[int]:
        """The songs in the queue."""
        return [queued.track.song_id for queued in self._session.queue]

    def finish(self) -> None:
        """Let the song end."""
        self._take(finish(self._session, self._clock()))

    def publish(self) -> None:
        """Tell the room's state."""
        session = self._session
        state = PlayerState(
            playback=session.playback,
            current=session.current,
            position_at=datetime.fromtimestamp(self._clock(), UTC),
            backend="null",
            queue=session.queue,
        )
        self._bus.publish(PLAYER, state, room=self._room)

    def tell(self, kind: EventType, track: QueuedTrack, position_s: float = 1.0) -> None:
        """Tell what happened to a track."""
        after = track.model_dump(mode="json") | {"position_s": position_s}
        at = datetime.fromtimestamp(self._clock(), UTC)
        self._bus.publish(EVENTS, Event(type=kind, at=at, after=after, decision_id=track.decision_id), room=self._room)

    async def _on_play(self, delivery: Delivery[PlayRequest]) -> None:
        request = delivery.message
        self.requests.append(request)
        queued = tuple(
            QueuedTrack(track=track, decision_id=request.decision_id, reason=request.reason) for track in request.tracks
        )
        self._take(enqueue(self._session, queued, request.how, self._clock()))

    def _take(self, step: Step) -> None:
        self._session, happenings = step
        for happening in happenings:
            if happening.type is EventType.TRACK_STARTED:
                self.started.append(happening.track)
            self.tell(happening.type, happening.track, happening.position_s)
        self.publish()
