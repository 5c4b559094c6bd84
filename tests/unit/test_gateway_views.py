from datetime import timedelta

from services.contracts.messages import FaceYield, Playback
from services.contracts.moodring_pb2 import Expressions
from services.gateway import views
from tests.unit import gateway_doubles as make
from tests.unit.gateway_doubles import NOW


def expressions(*sizes: float, camera: str = "desk", **probabilities: float) -> Expressions:
    message = Expressions(camera=camera)
    for track, size in enumerate(sizes, 1):
        face = message.faces.add(track_id=track)
        face.box.width = face.box.height = size
        for label, probability in (probabilities or {"sad": 0.2, "happy": 0.8}).items():
            face.probabilities.add(label=label, probability=probability)
    return message


def test_bars_have_a_fixed_order_and_the_likeliest_stands_out() -> None:
    (face,) = views.faces([(100, expressions(50, bored=0.1, angry=0.7, happy=0.2))], 100)
    assert [(bar["label"], bar["percent"], bar["top"]) for bar in face["bars"]] == [
        ("happy", 20, False),
        ("angry", 70, True),
        ("bored", 10, False),
    ]
    assert face["title"] == "Face 1: angry"


def test_the_largest_faces_come_first_and_few_are_shown() -> None:
    shown = views.faces([(100, expressions(*range(10, 80, 10)))], 100)
    assert [face["id"] for face in shown] == ["desk-7", "desk-6", "desk-5", "desk-4"]


def test_a_face_has_the_number_of_its_box_in_the_picture() -> None:
    shown = views.faces([(100, expressions(10, 30, 20))], 100)
    assert [face["title"] for face in shown] == ["Face 2: happy", "Face 3: happy", "Face 1: happy"]


def test_faces_of_all_cameras_of_the_room_are_shown_with_the_cameras_name() -> None:
    seen = [(100.0, expressions(10)), (100.0, expressions(20, camera="door"))]
    assert [face["id"] for face in views.faces(seen, 100)] == ["door-1", "desk-1"]
    assert [face["title"] for face in views.faces(seen, 100)] == ["Face 1, Door: happy", "Face 1, Desk: happy"]


def test_what_was_seen_a_while_ago_is_gone() -> None:
    assert views.faces([(100, expressions(50))], 100 + views.FRESH_S)
    assert not views.faces([(100, expressions(50))], 100 + views.FRESH_S + 0.1)


def test_a_face_without_labels_breaks_nothing() -> None:
    message = Expressions(camera="desk")
    message.faces.add(track_id=1)
    assert views.faces([(100, message)], 100) == [{"id": "desk-1", "title": "Face 1", "bars": []}]


def test_the_plane_shows_the_mood_and_the_song() -> None:
    shown = views.plane(make.mood(), make.player(make.song(valence=-0.5, arousal=0.25)))
    assert shown["mood"] == {"valence": 0.6, "arousal": 0.4}
    assert shown["song"] == {"valence": -0.5, "arousal": 0.25}
    assert "happy" in shown["text"]


def test_an_unclear_mood_has_no_place_on_the_plane() -> None:
    for word in ("unknown", "nobody"):
        assert views.plane(make.mood(word), None)["mood"] is None
    assert views.plane(None, None)["mood"] is None


def test_the_position_runs_on_while_playing() -> None:
    later = NOW + timedelta(seconds=5)
    assert views.progress(make.player(make.song()), later)["position"] == 15
    assert views.progress(make.player(make.song(), playback=Playback.PAUSED), later)["position"] == 10


def test_the_stamp_changes_with_what_the_player_says_and_not_with_time() -> None:
    song = make.song()
    stamp = views.progress(make.player(song), NOW)["stamp"]
    assert views.progress(make.player(song), NOW + timedelta(seconds=9))["stamp"] == stamp
    assert views.progress(make.player(song, playback=Playback.PAUSED), NOW)["stamp"] != stamp
    assert views.progress(make.player(make.song()), NOW)["stamp"] != stamp


def test_without_a_song_there_is_no_progress() -> None:
    assert views.progress(make.player(), NOW) == {"position": 0, "duration": 0, "playing": False, "stamp": ""}


def test_the_usable_faces_come_first_in_their_bar() -> None:
    found = FaceYield(sights=200, usable=50, rejected={"too_small": 150}, text="Move it.")
    props = views.face_yield(found)
    assert props["text"] == "Move it."
    assert [(part["word"], part["kind"], part["percent"]) for part in props["parts"]] == [
        ("Usable", "usable", 25),
        ("Too small", "rejected", 75),
    ]


def test_before_anybody_was_seen_there_is_no_bar() -> None:
    assert views.face_yield(FaceYield(sights=0, usable=0, text="Nobody yet.")) == {"text": "", "parts": []}
