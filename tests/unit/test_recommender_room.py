"""When a room's queue is changed, and how."""

from itertools import pairwise
from random import Random
from uuid import uuid4

import pytest

from services.contracts.messages import MoodSource, PlayHow, Policy, PolicyMode, SetPolicy
from services.recommender.acting import CLEAR_HOLDS_S
from services.recommender.playlists import Pinned
from services.recommender.room import Decision, Room, SavedRoom, Shelf
from tests.unit.recommender_doubles import START_S, mood_of, song, state_of, twelve_songs

SHELF = Shelf(twelve_songs())
ACT_EVERY_S = 300


def _room(mode: PolicyMode = PolicyMode.MIRROR, saved: SavedRoom | None = None) -> Room:
    return Room("home", saved or SavedRoom(policy=Policy(mode=mode)), Random(1))


def _decide(room: Room, at_s: float = 0, shelf: Shelf = SHELF) -> Decision | None:
    return room.decide(shelf, now=START_S + at_s, steady_s=at_s, ahead=2, act_every_s=ACT_EVERY_S)


def _sent(decision: Decision | None) -> tuple[PlayHow, list[int]]:
    assert decision
    return decision.request.how, [track.song_id for track in decision.request.tracks]


def _settled(room: Room, mood: str = "happy") -> list[int]:
    """Bring a room to where a song plays and two wait; return the three."""
    room.feel(mood_of(mood))
    room.hear(state_of(None))
    _, songs = _sent(_decide(room))
    room.hear(state_of(songs[0], songs[1:]))
    assert _decide(room, 1) is None
    return songs


def test_nothing_is_sent_before_mood_and_player_are_known() -> None:
    room = _room()
    assert _decide(room) is None
    room.feel(mood_of("happy"))
    assert _decide(room) is None
    other = _room()
    other.hear(state_of(None))
    assert _decide(other) is None


def test_a_silent_room_gets_a_song_and_two_ahead() -> None:
    room = _room()
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    how, songs = _sent(_decide(room))
    assert how is PlayHow.REPLACE_NEXT
    assert len(set(songs)) == 3


def test_the_queue_is_topped_up_when_fewer_wait() -> None:
    room = _room()
    songs = _settled(room)
    room.hear(state_of(songs[1], songs[2:]))
    how, more = _sent(_decide(room, 60))
    assert how is PlayHow.APPEND
    assert len(more) == 1
    assert more[0] not in songs


def test_a_request_is_not_repeated_while_its_echo_is_awaited() -> None:
    room = _room()
    songs = _settled(room)
    late = state_of(songs[1], songs[2:])
    room.hear(late)
    assert _decide(room, 60)
    room.hear(late)
    assert _decide(room, 61) is None
    assert _decide(room, 69) is None


def test_a_lost_request_is_tried_again_without_doubling_the_queue() -> None:
    room = _room()
    songs = _settled(room)
    room.hear(state_of(songs[1], songs[2:]))
    assert _decide(room, 60)
    how, again = _sent(_decide(room, 71))
    assert how is PlayHow.REPLACE_NEXT
    assert len(again) == 2


def test_a_player_that_never_answers_is_asked_ever_less_often() -> None:
    room = _room()
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    asked = [second for second in range(3600) if _decide(room, second)]
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses[:3] == [10, 20, 40]
    assert max(pauses) == 300


def test_the_first_mood_is_heard_at_the_next_song() -> None:
    room = _room()
    room.hear(state_of(1, [2, 3]))
    room.feel(mood_of("sad"))
    assert _sent(_decide(room))[0] is PlayHow.REPLACE_NEXT


def test_a_restarted_recommender_leaves_a_queue_alone_that_follows_the_mood() -> None:
    decision_id = uuid4()
    room = _room()
    room.feel(mood_of("sad", decision_id=decision_id))
    room.hear(state_of(1, [2, 3], decision_id))
    assert _decide(room) is None


def test_a_changed_mood_replaces_the_next_songs_only_after_a_while() -> None:
    room = _room()
    songs = _settled(room)
    room.feel(mood_of("sad"))
    assert _decide(room, 100) is None
    assert _decide(room, 299) is None
    how, others = _sent(_decide(room, 300))
    assert how is PlayHow.REPLACE_NEXT
    assert songs[0] not in others


