"""Messages and tokens for the gateway's tests."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from services.contracts.messages import (
    CameraState,
    CameraStatus,
    Mood,
    MoodSource,
    Playback,
    PlayerState,
    QueuedTrack,
    ServiceState,
    ServiceStatus,
    Track,
    uuid7,
)
from services.runtime.state import StateFile
from services.runtime.tokens import TokenBook, Tokens

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ID = uuid7()


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


def mood(word: str = "happy", **more: object) -> Mood:
    values = {
        "mood": word, "confidence": 0.82, "valence": 0.6, "arousal": 0.4, "people": 1, "window_s": 15, "samples": 60,
        "since": NOW, "source": MoodSource.CAMERA, "decision_id": ID,
    }  # fmt: skip
    return Mood.model_validate(values | more)


def song(title: str = "Morning Windows", reason: str = "because", **more: object) -> QueuedTrack:
    values = {"song_id": 1, "title": title, "artist": "Ensemble", "uri": "file:///a.flac", "duration_s": 90}
    return QueuedTrack(track=Track.model_validate(values | more), decision_id=ID, reason=reason)


def player(current: QueuedTrack | None = None, **more: object) -> PlayerState:
    values = {"playback": Playback.PLAYING, "current": current, "position_s": 10, "position_at": NOW, "backend": "null"}
    return PlayerState.model_validate(values | more)


def camera(state: CameraState = CameraState.OK, detail: str = "") -> CameraStatus:
    watching = state not in {CameraState.OFFLINE, CameraState.PRIVATE}
    return CameraStatus(state=state, detail=detail, watching=watching)


def status(state: ServiceState = ServiceState.ONLINE, *problems: str, parts: tuple[str, ...] = ()) -> ServiceStatus:
    return ServiceStatus(state=state, version="1", problems=problems, parts=parts)


def tokens(folder: Path, clock: Clock | None = None) -> Tokens:
    return Tokens(StateFile(folder / "tokens.json", TokenBook), clock=clock or Clock())


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks work until something holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
