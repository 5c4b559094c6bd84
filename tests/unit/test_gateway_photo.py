import pytest
from pydantic import ValidationError

from services.contracts.channels import MAX_FACES
from services.contracts.messages import PolicyMode
from services.contracts.moods import EXPRESSION_POINTS, NOBODY, UNKNOWN, Point
from services.gateway import photo, views
from services.gateway.photo import Answer, Reading


def answer(*faces: dict[str, float]) -> Answer:
    boxes = [{"x": 1, "y": 2, "width": 40 - at, "height": 50} for at in range(len(faces))]
    told = [{"box": box, "detector_score": 0.9, "expressions": face} for box, face in zip(boxes, faces, strict=True)]
    return Answer.model_validate({"width": 640, "height": 480, "model": "expression 1", "faces": told})


def test_one_face_says_its_mood_and_lies_where_that_lies() -> None:
    reading = photo.read(answer({"happy": 1.0}))
    assert (reading.mood, reading.share, reading.point) == ("happy", 1.0, EXPRESSION_POINTS["happy"])
    assert (photo.word(reading), photo.line(reading)) == ("Happy", "1 face · 100% happy")


def test_what_was_left_out_of_a_crowd_is_said() -> None:
    crowd = answer({"happy": 1.0}, {"happy": 1.0}).model_copy(update={"left_out": 68})
    assert photo.line(photo.read(crowd)) == "2 faces · 100% happy · 68 smaller ones not read"
    torn = answer({"happy": 1.0}, {"sad": 1.0}).model_copy(update={"left_out": 1})
    assert photo.line(photo.read(torn)) == "2 faces · no mood stands out · 1 smaller ones not read"


def test_faces_count_alike() -> None:
    reading = photo.read(answer({"happy": 0.9, "sad": 0.1}, {"happy": 0.6, "sad": 0.4}))
    assert reading.mood == "happy"
    assert reading.share == pytest.approx(0.75)
    assert photo.line(reading) == "2 faces · 75% happy"


@pytest.mark.parametrize(
    ("faces", "mood"),
    [
        ([{"happy": 0.99, "sad": 0.01}, {"happy": 0.45, "sad": 0.55}], UNKNOWN),
        ([{"happy": 0.8, "neutral": 0.15, "sad": 0.05}] * 2 + [{"sad": 1.0}], "happy"),
        ([{"happy": 0.8, "sad": 0.2}] * 2 + [{"sad": 1.0}] * 2, UNKNOWN),
        ([{"happy": 0.45, "sad": 0.3, "neutral": 0.25}], UNKNOWN),
    ],
    ids=["one of two", "two of three", "two of four", "none by half"],
)
def test_the_faces_of_a_picture_agree_as_the_people_of_a_room_do(faces: list[dict[str, float]], mood: str) -> None:
    assert photo.read(answer(*faces)).mood == mood


def test_where_nothing_stands_out_no_word_is_said_but_there_is_a_point() -> None:
    reading = photo.read(answer({"happy": 0.35, "sad": 0.35, "neutral": 0.3}))
    assert (reading.mood, photo.word(reading), photo.line(reading)) == (
        UNKNOWN, "Hard to say", "1 face · no mood stands out",
    )  # fmt: skip
    assert reading.point == pytest.approx((0.063, 0.084))


def test_two_faces_that_feel_unlike_have_no_mood_in_common() -> None:
    assert photo.read(answer({"happy": 0.98, "sad": 0.02}, {"sad": 1.0})).mood == UNKNOWN


def test_a_picture_without_a_face_has_no_point() -> None:
    reading = photo.read(answer())
    assert (reading.mood, reading.point) == (NOBODY, None)
    assert photo.plane(reading)["mood"] is None
    assert "No face was found" in photo.line(reading)


def test_an_expression_that_lies_nowhere_moves_no_point() -> None:
    assert photo.read(answer({"winking": 1.0})).point == (0, 0)


def test_the_bars_are_those_of_a_camera() -> None:
    faces = views.faces([(0, photo.message(answer({"happy": 0.8, "sad": 0.2}, {"sad": 1.0})))], 0)
    assert [face["title"] for face in faces] == ["Face 1: happy", "Face 2: sad"]


def test_the_plane_is_described_in_words() -> None:
    props = photo.plane(photo.read(answer({"happy": 1.0})))
    assert props["text"].endswith(": happy, valence 0.81, arousal 0.51")
    assert props["mood"] == {"valence": 0.81, "arousal": 0.51}


@pytest.mark.parametrize("faces", [[{}], [{"box": {}, "expressions": {}}], "none", [{"expressions": {"happy": 2}}]])
def test_what_is_no_answer_is_refused(faces: object) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate({"faces": faces})


def test_no_answer_has_more_faces_than_are_read_of_a_picture() -> None:
    assert len(answer(*[{"happy": 1.0}] * MAX_FACES).faces) == MAX_FACES
    with pytest.raises(ValidationError):
        answer(*[{"happy": 1.0}] * (MAX_FACES + 1))


@pytest.mark.parametrize(("share", "mood"), [(0.8, "focused"), (0.4, "neutral")])
def test_a_taught_mood_is_the_pictures_where_it_is_likelier_than_not(share: float, mood: str) -> None:
    said = answer({"neutral": 1.0}).model_dump()
    said["faces"][0]["taught"] = {"focused": share}
    reading = photo.read(Answer.model_validate(said), {"focused": Point(0.3, -0.4)})
    assert reading.mood == mood
    assert reading.share == pytest.approx(max(share, 1 - share))
    assert reading.point == pytest.approx((0.3 * share, -0.4 * share))
    [face] = photo.message(Answer.model_validate(said)).faces
    assert {row.label: row.probability for row in face.taught} == pytest.approx({"focused": share})


@pytest.mark.parametrize("order", [("focused", "bored"), ("bored", "focused")])
def test_of_several_taught_moods_the_likeliest_is_the_pictures(order: tuple[str, str]) -> None:
    said = answer({"neutral": 1.0}).model_dump()
    said["faces"][0]["taught"] = {"focused": 0.6, "bored": 0.9}
    assert photo.read(Answer.model_validate(said), {mood: Point(0, 0) for mood in order}).mood == "bored"


@pytest.mark.parametrize(
    ("policy", "ends"),
    [
        (None, "feels sad for 60 minutes"),
        (PolicyMode.LIFT, "for 60 minutes. Songs a little brighter than the mood"),
        (PolicyMode.OFF, "Moodring chooses no songs"),
    ],
)
def test_who_gives_a_room_a_pictures_mood_hears_who_chooses_the_songs(policy: PolicyMode | None, ends: str) -> None:
    said = photo.felt(Reading("sad", 0.8, 1, None), "living_room", policy, 60)
    assert said.startswith("Living room feels sad")
    assert said.endswith(ends)
