"""The player as its room hears it, on the silent clock."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.contracts.channels import PLAY, PLAYER
from services.contracts.messages import EventType, Playback, PlayHow, Track, uuid7
from services.player.backends.browser import ALIVE_S, TabOrder
from services.player.files import resolve
from services.player.service import PlayerService, build
from services.player.session import MAX_FAILURES, MAX_QUEUE
from services.runtime.service import SetupError
from services.runtime.settings import Player, Settings
from tests.player_doubles import Clock, ScriptedTab, playing, settings, until, write_song


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracks(tmp_path: Path) -> list[Track]:
    return [write_song(tmp_path / "songs", number, 1) for number in range(1, 5)]


def silent(tmp_path: Path, clock: Clock) -> PlayerService:
    return build(settings(tmp_path), clock=clock, monotonic=clock)


async def test_songs_play_one_after_the_other_and_their_decision_goes_with_them(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    async with playing(silent(tmp_path, clock)) as room:
        request = room.play(*tracks[:2])
        await room.plays(tracks[0])
        clock.now += 1
        state = await room.plays(tracks[1])
        clock.now += 1
        await room.until(lambda state: state.playback is Playback.STOPPED)
    assert state.current
    assert (state.current.decision_id, state.current.reason) == (request.decision_id, "a test")
    assert [(event.type, event.decision_id) for event in room.events] == [
        (kind, request.decision_id) for kind in [EventType.TRACK_STARTED, EventType.TRACK_FINISHED] * 2
    ]


def timed() -> tuple[float, float]:
    """Return how many decisions were heard, and the seconds from them to their songs, in all."""
    count, total = (
        REGISTRY.get_sample_value(f"moodring_player_decision_to_song_seconds_{what}") for what in ("count", "sum")
    )
    return count or 0, total or 0


async def test_the_time_from_a_decision_to_its_song_is_that_of_the_first_song(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    clock.now = time.time() + 4  # a decision's id holds the time that it was made
    count, total = timed()
    async with playing(silent(tmp_path, clock)) as room:
        request = room.play(*tracks[:2])
        await room.plays(tracks[0])
        clock.now += 1
        await room.plays(tracks[1])
    async with playing(silent(tmp_path, clock)) as room:  # started again, it goes on with the same decision
        more = request.model_copy(update={"id": uuid7(), "tracks": (tracks[2],)})
        room.bus.publish(PLAY, more, room="home")
        await room.until(lambda state: len(state.queue) == 1)
        room.tell("next")
        await room.plays(tracks[2])
    after, seconds = timed()
    assert after == count + 1
    assert 3 < seconds - total < 5
    async with playing(silent(tmp_path, clock)) as room:
        room.play(tracks[3], how=PlayHow.REPLACE)
        await room.plays(tracks[3])
    assert timed()[0] == count + 2, "another decision counts"


async def test_the_state_is_retained_and_says_the_backend(tmp_path: Path, clock: Clock) -> None:
    async with playing(silent(tmp_path, clock)) as room:
        assert (room.state.playback, room.state.backend, room.state.volume) == (Playback.STOPPED, "null", 70)
        assert room.bus.broker.retained["moodring/home/player"] == PLAYER.encode(room.state)


async def test_the_running_position_is_told_again_after_a_while(tmp_path: Path, clock: Clock) -> None:
    song = write_song(tmp_path / "songs", 9, 60)
    async with playing(silent(tmp_path, clock)) as room:
        room.play(song)
        told = len(room.states) + 1
        await room.plays(song)
        clock.now += 11
        state = await room.until(lambda state: state.position_s > 10)
        assert len(room.states) == told + 1
        assert state.position_s == pytest.approx(11)
        assert state.position_at.timestamp() == clock.now


async def test_commands_from_the_bus_are_done(tmp_path: Path, clock: Clock, tracks: list[Track]) -> None:
    async with playing(silent(tmp_path, clock)) as room:
        room.play(*tracks)
        await room.plays(tracks[0])
        room.tell("next")
        await room.plays(tracks[1])
        room.tell("pause")
        await room.until(lambda state: state.playback is Playback.PAUSED)
        room.tell("volume", 12)
        await room.until(lambda state: state.volume == 12)


@pytest.mark.parametrize(("action", "kind"), [("like", "track_liked"), ("dislike", "track_disliked")])
async def test_liking_says_which_song_and_why_it_played(
    tmp_path: Path, clock: Clock, tracks: list[Track], action: str, kind: str
) -> None:
    async with playing(silent(tmp_path, clock)) as room:
        request = room.play(tracks[0])
        state = await room.plays(tracks[0])
        clock.now += 0.25
        room.tell(action)
        event = await room.event(EventType(kind))
    assert state.current
    assert event.after == state.current.model_dump(mode="json") | {"position_s": 0.25}
    assert event.decision_id == request.decision_id


async def test_a_song_without_a_file_is_a_problem_and_the_next_one_plays(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    gone = Track(song_id=7, title="Gone", uri=(tmp_path / "songs" / "gone.wav").as_uri())
    async with playing(silent(tmp_path, clock)) as room:
        room.play(gone, tracks[0])
        await room.plays(tracks[0])
        problem = await room.event(EventType.PROBLEM)
    assert problem.after
    assert problem.after["service"] == "player"
    assert str(problem.after["text"]).startswith("Gone: ")


async def test_a_song_that_cannot_be_played_does_not_take_the_one_along_that_a_listener_went_on_to(
    tmp_path: Path, clock: Clock, tracks: list[Track], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Track(song_id=7, title="Gone", uri=(tmp_path / "songs" / "gone.wav").as_uri())
    looking, found = threading.Event(), threading.Event()

    def slowly(track: Track, roots: list[Path]) -> Path:
        if track == gone:
            looking.set()
            found.wait(30)
        return resolve(track, roots)

    monkeypatch.setattr("services.player.files.resolve", slowly)
    async with playing(silent(tmp_path, clock)) as room:
        room.play(gone, *tracks[:2])
        assert await asyncio.to_thread(looking.wait, 30)
        room.tell("next")
        await room.until(lambda state: state.current is not None and state.current.track == tracks[0])
        found.set()
        clock.now += 1
        await room.plays(tracks[1])
    kinds = [event.type for event in room.events]
    assert EventType.PROBLEM not in kinds
    assert EventType.TRACK_FINISHED in kinds


async def test_the_silent_clock_goes_on_though_the_time_is_set_back(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    ticks = Clock(0)
    async with playing(build(settings(tmp_path), clock=clock, monotonic=ticks)) as room:
        room.play(tracks[0])
        await room.plays(tracks[0])
        clock.now -= 3600

        async def finished() -> bool:
            ticks.now += 1
            return any(event.type is EventType.TRACK_FINISHED for event in room.events)

        await until(finished)


async def test_after_too_many_failures_in_a_row_the_music_waits_for_play(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    gone = [Track(song_id=n, title=f"g{n}", uri=f"file:///gone/{n}.wav") for n in range(10, 10 + MAX_FAILURES)]
    service = silent(tmp_path, clock)
    async with playing(service) as room:
        room.play(*gone, tracks[0])
        await room.until(lambda state: state.playback is Playback.PAUSED)
        assert "songs" in service.health.problems
        assert len([event for event in room.events if event.type is EventType.PROBLEM]) == MAX_FAILURES
        room.tell("play")
        await room.plays(tracks[0])
        assert "songs" not in service.health.problems


async def test_queue_and_position_survive_a_restart(tmp_path: Path, clock: Clock) -> None:
    songs = [write_song(tmp_path / "songs", number, 60) for number in (1, 2)]
    async with playing(silent(tmp_path, clock)) as room:
        room.play(*songs)
        await room.plays(songs[0])
        clock.now += 20
        room.tell("volume", 33)
        before = await room.until(lambda state: state.volume == 33)
    clock.now += 3_600
    async with playing(silent(tmp_path, clock)) as room:
        after = await room.plays(songs[0])
    assert after.position_s == pytest.approx(20)
    assert (after.volume, after.queue) == (33, before.queue)
    assert after.current == before.current
    assert room.events == []


async def test_songs_of_another_folder_are_left_out_of_the_queue_at_a_restart(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    elsewhere = [write_song(tmp_path / "elsewhere", number, 60) for number in range(11, 20)]
    both = Settings(data=tmp_path, music=tmp_path / "elsewhere", player=Player(backend="null:"))
    async with playing(build(both, clock=clock, monotonic=clock)) as room:
        room.play(elsewhere[0], *elsewhere[1:], tracks[0])
        await room.plays(elsewhere[0])
    async with playing(silent(tmp_path, clock)) as room:
        state = await room.plays(tracks[0])
        assert state.queue == ()


async def test_a_song_is_saved_as_soon_as_it_plays_for_no_goodbye_may_follow(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    async with playing(silent(tmp_path, clock)) as room:
        room.play(tracks[0])

        async def saved() -> bool:
            file = tmp_path / "state" / "player.json"
            return file.exists() and tracks[0].uri in file.read_text()

        await until(saved)


async def test_songs_beyond_a_full_queue_are_left_out_with_a_word(
    tmp_path: Path, clock: Clock, tracks: list[Track], caplog: pytest.LogCaptureFixture
) -> None:
    async with playing(silent(tmp_path, clock)) as room:
        for _ in range(3):
            room.play(*[tracks[0]] * 50)
        await room.until(lambda state: len(state.queue) == MAX_QUEUE)
        await room.bus.settle()
    assert "the queue is full at 100 songs: 49 song(s) were left out" in caplog.text


async def test_a_paused_song_is_still_paused_after_a_restart(tmp_path: Path, clock: Clock, tracks: list[Track]) -> None:
    async with playing(silent(tmp_path, clock)) as room:
        room.play(tracks[0])
        await room.plays(tracks[0])
        room.tell("pause")
        await room.until(lambda state: state.playback is Playback.PAUSED)
    async with playing(silent(tmp_path, clock)) as room:
        clock.now += 5
        state = await room.until(lambda state: state.current is not None)
        assert (state.playback, state.position_s) == (Playback.PAUSED, 0)


async def test_a_player_can_be_run_again(tmp_path: Path, clock: Clock, tracks: list[Track]) -> None:
    service = silent(tmp_path, clock)
    async with playing(service) as room:
        room.play(tracks[0])
        await room.plays(tracks[0])
    async with playing(service) as room:
        await room.plays(tracks[0])


async def test_a_disk_that_refuses_the_state_is_reported_and_the_music_goes_on(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    (tmp_path / "state" / "player.new").mkdir(parents=True)
    service = silent(tmp_path, clock)
    async with playing(service) as room:
        room.play(*tracks[:2])
        await room.plays(tracks[0])
        clock.now += 1
        await room.plays(tracks[1])
    assert "cannot be saved" in service.health.problems["state"]


async def test_a_problem_of_the_disk_is_told_on_the_loop_and_not_in_the_thread_that_saves(
    tmp_path: Path, clock: Clock, tracks: list[Track]
) -> None:
    (tmp_path / "state" / "player.new").mkdir(parents=True)
    service, told_in = silent(tmp_path, clock), []
    told = asyncio.Event()

    def listen() -> None:
        told_in.append(threading.current_thread())
        told.set()

    service.health.listen(listen)
    async with playing(service) as room, asyncio.timeout(30):
        room.play(tracks[0])
        await told.wait()
    assert set(told_in) == {threading.main_thread()}


async def test_a_closed_tab_is_gone_though_the_clock_is_set_back(tmp_path: Path, clock: Clock) -> None:
    ticks = Clock(0)
    service = build(settings(tmp_path, "auto"), clock=clock, monotonic=ticks, mpv_installed=False)
    async with playing(service) as room:
        ScriptedTab(clock, service.hear, {}).report()
        await room.until(lambda state: state.backend == "browser")
        clock.now -= 3600
        ticks.now += ALIVE_S + 1
        await room.until(lambda state: state.backend == "null")


async def test_a_tab_takes_over_at_the_running_position_and_hands_back_when_it_goes(
    tmp_path: Path, clock: Clock
) -> None:
    song = write_song(tmp_path / "songs", 1, 60)
    service = build(settings(tmp_path, "auto"), clock=clock, monotonic=clock, mpv_installed=False)
    async with playing(service) as room:
        room.play(song)
        await room.plays(song)
        clock.now += 20
        tab = ScriptedTab(clock, service.hear, {"/media/1": 60})

        async def tab_plays() -> bool:
            tab.report()
            return tab.playing

        await until(tab_plays)
        assert room.state.backend == "browser"
        assert tab.position_s == pytest.approx(20)
        clock.now += 10
        tab.report()
        service.tab_closed(tab.id)
        clock.now += 2.5
        state = await room.until(lambda state: state.backend == "null")
        assert state.playback is Playback.PLAYING
        assert 30 <= state.position_s <= 32.5


async def test_a_tab_is_silent_where_something_else_is_set_to_play(tmp_path: Path, clock: Clock) -> None:
    service = silent(tmp_path, clock)
    async with playing(service):
        tab = ScriptedTab(clock, service.hear, {})
        assert tab.report() == TabOrder(active=False, available=False)


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("vlc:", "none of auto, browser:, mpv:"),
        ("mpd:", "not mpd://"),
        ("mpd://host:port", "not mpd://"),
        ("mpv:?volume=3", "mpv knows `ao=`"),
    ],
)
def test_a_wrong_backend_is_refused_at_the_start(tmp_path: Path, backend: str, why: str) -> None:
    with pytest.raises(SetupError, match=why):
        build(settings(tmp_path, backend))


@pytest.mark.parametrize("backend", ["vlc://secret@host", "mpd://secret@host:port", "mpd://secret@[host"])
def test_a_refused_backend_does_not_tell_its_password(tmp_path: Path, backend: str) -> None:
    with pytest.raises(SetupError) as error:
        build(settings(tmp_path, backend))
    assert "secret" not in str(error.value)
