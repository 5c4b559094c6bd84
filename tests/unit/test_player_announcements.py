"""The room hears what is new, and no more than that, whatever a backend says of the position."""

from datetime import UTC, datetime

import pytest

from services.contracts.messages import Playback, PlayerState, QueuedTrack, Track
from services.player.announcements import Announcements
from services.runtime.memory import MemoryBus
from tests.player_doubles import NOW

SONG = QueuedTrack(track=Track(song_id=1, title="Song", uri="file:///1.mp3", duration_s=180))
LOOKS_PER_S = 20


def state(position_s: float, at_s: float) -> PlayerState:
    return PlayerState(
        playback=Playback.PLAYING,
        current=SONG,
        position_s=position_s,
        position_at=datetime.fromtimestamp(NOW + at_s, UTC),
        volume=70,
        backend="browser",
    )


@pytest.mark.parametrize("runs", [0.0, 1.0], ids=["stands beyond its end", "runs on beyond its end"])
def test_a_song_that_is_longer_than_it_says_is_told_once_a_second_at_most(runs: float) -> None:
    announcements = Announcements(MemoryBus(), "home")
    news = [announcements.state(state(179.5, 0))]
    for look in range(1, 5 * LOOKS_PER_S):
        at_s = look / LOOKS_PER_S
        news.append(announcements.state(state(181.3 + runs * at_s, at_s)))
    assert 1 <= sum(news) <= 6
