"""Which rooms the recommender knows, and which of them make place for new ones."""

from random import Random

import pytest

from services.contracts.channels import SILENT_ROOM_S
from services.contracts.messages import Policy, PolicyMode
from services.recommender import rooms as rooms_module
from services.recommender.room import SavedRoom
from services.recommender.rooms import Rooms, TooManyRoomsError
from tests.unit.recommender_doubles import state_of

LIFTED = SavedRoom(policy=Policy(mode=PolicyMode.LIFT))


class House:
    """Rooms of which there can be three, one of them of the settings."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self.rooms = Rooms({"home"}, PolicyMode.MIRROR, Random(1), self.forgotten.append)
        self.rooms.restore({}, 0)

    def enter(self, *names: str, at: float = 0) -> set[str]:
        """Have rooms heard, and return those that are there."""
        for name in names:
            self.rooms.enter(name, at)
        return {*self.rooms.names}


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(rooms_module, "MAX_ROOMS", 3)
    return House()


def test_the_room_that_was_silent_longest_makes_place_after_a_day(house: House) -> None:
    house.enter("attic", at=10)
    house.enter("kitchen", at=20)
    house.enter("attic", at=30)
    with pytest.raises(TooManyRoomsError, match="there are 3 rooms already; the room cellar is left out"):
        house.enter("cellar", at=20 + SILENT_ROOM_S - 1)
    assert house.enter("cellar", at=20 + SILENT_ROOM_S) == {"home", "attic", "cellar"}
    assert house.forgotten == ["kitchen"]


def test_a_room_whose_mood_was_withdrawn_makes_place_at_once(house: House) -> None:
    house.enter("attic", "kitchen")
    house.rooms.miss("kitchen")
    assert house.enter("cellar") == {"home", "attic", "cellar"}


def test_a_room_whose_mood_was_withdrawn_stays_where_it_is_heard_again(house: House) -> None:
    house.enter("attic", "kitchen")
    house.rooms.miss("kitchen")
    house.enter("kitchen")
    with pytest.raises(TooManyRoomsError):
        house.enter("cellar")


def test_a_silent_room_is_forgotten_unless_somebody_gave_it_a_policy(house: House) -> None:
    house.rooms.restore({"attic": LIFTED}, 0)
    house.enter("kitchen")
    for at_s in range(0, round(SILENT_ROOM_S), 1800):
        house.rooms.forget_silent(at_s)
    assert {*house.rooms.names} == {"home", "attic", "kitchen"}
    house.rooms.forget_silent(SILENT_ROOM_S)
    assert {*house.rooms.names} == {"home", "attic"}


def test_a_clock_that_is_set_makes_no_room_silent(house: House) -> None:
    house.enter("kitchen")
    for at_s in (0, 10 * SILENT_ROOM_S, 0):
        house.rooms.forget_silent(at_s)
    assert {*house.rooms.names} == {"home", "kitchen"}


def test_a_room_whose_player_has_no_news_is_there(house: House) -> None:
    house.enter("kitchen")
    player = house.rooms.get("kitchen")
    assert player
    player.hear(state_of(None))
    house.rooms.miss("kitchen")
    for at_s in range(0, 2 * round(SILENT_ROOM_S), 1800):
        house.rooms.forget_silent(at_s)
    assert {*house.rooms.names} == {"home", "kitchen"}


def test_a_room_of_the_settings_makes_place_for_no_other(house: House) -> None:
    house.enter("attic", "kitchen", at=SILENT_ROOM_S)
    house.rooms.miss("home")
    house.rooms.miss("never_heard_of")
    house.rooms.forget_silent(SILENT_ROOM_S)
    with pytest.raises(TooManyRoomsError):
        house.enter("cellar", at=SILENT_ROOM_S)


def test_rooms_that_were_saved_are_there_and_silent_from_now_on(house: House) -> None:
    house.rooms.restore({"attic": LIFTED, "kitchen": LIFTED, "Cellar!": LIFTED}, 1000)
    assert {*house.rooms.names} == {"home", "attic", "kitchen"}
    assert house.rooms.policy("attic") == LIFTED.policy
    with pytest.raises(TooManyRoomsError):
        house.enter("cellar", at=SILENT_ROOM_S + 999)


def test_a_room_that_comes_back_is_a_new_one(house: House) -> None:
    house.rooms.restore({"attic": LIFTED, "kitchen": LIFTED}, 0)
    house.enter("cellar", at=SILENT_ROOM_S)
    house.rooms.miss("cellar")
    house.enter(*house.forgotten, at=SILENT_ROOM_S)
    assert house.rooms.policy(house.forgotten[0]).mode is PolicyMode.MIRROR
