"""The colour of a mood: its direction on the plane is the hue, its distance from the middle the strength. Pure.

The dashboard and the pictures of `replay` have them from here.
"""

import itertools
import math
from collections.abc import Mapping

from services.contracts.moods import MOOD_POINTS, NOBODY, UNKNOWN, Point

HUES = ((-45.0, 168.0), (45.0, 62.0), (135.0, 20.0), (225.0, -105.0), (315.0, -192.0))
"""Direction (degrees, counter-clockwise from pleasant) and OKLCH hue: content is teal, joyful amber, angry red,
sad blue. Between them the hue runs on evenly."""

NO_MOOD = "oklch(0.82 0.02 280)"
EMPTY = "oklch(0.36 0.02 272)"
"""Where nobody is."""
LIGHTNESS = 0.82
LIGHTNESSES = {"surprised": 0.72, "disgusted": 0.74, "fearful": 0.62, "contemptuous": 0.66}
"""Of moods whose neighbours on the plane have nearly their hue: happiness and anger."""
UNCLEAR = "oklch(0.58 0.02 280)"
"""Where a mood is not known: beside moods, `NO_MOOD` looks like sadness."""


def colour(point: Point | None, *, lightness: float = LIGHTNESS) -> str:
    """Return the CSS colour of a point, grey for none.

    Args:
        point: A point on the plane.
        lightness: OKLCH lightness, 0 to 1.
    """
    if point is None:
        return NO_MOOD
    strength = min(1.0, math.hypot(point.valence, point.arousal))
    angle = math.degrees(math.atan2(point.arousal, point.valence))
    angle = angle if angle >= HUES[0][0] else angle + 360
    (start, before), (end, after) = next(pair for pair in itertools.pairwise(HUES) if angle <= pair[1][0])
    hue = before + (after - before) * (angle - start) / (end - start)
    return f"oklch({lightness:g} {0.03 + 0.11 * strength:.3f} {hue % 360:.0f})"


def mood_colour(mood: str, taught: Mapping[str, Point] | None = None) -> str:
    """Return the CSS colour of a mood by its name; a taught one has that of its place."""
    if mood == NOBODY:
        return EMPTY
    if mood == UNKNOWN:
        return UNCLEAR
    return colour((taught or {}).get(mood) or MOOD_POINTS.get(mood), lightness=LIGHTNESSES.get(mood, LIGHTNESS))


def hexadecimal(css: str) -> str:
    """Return `oklch(L C H)` as `#rrggbb`, by its definition (Ottosson, "A perceptual color space", 2020)."""
    lightness, chroma, hue = map(float, css.removeprefix("oklch(").removesuffix(")").split())
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, one)))):02x}" for one in linear)


def _gamma(linear: float) -> float:
    """Return the value of an sRGB channel (IEC 61966-2-1)."""
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055  # noqa: PLR2004 -- its toe