def test_songs_added_meanwhile_follow_the_new_mood_and_need_no_replacing() -> None:
    room = _room()
    songs = _settled(room)
    sad = mood_of("sad")
    room.feel(sad)
    room.hear(state_of(songs[2]))
    decision = _decide(room, 100)
    how, more = _sent(decision)
    assert (how, len(more)) == (PlayHow.APPEND, 2)
    assert decision
    assert decision.record.mood == "sad"
    room.hear(state_of(songs[2], more, sad.decision_id))
    assert _decide(room, 1000) is None


@pytest.mark.parametrize("sources", [("camera", "override"), ("override", "camera"), ("override", "override")])
def test_an_override_and_its_end_are_heard_at_the_next_song(sources: tuple[str, str]) -> None:
    room = _room()
    before, after = (MoodSource(source) for source in sources)
    room.feel(mood_of("happy", source=before))
    room.hear(state_of(None))
    _, songs = _sent(_decide(room))
    room.hear(state_of(songs[0], songs[1:]))
    assert _decide(room, 1) is None
    room.feel(mood_of("calm", source=after))
    assert _sent(_decide(room, 2))[0] is PlayHow.REPLACE_NEXT


def test_an_override_with_the_mood_there_is_changes_nothing() -> None:
    room = _room()
    _settled(room)
    room.feel(mood_of("happy", source=MoodSource.OVERRIDE))
    assert _decide(room, 2) is None
    room.feel(mood_of("happy"))
    assert _decide(room, 3) is None
    room.feel(mood_of("sad"))
    assert _decide(room, 4) is None


def test_a_changed_policy_is_heard_at_the_next_song() -> None:
    room = _room()
    _settled(room, "sad")
    room.set_policy(SetPolicy(mode=PolicyMode.LIFT))
    decision = _decide(room, 2)
    assert _sent(decision)[0] is PlayHow.REPLACE_NEXT
    assert decision
    assert decision.record.target_valence > 0


def test_a_policy_that_treats_this_mood_alike_changes_nothing() -> None:
    room = _room()
    _settled(room, "sad")
    room.set_policy(SetPolicy(mode=PolicyMode.LIFT, exceptions={"sad": PolicyMode.MIRROR}))
    assert _decide(room, 2) is None


def test_exceptions_that_are_left_out_stay() -> None:
    room = _room()
    room.set_policy(SetPolicy(mode=PolicyMode.LIFT, exceptions={"sad": PolicyMode.MIRROR}))
    room.set_policy(SetPolicy(mode=PolicyMode.CALM))
    assert room.policy == Policy(mode=PolicyMode.CALM, exceptions={"sad": PolicyMode.MIRROR})


def test_off_queues_nothing() -> None:
    room = _room(PolicyMode.OFF)
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    assert _decide(room) is None
    room.set_policy(SetPolicy(mode=PolicyMode.MIRROR))
    assert _decide(room)


def test_nobody_is_played_nothing_new_until_someone_comes() -> None:
    room = _room()
    songs = _settled(room)
    room.feel(mood_of("nobody"))
    room.hear(state_of(songs[2]))
    assert _decide(room, 400) is None
    room.hear(state_of(None))
    assert _decide(room, 500) is None
    room.feel(mood_of("happy"))
    how, more = _sent(_decide(room, 600))
    assert (how, len(more)) == (PlayHow.APPEND, 3)


def test_unknown_leaves_the_last_clear_mood_standing() -> None:
    room = _room()
    songs = _settled(room, "sad")
    room.feel(mood_of("unknown"))
    assert _decide(room, 400) is None
    room.hear(state_of(songs[1], songs[2:]))
    decision = _decide(room, 500)
    assert decision
    assert decision.record.mood == "sad"


def test_a_mood_that_is_not_clear_for_long_is_neutral_and_called_so() -> None:
    room = _room()
    _settled(room, "sad")
    room.feel(mood_of("unknown"))
    assert _decide(room, CLEAR_HOLDS_S) is None
    decision = _decide(room, 1 + CLEAR_HOLDS_S)
    assert _sent(decision)[0] is PlayHow.REPLACE_NEXT
    assert decision
    assert (decision.record.mood, decision.record.target_valence) == ("unknown", 0)
    assert "not clear" in decision.request.reason


