from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from services.contracts.messages import EventType, Playback, PlayerAction, PlayHow, QueuedTrack, Track, uuid7
from services.player import session as sessions
from services.player.session import MAX_FAILURES, MAX_QUEUE, MAX_RECENT, Session, Step

NOW = 1_000.0
PLAY_IDS: Callable[[], UUID] = uuid7


def song(number: int, duration_s: float | None = 100) -> QueuedTrack:
    return QueuedTrack(track=Track(song_id=number, title=f"s{number}", uri=f"file:///{number}", duration_s=duration_s))


def songs(*numbers: int) -> tuple[QueuedTrack, ...]:
    return tuple(song(number) for number in numbers)


def playing(*numbers: int, position_s: float = 0) -> Session:
    first, *rest = songs(*numbers)
    return Session(current=first, queue=tuple(rest), position_s=position_s, at=NOW, away=False)


def numbers(tracks: tuple[QueuedTrack, ...]) -> list[int]:
    return [queued.track.song_id for queued in tracks]


def current(session: Session) -> int | None:
    return session.current.track.song_id if session.current else None


def happened(step: Step) -> list[tuple[EventType, int, float]]:
    return [(one.type, one.track.track.song_id, one.position_s) for one in step[1]]


def act(session: Session, action: PlayerAction, value: float | None = None, now: float = NOW) -> Step:
    step = sessions.act(session, action, value, now, PLAY_IDS)
    assert step is not None
    return step


@pytest.mark.parametrize(
    ("session", "seconds", "position_s"),
    [
        (playing(1), 7, 7),
        (playing(1, position_s=20), 7, 27),
        (playing(1, position_s=99), 7, 100),
        (playing(1, position_s=104), 7, 104),
        (playing(1, position_s=20), -50, 20),
        (replace(playing(1, position_s=20), playing=False), 7, 20),
        (replace(playing(1, position_s=20), away=True), 7, 20),
        (Session(), 7, 0),
        (Session(current=song(1, None), away=False, at=NOW), 500, 500),
    ],
    ids=["plays", "runs on", "ends", "longer than its tag", "clock set back", "paused", "away", "nothing", "endless"],
)
def test_position_runs_while_music_plays(session: Session, seconds: float, position_s: float) -> None:
    assert sessions.position(session, NOW + seconds) == position_s


def test_the_first_song_of_an_empty_queue_starts() -> None:
    session, _ = step = sessions.enqueue(Session(away=False), songs(1, 2), PlayHow.APPEND, NOW)
    assert (current(session), numbers(session.queue), session.playback) == (1, [2], Playback.PLAYING)
    assert happened(step) == [(EventType.TRACK_STARTED, 1, 0)]


@pytest.mark.parametrize(
    ("how", "plays", "queue"),
    [(PlayHow.APPEND, 1, [2, 3, 8, 9]), (PlayHow.REPLACE_NEXT, 1, [8, 9]), (PlayHow.REPLACE, 8, [9])],
)
def test_songs_go_where_the_request_says(how: PlayHow, plays: int, queue: list[int]) -> None:
    session, _ = sessions.enqueue(playing(1, 2, 3, position_s=30), songs(8, 9), how, NOW + 5)
    assert (current(session), numbers(session.queue)) == (plays, queue)


@pytest.mark.parametrize("how", [PlayHow.APPEND, PlayHow.REPLACE_NEXT])
def test_a_song_that_was_chosen_before_the_player_went_on_to_it_does_not_come_twice(how: PlayHow) -> None:
    session, _ = sessions.enqueue(playing(8), songs(8, 9, 8), how, NOW)
    assert (current(session), numbers(session.queue)) == (8, [9, 8])
    session, _ = sessions.enqueue(playing(8), songs(8), how, NOW)
    assert numbers(session.queue) == [8], "a list of one song goes on"


def test_a_replaced_song_counts_as_skipped_where_it_was() -> None:
    step = sessions.enqueue(playing(1, 2, position_s=30), songs(8), PlayHow.REPLACE, NOW + 5)
    assert happened(step) == [(EventType.TRACK_SKIPPED, 1, 35), (EventType.TRACK_STARTED, 8, 0)]


def test_replacing_everything_with_nothing_stops_the_music() -> None:
    session, _ = sessions.enqueue(playing(1, 2), (), PlayHow.REPLACE, NOW)
    assert (session.playback, session.queue) == (Playback.STOPPED, ())


def test_what_does_not_fit_into_the_queue_is_left_out() -> None:
    session, _ = sessions.enqueue(playing(1), songs(*range(2, 202)), PlayHow.APPEND, NOW)
    assert numbers(session.queue) == list(range(2, 2 + MAX_QUEUE))


def test_a_song_queued_while_paused_and_silent_waits() -> None:
    paused, _ = act(Session(away=False), PlayerAction.PAUSE)
    session, _ = sessions.enqueue(paused, songs(1), PlayHow.APPEND, NOW)
    assert (current(session), session.playback) == (1, Playback.PAUSED)


def test_the_next_song_follows_one_that_ended() -> None:
    session, _ = step = sessions.finish(playing(1, 2, position_s=99), NOW + 1)
    assert (current(session), session.position_s, numbers(session.recent)) == (2, 0, [1])
    assert happened(step) == [(EventType.TRACK_FINISHED, 1, 100), (EventType.TRACK_STARTED, 2, 0)]


def test_the_music_stops_when_the_queue_is_empty() -> None:
    session, _ = step = sessions.finish(playing(1), NOW + 100)
    assert session.playback is Playback.STOPPED
    assert happened(step) == [(EventType.TRACK_FINISHED, 1, 100)]


