"""The moods that a household taught: what is kept of them, and what reads them in faces.

Kept are embeddings, never pictures: some numbers for each face. The heads are made of them afresh at every start and
whenever a face that they are made of changes, so that what is forgotten is gone from everything that was made of it.
Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from pydantic import AwareDatetime

from services.contracts.messages import CustomMood, CustomMoods
from services.contracts.moods import EXPRESSION_POINTS, MAX_CUSTOM_MOODS, MAX_TAUGHT_ROOMS, Point, why_taken
from services.inference.heads import Check, Embeddings, Head, fit
from services.inference.predictor import Origin, Prediction
from services.inference.state import TaughtMood, packed
from services.inference.teaching import AMOUNTS, Step, Teaching, answer_to, embeddings_of

FAIR: Final = 0.75
"""Share of faces kept aside that a head must be right about, of both kinds on average: a coin has 0.5."""


class CustomMoodError(ValueError):
    """What cannot be done with the taught moods; the text says why and what to do."""


class NoSuchMoodError(CustomMoodError):
    """No such mood was taught."""


@dataclass(frozen=True)
class Reader:
    """A mood with what reads it, and the other moods' faces that it is told from, as they are kept."""

    kept: TaughtMood
    rivals: tuple[bytes, ...]
    head: Head
    check: Check

    def fits(self, one: TaughtMood, rivals: Sequence[TaughtMood]) -> bool:
        """Whether this is what would be made of a mood and those that it is told from: their faces are the same."""
        own = (self.kept.size, self.kept.shown, self.kept.usual, self.kept.answers)
        return own == (one.size, one.shown, one.usual, one.answers) and self.rivals == _shown(rivals)


def readers(moods: Sequence[TaughtMood], before: Sequence[Reader] = ()) -> list[Reader]:
    """Return what reads each mood: told from its people's usual looks, and from the other moods taught in its rooms.

    Args:
        moods: The moods.
        before: What was made of moods before: where no face changed, it is not made again.
    """
    return [_reader(one, moods, before) for one in moods]


def check_room_for_one(taught: Sequence[TaughtMood]) -> None:
    """Check that another mood can be taught.

    Raises:
        CustomMoodError: There are as many as can be.
    """
    if len(taught) >= MAX_CUSTOM_MOODS:
        raise CustomMoodError(f"{MAX_CUSTOM_MOODS} moods were taught already; forget one first")


def check_name(name: str, taught: Sequence[TaughtMood]) -> None:
    """Check that a new mood can have a name.

    Raises:
        CustomMoodError: It cannot.
    """
    if why := why_taken(name):
        raise CustomMoodError(why)
    if any(one.mood == name for one in taught):
        raise CustomMoodError(f"{name} was taught already; forget that one, or choose another word")


def find(moods: Sequence[TaughtMood], name: str) -> TaughtMood:
    """Return a mood by its name.

    Raises:
        NoSuchMoodError: No such mood was taught.
    """
    for one in moods:
        if one.mood == name:
            return one
    there = ", ".join(one.mood for one in moods)
    raise NoSuchMoodError(f"no mood {name} was taught; {f'there is {there}' if there else 'none was, so far'}")


def learnt(
    moods: Sequence[TaughtMood], teaching: Teaching, places: Mapping[str, Point], now: AwareDatetime
) -> tuple[TaughtMood, ...]:
    """Return the moods with what was taught last.

    Args:
        moods: Those so far.
        teaching: What was taught, done.
        places: Where moods with a name lie, of those that nobody gave a place.
        now: The time.

    Raises:
        CustomMoodError: Too few usual looks are known, or there are too many moods.
    """
    before = next((one for one in moods if one.mood == teaching.mood), None)
    if before is None:
        check_room_for_one(moods)
    new = _made(before, teaching, places, now)
    return tuple(new if one is before else one for one in moods) if before else (*moods, new)


def check_told_apart(reader: Reader) -> None:
    """Check that a mood can be told from how its people usually look.

    Raises:
        CustomMoodError: It cannot.
    """
    right = (reader.check.recognised + 1 - reader.check.mistaken) / 2
    if right < FAIR:
        raise CustomMoodError(
            f"{reader.kept.mood} cannot be told from how you usually look (right about {right:.0%} of faces kept "
            f"aside, {FAIR:.0%} are needed), so nothing of the lesson was kept: show it more clearly, or look about "
            "more while you look as usual, and begin again"
        )


def renamed(moods: Sequence[TaughtMood], name: str, *, to: str | None, place: Point | None) -> tuple[TaughtMood, ...]:
    """Return the moods with another name or place of one.

    Raises:
        NoSuchMoodError: No such mood was taught.
        CustomMoodError: The new name cannot be.
    """
    one = find(moods, name)
    changes: dict[str, str | float] = {}
    if to is not None and to != name:
        check_name(to, moods)
        changes["mood"] = to
    if place:
        changes |= place._asdict()
    return tuple(each.model_copy(update=changes) if each is one else each for each in moods)


