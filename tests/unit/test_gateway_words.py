import math
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from services.contracts.colours import EMPTY, NO_MOOD, colour, hexadecimal, mood_colour
from services.contracts.messages import CameraState, Mood, MoodSource, Privacy, ServiceState
from services.contracts.moods import EXPRESSIONS, MOOD_POINTS, Point
from services.gateway import words
from services.gateway.state import House, Room
from tests.unit import gateway_doubles as make
from tests.unit.gateway_doubles import NOW


@pytest.mark.parametrize(
    ("mood", "word", "line"),
    [
        (make.mood("happy"), "Happy", "82 % sure · 1 person · last 15 s"),
        (make.mood("sad", people=0), "Sad", "82 % sure · last 15 s"),
        (make.mood("unknown", people=2), "Not sure yet", "2 people · no mood stands out"),
        (make.mood("unknown", people=0), "Not sure yet", "Faces are read; some seconds of them are needed."),
        (make.mood("unknown", people=0, samples=0), "Not sure yet", "No face is read at the moment."),
        (make.mood("nobody", people=0), "Nobody here", "No face has been seen for a while."),
        (
            make.mood("movie_night", source=MoodSource.OVERRIDE, until=NOW + timedelta(minutes=42)),
            "Movie night",
            "Set by hand for another 42 min",
        ),
        (make.mood("calm", source=MoodSource.OVERRIDE), "Calm", "Set by hand"),
        (None, "One moment", "The first mood appears some seconds after the first face."),
    ],
)
def test_a_mood_in_words(mood: Mood | None, word: str, line: str) -> None:
    assert (words.mood_word(mood), words.mood_line(mood, NOW)) == (word, line)


@pytest.mark.parametrize(
    ("state", "privacy", "away", "note"),
    [
        (CameraState.OK, Privacy.OFF, False, ""),
        (CameraState.DARK, Privacy.OFF, False, ""),
        (CameraState.OK, Privacy.ON, False, "The camera is not closed yet …"),
        (None, Privacy.ON, False, "Waiting for the camera …"),
        (CameraState.OFFLINE, Privacy.ON, False, "unplugged"),
        (CameraState.PRIVATE, None, False, "unplugged Nobody is watched."),
        (CameraState.OFFLINE, Privacy.OFF, False, "unplugged"),
        (CameraState.OK, Privacy.OFF, True, "The camera is away."),
        (None, None, False, "Waiting for the camera …"),
    ],
)
def test_why_there_is_no_picture(state: CameraState | None, privacy: Privacy | None, away: bool, note: str) -> None:
    status = make.camera(state, "unplugged") if state else None
    room = Room(privacy=privacy, cameras={"door": status} if status else {})
    assert words.camera_note(status, room, away)[0] == note


def test_nobody_is_watched_only_when_every_camera_says_so() -> None:
    closed, live = make.camera(CameraState.PRIVATE), make.camera(CameraState.OK)
    room = Room(privacy=Privacy.ON, cameras={"door": closed, "desk": live})
    assert "Nobody" not in words.camera_note(closed, room, False)[0]
    assert words.switch_word(room) == "Camera closing"
    room = Room(privacy=Privacy.ON, cameras={"door": closed, "desk": closed})
    assert "Nobody is watched" in words.camera_note(closed, room, False)[0]
    assert words.switch_word(room) == "Camera off"


@pytest.mark.parametrize(
    ("room", "word"),
    [
        (Room(), "No camera"),
        (Room(privacy=Privacy.OFF, cameras={"door": make.camera()}), "Camera on"),
        (Room(privacy=Privacy.OFF, cameras={"door": make.camera(CameraState.OFFLINE, "unplugged")}), "Camera away"),
        (Room(privacy=Privacy.ON, cameras={"door": make.camera(CameraState.OFFLINE, "unplugged")}), "Camera off"),
    ],
)
def test_the_switch_in_words(room: Room, word: str) -> None:
    assert words.switch_word(room) == word


def test_the_switch_says_what_was_asked_for_until_it_is_done() -> None:
    room = Room(privacy=Privacy.OFF, cameras={"door": make.camera()})
    assert words.switch_word(room, Privacy.ON) == "Camera closing …"
    assert words.switch_word(room, Privacy.OFF) == "Camera opening …"