def test_recent_songs_are_bounded() -> None:
    session = playing(*range(1, MAX_RECENT + 10))
    for _ in range(MAX_RECENT + 5):
        session, _ = sessions.finish(session, NOW)
    assert numbers(session.recent) == list(range(6, MAX_RECENT + 6))


def test_next_skips_and_plays_even_when_paused() -> None:
    paused = replace(playing(1, 2, position_s=10), playing=False)
    session, _ = step = act(paused, PlayerAction.NEXT)
    assert (current(session), session.playback) == (2, Playback.PLAYING)
    assert happened(step) == [(EventType.TRACK_SKIPPED, 1, 10), (EventType.TRACK_STARTED, 2, 0)]


def test_pause_holds_the_position_and_play_goes_on_from_it() -> None:
    paused, _ = act(playing(1, position_s=10), PlayerAction.PAUSE, now=NOW + 5)
    assert (paused.playback, sessions.position(paused, NOW + 50)) == (Playback.PAUSED, 15)
    again, _ = act(paused, PlayerAction.PLAY, now=NOW + 50)
    assert sessions.position(again, NOW + 52) == 17


def test_pause_and_volume_need_no_new_loading() -> None:
    session = playing(1)
    assert act(session, PlayerAction.PAUSE)[0].cue == session.cue
    after = act(session, PlayerAction.VOLUME, 41)[0]
    assert (after.cue, after.volume) == (session.cue, 41)


def test_previous_starts_a_song_again_that_was_heard_for_a_while() -> None:
    session, _ = act(replace(playing(2, position_s=10), recent=songs(1)), PlayerAction.PREVIOUS)
    assert (current(session), session.position_s, numbers(session.recent)) == (2, 0, [1])


def test_previous_goes_back_at_the_beginning_of_a_song() -> None:
    before = replace(playing(2, 3, position_s=1), recent=songs(1))
    session, _ = step = act(before, PlayerAction.PREVIOUS)
    assert (current(session), numbers(session.queue), session.recent) == (1, [2, 3], ())
    assert happened(step) == [(EventType.TRACK_STARTED, 1, 0)]


def test_previous_gives_a_new_play_id_to_what_it_queues_again() -> None:
    before = replace(playing(2, position_s=1), recent=songs(1))
    session, _ = act(before, PlayerAction.PREVIOUS)
    old = {before.recent[0].play_id, before.current.play_id if before.current else None}
    assert session.current
    assert not old & {session.current.play_id, session.queue[0].play_id}


def test_previous_plays_the_last_song_after_the_end_of_the_queue() -> None:
    session, _ = act(Session(recent=songs(1), away=False), PlayerAction.PREVIOUS)
    assert (current(session), session.playback) == (1, Playback.PLAYING)


@pytest.mark.parametrize(("value", "position_s"), [(40, 40), (500, 100)])
def test_seek_moves_within_the_song(value: float, position_s: float) -> None:
    before = playing(1, position_s=10)
    session, _ = act(before, PlayerAction.SEEK, value)
    assert (session.position_s, session.cue) == (position_s, before.cue + 1)


def test_like_says_which_song_and_where() -> None:
    before = playing(1, 2, position_s=10)
    session, _ = step = act(before, PlayerAction.LIKE, now=NOW + 3)
    assert session == before
    assert happened(step) == [(EventType.TRACK_LIKED, 1, 13)]


def test_dislike_goes_on_to_the_next_song() -> None:
    session, _ = step = act(playing(1, 2, position_s=10), PlayerAction.DISLIKE)
    assert current(session) == 2
    assert [kind for kind, _, _ in happened(step)] == [
        EventType.TRACK_DISLIKED,
        EventType.TRACK_SKIPPED,
        EventType.TRACK_STARTED,
    ]


@pytest.mark.parametrize(
    ("action", "value"),
    [("next", None), ("previous", None), ("seek", 3), ("like", None), ("dislike", None)],
)
def test_what_needs_a_song_is_refused_without_one(action: str, value: float | None) -> None:
    assert sessions.act(Session(), PlayerAction(action), value, NOW, PLAY_IDS) is None


def test_songs_that_fail_are_left_behind_until_too_many_did() -> None:
    session = playing(*range(1, 20))
    for failures in range(1, MAX_FAILURES):
        session, _ = sessions.fail(session, NOW)
        assert (current(session), session.gave_up) == (1 + failures, False)
    session, _ = sessions.fail(session, NOW)
    assert (session.gave_up, session.playback) == (True, Playback.PAUSED)


def test_play_tries_again_after_giving_up() -> None:
    session = replace(playing(1, 2), failures=MAX_FAILURES, playing=False)
    assert not act(session, PlayerAction.PLAY)[0].gave_up


def test_a_song_that_is_heard_ends_the_row_of_failures() -> None:
    session = replace(playing(1), failures=3)
    assert sessions.observed(session, 0.2, NOW).failures == 3
    assert sessions.observed(session, 2, NOW).failures == 0


def test_time_stands_still_while_the_backend_is_away() -> None:
    away = sessions.present(playing(1, position_s=10), NOW + 5, away=True)
    assert (away.playback, sessions.position(away, NOW + 60)) == (Playback.PAUSED, 15)
    back = sessions.present(away, NOW + 60, away=False)
    assert (back.playback, sessions.position(back, NOW + 62)) == (Playback.PLAYING, 17)


def test_a_restart_goes_on_where_the_song_was_however_long_it_took() -> None:
    saved = sessions.anchored(playing(1, 2, position_s=10), NOW + 5)
    again = sessions.present(sessions.restored(saved, NOW + 9_000), NOW + 9_001, away=False)
    assert (current(again), again.playback) == (1, Playback.PLAYING)
    assert sessions.position(again, NOW + 9_001) == 15