def told(moods: Sequence[TaughtMood], served: Origin | None) -> CustomMoods:
    """Return what the house is told: of moods taught on another model or version, that no room has them now."""
    return CustomMoods(
        moods=tuple(
            CustomMood(
                mood=one.mood, valence=one.valence, arousal=one.arousal,
                rooms=one.rooms if served in {None, one.origin} else (),
            )
            for one in moods
        )
    )  # fmt: skip


def read(found: Sequence[Reader], room: str, prediction: Prediction) -> list[dict[str, float]]:
    """Return, for each face of a prediction, how likely it shows each mood that was taught for a room."""
    rows: list[dict[str, float]] = [{} for _ in prediction.probabilities]
    if prediction.embeddings is None:
        return rows
    for one in found:
        kept = one.kept
        if (kept.origin, kept.size) == (prediction.origin, prediction.embeddings.shape[1]) and room in kept.rooms:
            shares = one.head.read(prediction.embeddings, prediction.probabilities, prediction.labels)
            for row, share in zip(rows, shares.tolist(), strict=True):
                row[kept.mood] = share
    return rows


def _reader(one: TaughtMood, moods: Sequence[TaughtMood], before: Sequence[Reader] = ()) -> Reader:
    rivals = [
        other
        for other in moods
        if other is not one
        and (other.origin, other.size) == (one.origin, one.size)
        and set(other.rooms) & set(one.rooms)
    ]
    if known := next((reader for reader in before if reader.fits(one, rivals)), None):
        return replace(known, kept=one)
    head, check = fit(one.faces, one.usual_faces, one.answers, [other.faces for other in rivals])
    return Reader(one, _shown(rivals), head, check)


def _shown(moods: Sequence[TaughtMood]) -> tuple[bytes, ...]:
    return tuple(one.shown for one in moods)


def _made(before: TaughtMood | None, teaching: Teaching, places: Mapping[str, Point], at: AwareDatetime) -> TaughtMood:
    shown, usual = teaching.taken[Step.MOOD], teaching.taken[Step.USUAL]
    if len(shown) < AMOUNTS[Step.MOOD].least:
        raise CustomMoodError("too few faces showed it, as those of people behind do not count; begin again")
    size, origin, answers = len(shown[0].embedding), shown[0].origin, answer_to(shown)
    faces, others = embeddings_of(shown), embeddings_of(usual) if usual else np.empty((0, size), np.float32)
    rooms: tuple[str, ...] = (teaching.room,)
    place = teaching.place or places.get(teaching.mood) or _place(answers)
    if before:
        place = teaching.place or Point(before.valence, before.arousal)
    if before and (before.origin, before.size) == (origin, size):
        old = len(before.faces)
        answers = {
            label: (old * before.answers.get(label, 0.0) + len(faces) * answers.get(label, 0.0)) / (old + len(faces))
            for label in before.answers.keys() | answers.keys()
        }
        faces = thinned(np.concatenate([before.faces, faces]), AMOUNTS[Step.MOOD].most)
        others = thinned(np.concatenate([before.usual_faces, others]), 2 * AMOUNTS[Step.USUAL].most)
        rooms = tuple(dict.fromkeys((*before.rooms, teaching.room)))[-MAX_TAUGHT_ROOMS:]
    if len(others) < AMOUNTS[Step.USUAL].least:
        raise CustomMoodError("too few faces are known as they usually look; begin again, and look as usual first")
    return TaughtMood(
        mood=teaching.mood, valence=place.valence, arousal=place.arousal, rooms=rooms, taught_at=at,
        model=origin.model, model_version=origin.version, size=size, shown=packed(faces), usual=packed(others),
        answers={label: min(1.0, share) for label, share in answers.items()},
    )  # fmt: skip


def thinned(faces: Embeddings, most: int) -> Embeddings:
    """Return at most `most` of the faces, evenly from old to new."""
    if len(faces) <= most:
        return faces
    kept: Embeddings = faces[np.linspace(0, len(faces) - 1, most).round().astype(int)]
    return kept


def _place(answers: Mapping[str, float]) -> Point:
    """Return where faces lie by what the model says of them."""
    known = {label: share for label, share in answers.items() if label in EXPRESSION_POINTS}
    return Point(
        round(sum(share * EXPRESSION_POINTS[label].valence for label, share in known.items()), 2),
        round(sum(share * EXPRESSION_POINTS[label].arousal for label, share in known.items()), 2),
    )