def test_a_mood_that_is_said_again_and_again_does_not_age() -> None:
    room = _room()
    songs = _settled(room, "sad")
    assert _decide(room, 10 * CLEAR_HOLDS_S) is None
    room.feel(mood_of("unknown"))
    room.hear(state_of(songs[1], songs[2:]))
    decision = _decide(room, 10 * CLEAR_HOLDS_S + 1)
    assert decision
    assert decision.record.mood == "sad"


def test_an_override_that_ended_says_nothing_of_what_is_not_clear() -> None:
    room = _room()
    room.feel(mood_of("energetic", source=MoodSource.OVERRIDE))
    room.hear(state_of(None))
    _, songs = _sent(_decide(room))
    room.hear(state_of(songs[0], songs[1:]))
    assert _decide(room, 1) is None
    room.feel(mood_of("unknown"))
    decision = _decide(room, 2)
    assert decision
    assert decision.request.reason.startswith("The room's mood was not clear")


def _set_back(room: Room, at_s: float) -> Decision | None:
    """Decide by a clock that was set back by an hour."""
    return room.decide(SHELF, now=START_S - 3600, steady_s=at_s, ahead=2, act_every_s=ACT_EVERY_S)


def test_a_lost_request_is_tried_again_though_the_clock_was_set_back() -> None:
    room = _room()
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    assert _decide(room)
    assert _set_back(room, 11)


def test_a_changed_mood_is_acted_on_though_the_clock_was_set_back() -> None:
    room = _room()
    _settled(room)
    room.feel(mood_of("sad"))
    assert _set_back(room, ACT_EVERY_S)


def test_unknown_from_the_start_plays_neutral_songs() -> None:
    room = _room()
    room.feel(mood_of("unknown").model_copy(update={"valence": -0.9}))
    room.hear(state_of(None))
    decision = _decide(room)
    assert decision
    assert (decision.record.target_valence, decision.record.target_arousal) == (0, 0)


def test_an_empty_library_sends_nothing() -> None:
    room = _room()
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    assert _decide(room, shelf=Shelf()) is None


def test_the_request_carries_the_moods_decision_and_the_reason() -> None:
    room = _room()
    mood = mood_of("happy")
    room.feel(mood)
    room.hear(state_of(None))
    decision = _decide(room)
    assert decision
    assert decision.request.decision_id == decision.record.decision_id == mood.decision_id
    assert decision.request.reason == "The room seemed happy (72 %): an energetic song to match"
    assert [one["song_id"] for one in decision.record.songs] == [track.song_id for track in decision.request.tracks]


def _restarted(room: Room) -> Room:
    return _room(saved=SavedRoom.model_validate_json(room.saved.model_dump_json()))


@pytest.mark.parametrize("steady_from", [0, -10_000, 10_000], ids=["same clock", "it began anew", "it is ahead"])
def test_a_restart_does_not_forget_when_the_music_was_changed(steady_from: float) -> None:
    room = _room()
    songs = _settled(room)
    again = _restarted(room)
    again.hear(state_of(songs[0], songs[1:]))
    again.feel(mood_of("sad"))

    def decide(at_s: float) -> Decision | None:
        return again.decide(SHELF, now=START_S + at_s, steady_s=steady_from + at_s, ahead=2, act_every_s=ACT_EVERY_S)

    assert decide(61) is None
    assert decide(299) is None
    assert _sent(decide(300))[0] is PlayHow.REPLACE_NEXT


def test_a_clock_set_back_over_a_restart_holds_the_music_for_no_longer_than_a_change() -> None:
    room = _room()
    songs = _settled(room)
    again = _restarted(room)
    again.hear(state_of(songs[0], songs[1:]))
    again.feel(mood_of("sad"))
    asked = [again.decide(SHELF, now=START_S - 1e6 + s, steady_s=s, ahead=2, act_every_s=300) for s in (0, 299, 300)]
    assert [bool(one) for one in asked] == [False, False, True]


