"""State of which a part is wrong: that part is lost, and nothing beside it."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel, ValidationError

from services.aggregator.state import PARTS as AGGREGATOR_PARTS
from services.aggregator.state import AggregatorState, Baseline, Calibration, Feedback, RoomState
from services.contracts.messages import Policy, PolicyMode, QueuedTrack, Track
from services.player.session import Session
from services.player.state import PARTS as PLAYER_PARTS
from services.player.state import SavedPlayer
from services.recommender.room import SavedRoom
from services.recommender.state import PARTS as RECOMMENDER_PARTS
from services.recommender.state import SavedRooms
from services.runtime.salvage import salvage
from services.runtime.state import StateFile
from tests.unit.recommender_doubles import mood_of

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SAID = mood_of("calm").model_copy(update={"until": AT})
TAUGHT = Calibration(
    baseline=Baseline(measured_at=AT, samples=300, distribution={"neutral": 0.8, "sad": 0.2}),
    answers=(Feedback(at=AT, decided="sad", right=False), Feedback(at=AT, decided="happy", right=True)),
)
ROOM = RoomState(mood=mood_of("happy"), override=SAID, calibration=TAUGHT)
HOUSE = AggregatorState(rooms={"home": ROOM, "kitchen": ROOM})
Place = Sequence[str | int]


def put(saved: BaseModel, where: Place, value: Any) -> bytes:
    """Return what a file holds with something else at a place."""
    content = json.loads(saved.model_dump_json())
    around = content
    for level in where[:-1]:
        around = around[level]
    around[where[-1]] = value
    return json.dumps(content).encode()


def without(**changed: Any) -> AggregatorState:
    """Return the house whose room `home` has lost something."""
    return HOUSE.model_copy(update={"rooms": {**HOUSE.rooms, "home": ROOM.model_copy(update=changed)}})


def taught(**changed: Any) -> AggregatorState:
    """Return the house whose room `home` has lost something that it was taught."""
    return without(calibration=TAUGHT.model_copy(update=changed))


@pytest.mark.parametrize(
    ("where", "value", "left", "lost"),
    [
        pytest.param(("mood", "colour"), "blue", HOUSE, "rooms.home.mood.colour", id="a key of a later version"),
        pytest.param(("mood", "confidence"), 2, without(mood=None), "rooms.home.mood", id="mood"),
        pytest.param(("mood",), "happy", without(mood=None), "rooms.home.mood", id="no mood at all"),
        pytest.param(("override", "until"), "noon", without(override=None), "rooms.home.override", id="override"),
        pytest.param(
            ("calibration", "baseline", "samples"), -1, taught(baseline=None), "rooms.home.calibration.baseline",
            id="baseline",
        ),
        pytest.param(
            ("calibration", "answers", 0, "right"), "maybe", taught(answers=TAUGHT.answers[1:]),
            "rooms.home.calibration.answers.0", id="one answer",
        ),
        pytest.param(
            ("calibration",), None, taught(baseline=None, answers=()), "rooms.home.calibration", id="calibration"
        ),
        pytest.param(
            ("calibration", "answers"), "none", taught(answers=()), "rooms.home.calibration.answers", id="answers"
        ),
        pytest.param(
            ("calibration", "baseline", "logs"), {"neutral": -0.2}, taught(baseline=None),
            "rooms.home.calibration.baseline", id="a baseline of one expression",
        ),
        pytest.param(("override", "until"), None, without(override=None), "rooms.home.override", id="without end"),
        pytest.param((), 5, AggregatorState(rooms={"kitchen": ROOM}), "rooms.home", id="everything of a room"),
    ],
)  # fmt: skip
def test_a_wrong_part_of_a_room_is_lost_alone(where: Place, value: Any, left: AggregatorState, lost: str) -> None:
    found, left_out = salvage(AggregatorState, put(HOUSE, ("rooms", "home", *where), value), AGGREGATOR_PARTS)
    assert found == left
    assert [*left_out] == [lost]


def test_a_room_that_no_room_can_be_called_is_left_out() -> None:
    found, left_out = salvage(AggregatorState, put(HOUSE, ("rooms", "Attic!"), {}), AGGREGATOR_PARTS)
    assert found == HOUSE
    assert [*left_out] == ["rooms.Attic!"]


def test_several_wrong_ones_of_a_list_are_left_out_and_the_others_keep_their_order() -> None:
    answers = [{"at": AT.isoformat(), "decided": mood, "right": True} for mood in ("sad", "!", "angry", "?", "happy")]
    text = put(HOUSE, ("rooms", "home", "calibration", "answers"), answers)
    found, left_out = salvage(AggregatorState, text, AGGREGATOR_PARTS)
    assert [one.decided for one in found.rooms["home"].calibration.answers] == ["sad", "angry", "happy"]
    assert {*left_out} == {f"rooms.home.calibration.answers.{number}" for number in (1, 3)}


SAVED_ROOM = SavedRoom(policy=Policy(mode=PolicyMode.LIFT), heard=(1, 2), last_play=uuid4())
SAVED_ROOMS = SavedRooms(rooms={"home": SAVED_ROOM, "kitchen": SAVED_ROOM}, forgotten={"home": uuid4()})


@pytest.mark.parametrize(
    ("where", "value", "rooms"),
    [
        pytest.param(("rooms", "home", "policy", "until"), 7, {"home", "kitchen"}, id="a key of a later version"),
        pytest.param(("rooms", "home", "policy", "exceptions"), {"sad": "loud"}, {"home", "kitchen"}, id="exception"),
        pytest.param(("rooms", "home", "heard"), "all", {"home", "kitchen"}, id="songs that were heard"),
        pytest.param(("rooms", "home", "policy", "mode"), "loud", {"kitchen"}, id="a policy that is none"),
        pytest.param(("rooms", "home"), {}, {"kitchen"}, id="a room without a policy"),
        pytest.param(("forgotten", "attic"), "x", {"home", "kitchen"}, id="a decision that was forgotten"),
    ],
)
def test_the_recommender_loses_what_is_wrong_alone(where: Place, value: Any, rooms: set[str]) -> None:
    found, left_out = salvage(SavedRooms, put(SAVED_ROOMS, where, value), RECOMMENDER_PARTS)
    assert {*found.rooms} == rooms
    assert all(room.policy == SAVED_ROOM.policy for room in found.rooms.values())
    assert found.forgotten == SAVED_ROOMS.forgotten
    assert len(left_out) == 1


SONGS = tuple(QueuedTrack(track=Track(song_id=number, title="", uri="file:///1.mp3")) for number in range(1, 4))
PLAYING = Session(current=SONGS[0], queue=SONGS[1:], recent=SONGS, volume=20)


@pytest.mark.parametrize(
    ("where", "value", "songs"),
    [
        pytest.param(("current", "track", "label"), "x", (1, 2, 3), id="a key of a later version"),
        pytest.param(("queue", 0, "track", "song_id"), 0, (1, 3), id="a song that waits"),
        pytest.param(("recent", 0), None, (1, 2, 3), id="a song that was"),
        pytest.param(("current", "track", "uri"), None, (2, 3), id="the song that plays"),
    ],
)
def test_the_player_loses_what_is_wrong_alone(where: Place, value: Any, songs: tuple[int, ...]) -> None:
    text = put(SavedPlayer(session=PLAYING), ("session", *where), value)
    session = salvage(SavedPlayer, text, PLAYER_PARTS)[0].session
    assert session.volume == 20
    left = (session.current, *session.queue) if session.current else session.queue
    assert tuple(queued.track.song_id for queued in left) == songs


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff", b"[]", b'{"rooms": 5}', b'{"rooms": {"home": {"mood": {}}}'],
)
def test_what_is_wrong_outside_all_parts_is_refused(text: bytes) -> None:
    with pytest.raises(ValidationError):
        salvage(AggregatorState, text, AGGREGATOR_PARTS)


def _file(path: Path) -> StateFile[AggregatorState]:
    return StateFile(path / "aggregator.json", AggregatorState, AGGREGATOR_PARTS)


def test_a_file_that_is_partly_wrong_is_kept_as_it_was_and_one_line_names_what_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = put(HOUSE, ("rooms", "home", "mood", "confidence"), 2)
    (tmp_path / "aggregator.json").write_bytes(text)
    with caplog.at_level(logging.WARNING):
        assert _file(tmp_path).load() == without(mood=None)
    [line] = caplog.messages
    assert "left out is rooms.home.mood (confidence: Input should be less than or equal to 1); the rest" in line
    assert (tmp_path / "aggregator.broken").read_bytes() == text
    assert (tmp_path / "aggregator.broken").stat().st_mode & 0o777 == 0o600


def test_of_many_losses_some_are_named_and_the_others_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rooms = {f"room_{number}": {"mood": 5} for number in range(100)}
    (tmp_path / "aggregator.json").write_text(json.dumps({"rooms": rooms}))
    loaded = _file(tmp_path).load()
    assert loaded is not None
    assert len(loaded.rooms) == 100
    assert "and 80 more; the rest" in caplog.text
