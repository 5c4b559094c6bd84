"""What the aggregator holds stays bounded however many days, rooms and faces there are: objects are counted."""

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.aggregator import rooms as rooms_module
from services.aggregator.calibration import Verdict
from services.aggregator.room import Room
from services.aggregator.rooms import MAX_STRANGERS, Rooms
from services.aggregator.state import AggregatorState
from services.contracts.messages import CameraState
from services.contracts.moods import EXPRESSIONS
from services.runtime.mood_settings import MoodRules
from services.runtime.settings import Settings
from tests.unit.aggregator_doubles import START, Scene, seen

DAY_S = 86_400.0


def held(root: object) -> int:
    """Return how many objects can be reached from one: its attributes, and what containers hold."""
    known: dict[int, object] = {}
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) not in known and not isinstance(one, type) and not callable(one):
            known[id(one)] = one
            waiting.extend(_parts(one))
    return len(known)


def _parts(one: Any) -> Iterator[object]:
    if isinstance(one, Mapping):
        yield from one.keys()
        yield from one.values()
    elif isinstance(one, list | tuple | set | frozenset | deque):
        yield from one
    else:
        yield from getattr(one, "__dict__", {}).values()
        slots = [slot for kind in type(one).__mro__ for slot in getattr(kind, "__slots__", ())]
        yield from (getattr(one, slot) for slot in slots if hasattr(one, slot))


def crowd(room: Room, start: float, day: int, *, seconds: int = 8, faces: int = 40) -> None:
    """Let many faces come, of tracks and cameras that were never there before, and look every second."""
    for second in range(seconds):
        at = start + second
        for camera in (f"hall_{day % 3}", f"door_{day % 3}"):
            room.hear(camera, CameraState.OK, at)
            for face in range(faces):
                track = 1_000_000 * day + 1000 * second + face
                word = EXPRESSIONS[face % len(EXPRESSIONS)]
                room.observe(seen(at, word, track=track, camera=camera, frame=f"{camera}-{day}-{second}"), at)
        room.look(at)


def test_objects_are_counted_in_whatever_holds_them() -> None:
    assert held(["a", "b"]) == 3
    scene = Scene()
    before = held(scene.room)
    scene.play(5, "happy")
    assert held(scene.room) > before + 25


def test_a_room_holds_no_more_after_two_weeks_of_new_faces_and_answers_than_after_some_days() -> None:
    room, found = Room(MoodRules(), START), []
    for day in range(14):
        start = START + day * DAY_S
        crowd(room, start, day)
        for _ in range(60):
            room.judge(Verdict(right=False, mood="happy"), start + 8)
        found.append(held(room))
    assert max(found[6:]) <= max(found[3:6]) * 1.02
    assert max(found) < 100_000


def test_a_room_that_is_left_alone_forgets_its_faces() -> None:
    room = Room(MoodRules(), START)
    crowd(room, START, 0)
    full = held(room)
    room.look(START + 3600)
    assert held(room) < full / 10


def test_rooms_are_forgotten_with_what_they_held_when_others_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 20)
    rooms, found = Rooms(Settings(data=tmp_path), START, AggregatorState()), []
    for day in range(6):
        start = START + 2 * day * DAY_S
        for number in range(19):
            crowd(rooms.enter(f"room_{day}_{number}", start), start, day, seconds=1)
        for number in range(3 * MAX_STRANGERS):
            crowd(rooms.listen(f"stranger_{day}_{number}", start), start, day, seconds=1, faces=5)
        found.append(held(rooms))
    assert len(rooms) == 20
    assert max(found[2:]) <= max(found[:2]) * 1.02