def test_only_rooms_with_a_camera_or_a_player_are_shown() -> None:
    rooms = {
        "hall": Room(cameras={"door": make.camera()}), "bath": Room(player=make.player()),
        "cleared": Room(mood=make.mood(), privacy=Privacy.OFF),
    }  # fmt: skip
    assert words.furnished(House(rooms=rooms)) == ("bath", "hall")


def test_rooms_of_the_settings_are_shown_before_anything_is_heard_of_them() -> None:
    rooms = {"hall": Room(cameras={"door": make.camera()})}
    assert words.furnished(House(rooms=rooms), ("study", "hall")) == ("hall", "study")


@pytest.mark.parametrize(("hours", "word"), [(1, "1 hour,"), (2, "2 hours,"), (0.5, "0.5 hours,")])
def test_how_long_faces_are_kept(hours: float, word: str) -> None:
    kept = make.camera().model_copy(update={"kept_hours": hours})
    assert word in words.kept_note(Room(cameras={"door": kept}))


def test_why_no_face_is_read() -> None:
    house = House(services={"inference": {"a": make.status()}})
    assert words.face_note(house, Room()) == "No face in view."
    assert words.face_note(house, Room(cameras={"a": make.camera(CameraState.DARK)})) == "It is too dark to see a face."
    lost = make.camera(CameraState.OFFLINE, "unplugged")
    assert words.face_note(house, Room(cameras={"a": lost})) == "No face is read while the camera is away."
    assert words.face_note(house, Room(cameras={"a": lost, "b": make.camera()})) == "No face in view."
    assert words.face_note(House(), Room()) == "Faces are not read at the moment."
    assert "camera is off" in words.face_note(
        house, Room(privacy=Privacy.ON, cameras={"a": make.camera(CameraState.PRIVATE)})
    )


def test_a_service_that_is_away_is_named_with_what_that_means() -> None:
    house = House(services={"inference": {"a": make.status(ServiceState.OFFLINE, "old problem")}})
    assert words.problems(house, Room(), bus_away=False) == [
        "The expression reader is away: faces are not read until it is back."
    ]


def test_problems_of_services_and_cameras_are_told_once() -> None:
    house = House(
        services={
            "camera": {"a": make.status(ServiceState.ONLINE, "cannot open /dev/video0", parts=("camera desk",))},
            "player": {
                "a": make.status(ServiceState.ONLINE, "no sound"),
                "b": make.status(ServiceState.ONLINE, "no sound"),
            },
        }
    )
    room = Room(
        cameras={
            "desk": make.camera(CameraState.OFFLINE, "cannot open /dev/video0"),
            "door": make.camera(CameraState.COVERED, "something is in front of it"),
            "off": make.camera(CameraState.PRIVATE, "closed"),
        }
    )
    assert words.problems(house, room, bus_away=False) == [
        "The player: no sound",
        "Desk: cannot open /dev/video0",
        "Door: something is in front of it",
    ]


def test_a_camera_among_others_is_named_and_told_once() -> None:
    gone = make.camera(CameraState.OFFLINE, "It is gone.")
    problems = ("The one in the hall, in any words.", "Yard (garden): It is gone.", "The broker is away.")
    parts = ("camera door", "camera yard", "broker")
    house = House(
        services={"camera": {"a": make.status(ServiceState.ONLINE, *problems, parts=parts)}},
        rooms={"hall": Room(cameras={"door": gone}), "garden": Room(cameras={"yard": gone})},
    )
    assert words.problems(house, house.rooms["hall"], bus_away=False) == [
        "The camera: Yard (garden): It is gone.",
        "The camera: The broker is away.",
        "Door: It is gone.",
    ]
    status = make.status(ServiceState.ONLINE, "It is gone.", parts=("camera door",))
    alone = House(services={"camera": {"a": status}})
    assert words.problems(alone, Room(cameras={"door": gone}), bus_away=False) == ["The camera: It is gone."]


def test_a_film_that_is_over_is_no_problem() -> None:
    over = make.camera(CameraState.OFFLINE, "It has ended.").model_copy(update={"well": True})
    assert words.problems(House(), Room(cameras={"film": over}), bus_away=False) == []


def test_without_the_bus_nothing_else_is_certain() -> None:
    house = House(services={"camera": {"a": make.status(ServiceState.OFFLINE)}})
    (problem,) = words.problems(house, Room(), bus_away=True)
    assert "message bus is away" in problem


def test_why_a_song_plays() -> None:
    assert words.why(None) == ""
    assert words.why(make.player(make.song(reason="It fits."))) == "It fits."
    assert words.why(make.player(make.song(reason="").model_copy(update={"decision_id": None}))) == "Chosen by hand."


