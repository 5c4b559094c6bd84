"""What the player does for a decision, as steps of its trace: it queues songs, and starts them."""

from contextlib import AbstractContextManager, nullcontext
from uuid import UUID

from services.contracts.messages import PlayRequest, QueuedTrack
from services.player.session import MAX_QUEUE
from services.runtime import traces


class Tracing:
    """Knows which request brought a song, since this process began; a song from before follows its decision."""

    def __init__(self) -> None:
        self._requests: dict[UUID, UUID | None] = {}
        self._started: UUID | None = None

    def queues(
        self, room: str, request: PlayRequest, queued: tuple[QueuedTrack, ...], *, manual: bool
    ) -> AbstractContextManager[object]:
        """Return the step in which a request's songs are taken; where a person asks, nobody chose before."""
        after = None if manual else request.id
        self._requests |= {track.play_id: after for track in queued}
        while len(self._requests) > MAX_QUEUE:
            self._requests.pop(next(iter(self._requests)))
        attributes: dict[str, traces.Attribute] = {
            "room": room, "how": request.how, "song_ids": [track.track.song_id for track in queued]
        }  # fmt: skip
        return traces.step("queue songs", request.decision_id, service="player", after=after, attributes=attributes)

    def starts(self, queued: QueuedTrack, backend: str) -> AbstractContextManager[object]:
        """Return the step in which a backend is given a song; that it is told again, after a jump say, is none."""
        if queued.play_id == self._started:
            return nullcontext()
        self._started = queued.play_id
        attributes: dict[str, traces.Attribute] = {
            "song": queued.track.title, "artist": queued.track.artist, "song_id": queued.track.song_id,
            "play_id": str(queued.play_id), "backend": backend,
        }  # fmt: skip
        after = self._requests.get(queued.play_id)
        return traces.step("start song", queued.decision_id, service="player", after=after, attributes=attributes)
