"""The colour of a mood: its direction on the plane is the hue, its distance from the middle the strength. Pure."""

import itertools
import math
from collections.abc import Mapping

from services.contracts.moods import MOOD_POINTS, Point

HUES = ((-45.0, 168.0), (45.0, 62.0), (135.0, 20.0), (225.0, -105.0), (315.0, -192.0))
"""Direction (degrees, counter-clockwise from pleasant) and OKLCH hue: content is teal, joyful amber, angry red,
sad blue. Between them the hue runs on evenly."""

NO_MOOD = "oklch(0.82 0.02 280)"


def colour(point: Point | None, *, lightness: float = 0.82) -> str:
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
    return colour((taught or {}).get(mood) or MOOD_POINTS.get(mood))
