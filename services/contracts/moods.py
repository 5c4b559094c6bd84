"""The vocabulary of moods, and where each lies on the valence-arousal plane.

The plane is Russell's circumplex (J. A. Russell, "A circumplex model of affect", 1980): valence runs from
unpleasant (-1) to pleasant (1), arousal from calm (-1) to excited (1).
"""

from typing import NamedTuple


class Point(NamedTuple):
    """A point on the valence-arousal plane; both axes run from -1 to 1."""

    valence: float
    arousal: float


EXPRESSIONS = ("neutral", "happy", "surprised", "sad", "angry", "disgusted", "fearful", "contemptuous")
"""The classifier's labels, in FER+'s order (Barsoum et al. 2016)."""

UNKNOWN = "unknown"
"""There are faces, or there may be, but no clear mood."""

NOBODY = "nobody"
"""No face has been seen for a while by a camera that works."""

AUTO = "auto"
"""The word that ends an override: the camera decides again."""

EXPRESSION_POINTS = {
    # Russell & Mehrabian, "Evidence for a three-factor theory of emotions" (1977), pleasure and arousal means.
    "happy": Point(0.81, 0.51),
    "surprised": Point(0.40, 0.67),
    "sad": Point(-0.63, -0.27),
    "angry": Point(-0.51, 0.59),
    "disgusted": Point(-0.60, 0.35),
    "fearful": Point(-0.64, 0.60),
    # Not in that table: contempt is placed by us near disgust and less aroused; neutral is the origin by definition.
    "contemptuous": Point(-0.55, 0.10),
    "neutral": Point(0.0, 0.0),
}

NAMED_MOODS = {
    # Words of Russell 1980 (figure 2), in the part of the plane where they lie there; to one decimal, by us.
    "calm": Point(0.6, -0.6),
    "relaxed": Point(0.7, -0.4),
    # Not among his: words and places are ours.
    "focused": Point(0.3, 0.1),
    "energetic": Point(0.5, 0.8),
    "cheerful": Point(0.8, 0.4),
    "romantic": Point(0.7, -0.1),
    "melancholic": Point(-0.4, -0.5),
    # As the first two.
    "sleepy": Point(0.1, -0.9),
}
"""Moods that a household can ask for by name; no camera says them, unless the household taught it to."""

MOOD_POINTS = EXPRESSION_POINTS | NAMED_MOODS

MAX_CUSTOM_MOODS = 16
"""Moods that a household can teach."""

TAUGHT_SHARE = 0.2
"""How common each of them is taken to be among the faces of its rooms: the prior in its probabilities. As common as
all else, it would take too many faces from the model's own expressions (`python -m tests.bench.custom_moods`)."""

MAX_TAUGHT_ROOMS = 32
"""Rooms that one of them can be taught in."""

RESERVED = frozenset({UNKNOWN, NOBODY, AUTO})
"""Words that no mood can have as its name."""


def why_taken(name: str) -> str:
    """Return why a household cannot give a mood of its own a name, and what to do; nothing where it can."""
    if name in RESERVED:
        return f"{name} has a meaning of its own; choose another word"
    if name in EXPRESSIONS:
        return f"{name} is one of the model's own expressions; choose another word, such as very_{name}"
    return ""


QUADRANTS = {
    "happy": "pleasant", "surprised": "pleasant",
    "angry": "tense", "disgusted": "tense", "fearful": "tense", "contemptuous": "tense",
    "sad": "low",
    "neutral": "calm",
}  # fmt: skip
"""Expressions folded to the quadrant of the plane that their point lies in; neutral, the origin, goes to calm.

A folded mood can be a `Mood.mood`; its valence and arousal are still those of the expressions behind it."""
