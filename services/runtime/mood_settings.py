"""The aggregator's settings: from expressions to a mood, for all rooms and for single ones."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from services.contracts.messages import Axis, Name, RoomName, Unit
from services.contracts.moods import EXPRESSIONS, MOOD_POINTS, QUADRANTS, RESERVED, Point, why_taken
from services.runtime.section import Seconds, Section


def _placed(place: Any) -> Any:
    """Take a place with its axes named for one without, and say what a place is where it is neither."""
    if isinstance(place, dict) and place.keys() == set(Point._fields):
        return tuple(place[axis] for axis in Point._fields)
    if not isinstance(place, list | tuple) or len(place) != len(Point._fields):
        raise ValueError("it has to be valence and arousal, each from -1 to 1: [0.5, -0.4], or by their names")
    return place


Place = Annotated[tuple[Axis, Axis], BeforeValidator(_placed)]
"""Valence and arousal, as `[0.5, -0.4]` or `{valence: 0.5, arousal: -0.4}`."""


Briefly = Annotated[float, Field(gt=0, le=3600)]
"""Seconds, an hour at most."""


class MoodRules(Section):
    """How a room's mood is found; every key can be set per room."""

    window_s: Annotated[float, Field(ge=1, le=900)] = Field(
        15, description="Length of the sliding window; what is older is forgotten."
    )
    half_life_s: Briefly = Field(
        30, description="Age at which an observation weighs half as much as a new one; shorter follows changes sooner."
    )
    hold_s: Seconds = Field(
        240,
        description="How long a mood lasts on average: shorter follows changes sooner, is misled oftener, and wants a "
        "lower `enter_confidence`, as nothing is as sure then: 0.98 at 120 s.",
    )
    min_samples: Annotated[int, Field(ge=1)] = Field(
        15, description="Observations a decision needs in the window: three seconds of one face at 5 frames a second."
    )
    enter_confidence: Unit = Field(0.99, description="Confidence at which a mood that led for its dwell is entered.")
    leave_confidence: Unit = Field(
        0.1, validate_default=True, description="Confidence below which the current mood is left."
    )
    dwell_s: Briefly = Field(14, description="How long a new mood must lead before it is entered, sure or not.")
    sure_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        2, description="How long a mood that follows another must have been believed so without a break."
    )
    nobody_after_s: Briefly = Field(30, description="Time without any face after which the mood is `nobody`.")
    publish_every_s: Briefly = Field(30, description="The mood is published on change and at least this often.")
    fusion: Literal["average", "majority", "strongest"] = Field(
        "average",
        description="How several people make one mood: `average`; `majority` (those who agree, where they are more "
        "than half of the heads; else the average); `strongest` (whose expression is farthest from indifference).",
    )
    fold: Literal["expressions", "quadrants"] | dict[Name, Name] = Field(
        "expressions",
        description="Which moods there are: `expressions` (all eight), `quadrants` (pleasant, tense, low, calm), or a "
        "mapping such as `{disgusted: tense, angry: tense}`; what it leaves out stays.",
    )
    moods: dict[Name, Place] = Field(
        {},
        description="The household's own moods to say by hand, each with its valence and arousal (-1 to 1), such as "
        "`{cosy: [0.5, -0.4]}` or `{cosy: {valence: 0.5, arousal: -0.4}}`.",
    )

    @property
    def folding(self) -> Mapping[str, str]:
        """Expression → mood, for those that are not their own."""
        if isinstance(self.fold, str):
            return QUADRANTS if self.fold == "quadrants" else {}
        return self.fold

    @property
    def points(self) -> Mapping[str, Point]:
        """Every mood that can be said by hand, and its place; one that is folded of several lies in their middle."""
        folded: dict[str, list[Point]] = {}
        for expression, mood in self.folding.items():
            folded.setdefault(mood, []).append(MOOD_POINTS[expression])
        own = {mood: Point(*place) for mood, place in self.moods.items()}
        return {mood: _middle(points) for mood, points in folded.items()} | MOOD_POINTS | own

    @field_validator("leave_confidence")
    @classmethod
    def _left_after_it_is_entered(cls, leave: float, others: ValidationInfo) -> float:
        enter = others.data.get("enter_confidence", leave)
        if leave > enter:
            raise ValueError(
                f"it is above enter_confidence ({enter:g}): a mood would be left as soon as it is entered; lower it"
            )
        return leave

    @field_validator("fold")
    @classmethod
    def _of_expressions(cls, fold: str | dict[str, str]) -> str | dict[str, str]:
        if isinstance(fold, dict):
            for expression, mood in fold.items():
                if expression not in EXPRESSIONS:
                    raise ValueError(f"{expression} is none of {', '.join(EXPRESSIONS)}")
                if mood in RESERVED:
                    raise ValueError(f"{mood} has a meaning of its own; fold {expression} into another word")
        return fold

    @field_validator("moods")
    @classmethod
    def _named_anew(cls, moods: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for mood in moods:
            if why := why_taken(mood):
                raise ValueError(why)
        return moods


class Aggregator(MoodRules):
    """From expressions to a mood."""

    rooms: Annotated[dict[RoomName, MoodRules], Field(max_length=1000)] = Field(
        {}, description="What is different in single rooms, such as `{kitchen: {window_s: 20}}`; the rest is as above."
    )

    def of(self, room: str) -> MoodRules:
        """Return a room's settings."""
        return self.rooms.get(room, self)

    @property
    def places(self) -> Mapping[str, Point]:
        """Every mood that has a name in any room, and its place; that of the house where rooms differ from it."""
        rules = (*self.rooms.values(), self)
        return {mood: place for one in rules for mood, place in one.points.items()}

    @model_validator(mode="before")
    @classmethod
    def _inherited(cls, keys: Any) -> Any:
        """Let a room have the section's value of every key that it does not set."""
        if not isinstance(keys, dict) or not isinstance(keys.get("rooms"), dict):
            return keys
        shared = {key: value for key, value in keys.items() if key in MoodRules.model_fields}
        rooms = {
            room: shared | own if isinstance(own, dict) else own for room, own in keys["rooms"].items()
        }  # fmt: skip
        return keys | {"rooms": rooms}


def _middle(points: list[Point]) -> Point:
    return Point(
        sum(place.valence for place in points) / len(points), sum(place.arousal for place in points) / len(points)
    )
