from services.contracts.channels import MAX_ROOMS
from services.contracts.messages import Event, EventType, Policy, Privacy, ServiceState
from services.gateway.state import MAX_CAMERAS, MAX_INSTANCES, Change, House, away, full, learn, snapshot
from tests.unit import gateway_doubles as make


def known(*changes: Change) -> House:
    house = House()
    for change in changes:
        house = learn(house, change)
    return house


def test_each_state_lands_in_its_place() -> None:
    house = known(
        Change("mood", {"room": "home"}, make.mood()),
        Change("player", {"room": "home"}, make.player()),
        Change("policy", {"room": "home"}, Policy()),
        Change("privacy", {"room": "home"}, Privacy.OFF),
        Change("camera", {"room": "home", "camera": "door"}, make.camera()),
        Change("service", {"service": "camera", "instance": "a"}, make.status()),
    )
    room = house.rooms["home"]
    assert (room.mood, room.player, room.policy, room.privacy) == (
        make.mood(),
        make.player(),
        Policy(),
        Privacy.OFF,
    )
    assert list(room.cameras) == ["door"]
    assert house.services == {"camera": {"a": make.status()}}


def test_what_was_known_before_stays_as_it_was() -> None:
    before = known(Change("mood", {"room": "home"}, make.mood("sad")))
    learn(before, Change("mood", {"room": "home"}, make.mood("happy")))
    assert before.rooms["home"].mood == make.mood("sad")


def test_what_is_withdrawn_is_gone_and_with_its_last_thing_the_room() -> None:
    first = known(
        Change("mood", {"room": "home"}, make.mood()),
        Change("camera", {"room": "home", "camera": "door"}, make.camera()),
        Change("camera", {"room": "home", "camera": "hall"}, make.camera()),
        Change("service", {"service": "camera", "instance": "a"}, make.status()),
    )
    house = learn(first, Change("camera", {"room": "home", "camera": "door"}, None))
    assert list(house.rooms["home"].cameras) == ["hall"]
    house = learn(house, Change("camera", {"room": "home", "camera": "hall"}, None))
    house = learn(house, Change("service", {"service": "camera", "instance": "a"}, None))
    assert (list(house.rooms), house.services) == (["home"], {})
    house = learn(house, Change("mood", {"room": "home"}, None))
    assert house == House() == learn(House(), Change("camera", {"room": "home", "camera": "door"}, None))


def test_an_event_is_no_state() -> None:
    house = House()
    assert learn(house, Change("event", {"room": "home"}, Event(type=EventType.PROBLEM))) is house


def test_a_snapshot_leads_to_the_same_house() -> None:
    house = known(
        Change("mood", {"room": "home"}, make.mood()),
        Change("camera", {"room": "garden", "camera": "door"}, make.camera()),
        Change("service", {"service": "camera", "instance": "a"}, make.status()),
    )
    assert known(*snapshot(house)) == house


def test_rooms_cameras_and_instances_are_bounded() -> None:
    house = known(
        *(Change("mood", {"room": f"room_{n}"}, make.mood()) for n in range(MAX_ROOMS + 5)),
        *(Change("camera", {"room": "room_0", "camera": f"c{n}"}, make.camera()) for n in range(MAX_CAMERAS + 5)),
        *(Change("service", {"service": "s", "instance": str(n)}, make.status()) for n in range(MAX_INSTANCES + 5)),
    )
    assert len(house.rooms) == MAX_ROOMS
    assert full(house, Change("mood", {"room": "one_more"}, make.mood()))
    assert not full(house, Change("mood", {"room": "room_1"}, make.mood()))
    assert len(house.rooms["room_0"].cameras) == MAX_CAMERAS
    assert len(house.services["s"]) == MAX_INSTANCES


def test_a_known_room_is_still_followed_when_there_is_no_space_for_more() -> None:
    house = known(*(Change("mood", {"room": f"room_{n}"}, make.mood("sad")) for n in range(MAX_ROOMS)))
    house = learn(house, Change("mood", {"room": "room_3"}, make.mood("happy")))
    assert house.rooms["room_3"].mood == make.mood("happy")


def test_a_service_is_away_when_none_of_its_instances_is_there() -> None:
    house = known(
        Change("service", {"service": "camera", "instance": "a"}, make.status(ServiceState.OFFLINE)),
        Change("service", {"service": "player", "instance": "a"}, make.status(ServiceState.OFFLINE)),
        Change("service", {"service": "player", "instance": "b"}, make.status(ServiceState.ONLINE)),
    )
    assert away(house) == ("camera",)
