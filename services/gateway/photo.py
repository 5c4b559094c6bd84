"""What the photo page says of one picture: the mood of its faces, and where that lies. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.agreement import HALF, agreed, understood
from services.contracts.channels import MAX_FACES, spoken
from services.contracts.messages import Axis, Name, PolicyMode, Track, Unit
from services.contracts.moodring_pb2 import Box, Expression, Expressions, LabelProbability
from services.contracts.moods import EXPRESSION_POINTS, MAX_CUSTOM_MOODS, NOBODY, UNKNOWN, Point
from services.gateway.views import REFERENCES
from services.gateway.words import POLICIES

SONGS: Final = 5
_PARTS: Final = ConfigDict(extra="ignore", frozen=True)


class Rectangle(BaseModel):
    """Where a face is, in pixels of the photo."""

    model_config = _PARTS

    width: float
    height: float


class Face(BaseModel):
    """A face as `POST /api/expressions` tells it."""

    model_config = _PARTS

    box: Rectangle
    expressions: dict[Name, Unit]
    taught: Annotated[dict[Name, Unit], Field(max_length=MAX_CUSTOM_MOODS)] = {}


class Answer(BaseModel):
    """What `POST /api/expressions` answers, as far as it is shown; it comes by way of the browser."""

    model_config = _PARTS

    faces: Annotated[tuple[Face, ...], Field(max_length=MAX_FACES)] = ()
    left_out: Annotated[int, Field(ge=0)] = 0


class Song(BaseModel):
    """A song as `GET /api/songs` tells it."""

    model_config = _PARTS

    id: int
    uri: str
    title: str
    artist: str
    duration_s: float | None = None
    valence: Axis
    arousal: Axis

    @property
    def track(self) -> Track:
        """The song as the player takes it."""
        return Track(song_id=self.id, **self.model_dump(exclude={"id"}))


@dataclass(frozen=True)
class Reading:
    """What a picture says.

    Attributes:
        mood: Its mood, `unknown` where none stands out, `nobody` without a face.
        share: The mood's share of the faces' probability, 0 to 1.
        faces: How many were read.
        point: Where the faces lie on the plane on average; `None` without a face.
        left_out: How many smaller faces were not read.
    """

    mood: str
    share: float
    faces: int
    point: Point | None
    left_out: int = 0


def read(answer: Answer, taught: Mapping[str, Point] | None = None) -> Reading:
    """Return what a picture says: its faces, each of one vote, are joined as the people of a room are.

    Its mood is the one that more than half of them believe and that is likelier than not.

    Args:
        answer: The faces.
        taught: Where the moods lie that the household taught.
    """
    places = {**(taught or {}), **EXPRESSION_POINTS}
    faces = [understood(face.expressions, _known(face.taught, taught or {})) for face in answer.faces]
    words = list(dict.fromkeys(word for face in faces for word in face))
    if not words:
        return Reading(NOBODY, 0, len(faces), None)
    together = agreed([{word: face.get(word, 0.0) for word in words} for face in faces], [1.0] * len(faces))
    shares = {word: sum(face.get(word, 0.0) for face in faces) / len(faces) for word in words}
    top = max(together, key=together.__getitem__)
    known = {word: share for word, share in shares.items() if word in places}
    point = Point(
        sum(share * places[word].valence for word, share in known.items()),
        sum(share * places[word].arousal for word, share in known.items()),
    )
    mood = top if together[top] > HALF else UNKNOWN
    return Reading(mood, shares[top], len(faces), point, answer.left_out)


def _known(shares: Mapping[str, float], taught: Mapping[str, Point]) -> dict[str, float]:
    return {mood: share for mood, share in shares.items() if mood in taught}


def word(reading: Reading) -> str:
    """Return the big word."""
    return {UNKNOWN: "Hard to say", NOBODY: "Nobody here"}.get(reading.mood, spoken(reading.mood))


def line(reading: Reading) -> str:
    """Return what stands below the big word."""
    if reading.mood == NOBODY:
        return "No face was found. Faces that look at the camera in good light are found best."
    people = f"{reading.faces} {'face' if reading.faces == 1 else 'faces'}"
    feels = "no mood stands out"
    if reading.mood != UNKNOWN:
        feels = f"{reading.share:.0%} {spoken(reading.mood).lower()}"
    return f"{people} · {feels}" + (f" · {reading.left_out} smaller ones not read" if reading.left_out else "")


def felt(reading: Reading, room: str, policy: PolicyMode | None, minutes: float) -> str:
    """Return what is said once a room feels as a picture: the policy, not the picture, then chooses the songs."""
    feels = f"{spoken(room)} feels {spoken(reading.mood).lower()} for {minutes:g} minutes"
    return feels if policy is None else f"{feels}. {POLICIES[policy][1]}"


def plane(reading: Reading | None) -> dict[str, Any]:
    """Return the props of the plane."""
    text, at = "The picture's mood on the plane of pleasant and excited", reading.point if reading else None
    if reading is None or at is None:
        return {"text": text, "mood": None, "song": None, "moods": REFERENCES}
    text += f": {word(reading).lower()}, valence {at.valence:.2f}, arousal {at.arousal:.2f}"
    return {"text": text, "mood": _xy(at), "song": None, "moods": REFERENCES}


def message(answer: Answer) -> Expressions:
    """Return the faces of a picture as a camera's would come, for the bars of `views.faces`."""
    return Expressions(
        camera="photo",
        faces=[
            Expression(
                track_id=number,
                probabilities=[LabelProbability(label=label, probability=p) for label, p in face.expressions.items()],
                taught=[LabelProbability(label=label, probability=p) for label, p in face.taught.items()],
                box=Box(width=face.box.width, height=face.box.height),
            )
            for number, face in enumerate(answer.faces, 1)
        ],
    )


def _xy(point: Point) -> Mapping[str, float]:
    return {"valence": point.valence, "arousal": point.arousal}