def test_what_a_person_said_meanwhile_is_heard_at_once_after_a_restart() -> None:
    room = _room()
    songs = _settled(room)
    again = _restarted(room)
    again.hear(state_of(songs[0], songs[1:]))
    again.feel(mood_of("calm", source=MoodSource.OVERRIDE))
    assert _sent(_decide(again, 61))[0] is PlayHow.REPLACE_NEXT


def test_a_restart_remembers_what_was_heard() -> None:
    room = _room()
    songs = _settled(room)
    for current in songs[1:]:
        room.hear(state_of(current))
    restarted = _room(saved=SavedRoom.model_validate_json(room.saved.model_dump_json()))
    restarted.feel(mood_of("happy"))
    restarted.hear(state_of(None))
    _, more = _sent(_decide(restarted))
    assert not set(songs) & set(more)


def test_a_song_that_is_still_the_same_counts_once() -> None:
    room = _room()
    state = state_of(4, [5, 6])
    assert room.hear(state)
    assert not room.hear(state)
    assert room.saved.heard == (4,)


PARTY = Pinned(7, "Party", "happy", tuple(song(number) for number in (21, 22, 23, 24, 25)))


def _with(pinned: Pinned) -> Shelf:
    return Shelf(twelve_songs(), {pinned.mood: pinned})


def test_a_pinned_playlist_is_played_in_its_order_and_goes_on_where_it_was() -> None:
    room = _room()
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    decision = _decide(room, shelf=_with(PARTY))
    assert _sent(decision) == (PlayHow.REPLACE_NEXT, [21, 22, 23])
    assert decision
    assert decision.record.playlist == "Party"
    assert "“Party”" in decision.request.reason
    room.hear(state_of(21, [22, 23]))
    room.hear(state_of(22, [23]))
    assert _sent(_decide(room, 60, _with(PARTY))) == (PlayHow.APPEND, [24])
    room.feel(mood_of("sad"))
    room.hear(state_of(22, [23, 24]))
    assert _decide(room, 400, _with(PARTY))
    room.hear(state_of(1, [2, 3]))
    room.feel(mood_of("happy"))
    assert _sent(_decide(room, 800, _with(PARTY))) == (PlayHow.REPLACE_NEXT, [23, 24])


def test_a_restart_goes_on_in_the_playlist() -> None:
    room = _room()
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    _decide(room, shelf=_with(PARTY))
    room.hear(state_of(21, [22, 23]))
    restarted = _room(saved=room.saved)
    restarted.feel(mood_of("happy"))
    restarted.hear(state_of(None))
    assert _sent(_decide(restarted, shelf=_with(PARTY)))[1] == [22, 23, 24]


def test_a_changed_playlist_is_heard_at_the_next_song() -> None:
    room = _room()
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    _decide(room, shelf=_with(PARTY))
    room.hear(state_of(21, [22, 23]))
    changed = Pinned(7, "Party", "happy", tuple(song(number) for number in (21, 25, 22)))
    assert _sent(_decide(room, 5, _with(changed))) == (PlayHow.REPLACE_NEXT, [25, 22])


def test_pinning_and_unpinning_are_heard_at_the_next_song() -> None:
    room = _room()
    songs = _settled(room)
    assert _sent(_decide(room, 5, _with(PARTY))) == (PlayHow.REPLACE_NEXT, [21, 22])
    room.hear(state_of(songs[0], [21, 22]))
    how, others = _sent(_decide(room, 6))
    assert how is PlayHow.REPLACE_NEXT
    assert not set(others) & {21, 22, 23, 24, 25}


def test_a_playlist_for_another_mood_changes_nothing() -> None:
    room = _room()
    _settled(room, "sad")
    assert _decide(room, 5, _with(PARTY)) is None


def test_an_empty_pinned_playlist_leaves_the_choice_to_ranking() -> None:
    room = _room()
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    decision = _decide(room, shelf=_with(Pinned(7, "Party", "happy", ())))
    assert decision
    assert decision.record.playlist is None
    assert len(decision.request.tracks) == 3


def test_off_keeps_a_pinned_playlist_silent() -> None:
    room = _room(PolicyMode.OFF)
    room.feel(mood_of("happy"))
    room.hear(state_of(None))
    assert _decide(room, shelf=_with(PARTY)) is None