@pytest.mark.parametrize("mood", sorted(MOOD_POINTS))
def test_every_mood_has_a_colour(mood: str) -> None:
    assert colour(MOOD_POINTS[mood]).startswith("oklch(0.82 ")


@pytest.mark.parametrize(
    ("point", "hue"),
    [
        (Point(1, 1), "62)"),
        (Point(-1, 1), "20)"),
        (Point(-1, -1), "255)"),
        (Point(1, -1), "168)"),
        (Point(1, 0), "115)"),
    ],
)
def test_the_direction_on_the_plane_is_the_hue(point: Point, hue: str) -> None:
    assert colour(point).endswith(f" {hue}")


def test_no_mood_is_grey_and_nobody_is_dark() -> None:
    assert colour(None) == NO_MOOD
    assert mood_colour("nobody") == EMPTY


def test_the_models_moods_can_be_told_apart_by_colour() -> None:
    """A difference of 0.02 in OKLab is just noticed side by side; in a strip or a dot it takes several times that."""

    def lab(mood: str) -> tuple[float, float, float]:
        lightness, chroma, hue = map(float, mood_colour(mood).removeprefix("oklch(").removesuffix(")").split())
        return lightness, chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))

    for one, other in combinations((*EXPRESSIONS, "unknown", "nobody"), 2):
        assert math.dist(lab(one), lab(other)) > 0.08, (one, other)


@pytest.mark.parametrize(
    ("css", "said"),
    [
        ("oklch(1 0 0)", "#ffffff"),
        ("oklch(0 0 0)", "#000000"),
        ("oklch(0.628 0.2577 29.23)", "#ff0000"),
        ("oklch(0.8664 0.2948 142.5)", "#00ff00"),
        ("oklch(0.452 0.3132 264.05)", "#0000ff"),
    ],
)
def test_a_colour_is_said_for_pictures_as_a_browser_shows_it(css: str, said: str) -> None:
    found = hexadecimal(css)
    assert all(abs(int(found[at : at + 2], 16) - int(said[at : at + 2], 16)) <= 2 for at in (1, 3, 5))


def test_every_expression_has_a_colour_of_its_own() -> None:
    colours = [hexadecimal(mood_colour(mood)) for mood in (*EXPRESSIONS, "unknown", "nobody")]
    for one, two in combinations(colours, 2):
        assert sum(abs(int(one[at : at + 2], 16) - int(two[at : at + 2], 16)) for at in (1, 3, 5)) > 20


SAD = {
    "sad": {"enter": 0.49, "leave": 0.34, "usual": 0.45, "shift": 0.04},
    "happy": {"enter": 0.45, "leave": 0.3, "usual": 0.45, "shift": 0},
}
LESSON: dict[str, Any] = {"baseline": None, "factors": {}, "measuring": None, "problem": "", "thresholds": {}}
NEARLY_SURE = {"sad": {"enter": 0.9933, "leave": 0.14, "usual": 0.99, "shift": 0.04}}
MEASURED = LESSON | {"baseline": {"samples": 300}}


@pytest.mark.parametrize(
    ("lesson", "said"),
    [
        (LESSON, ""),
        (LESSON | {"thresholds": SAD}, "Sad needs 49 % instead of 45 %."),
        (LESSON | {"thresholds": NEARLY_SURE}, "Sad needs 99.3 % instead of 99 %."),
        (LESSON | {"measuring": {"samples": 12}}, "Look at the camera with a resting face for a minute: 12 pictures"),
        (LESSON | {"problem": "only 3 faces"}, "Only 3 faces."),
        (MEASURED, "Your resting face is known: it looks neutral as it is."),
        (MEASURED | {"factors": {"sad": 0.25}}, "Your resting face is known: sad counts 25 %."),
        (MEASURED | {"thresholds": SAD}, "as it is. Sad needs 49 % instead of 45 %."),
    ],
)
def test_what_was_taught_is_said(lesson: dict[str, Any], said: str) -> None:
    assert said in words.taught(lesson)
    assert bool(said) == bool(words.taught(lesson))


@pytest.mark.parametrize("mood", [None, make.mood("nobody", people=0), make.mood("unknown", people=0)])
def test_no_mood_is_promised_while_the_camera_is_off(mood: Mood | None) -> None:
    assert words.mood_line(mood, NOW, blind=True) == "The camera is off. Say below how it should feel."
