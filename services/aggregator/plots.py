"""A replay as a picture: distribution, place on the plane, and mood over time, in the dashboard's colours."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from services.aggregator.replay import Look
from services.contracts.channels import spoken
from services.contracts.colours import hexadecimal, mood_colour
from services.contracts.moods import EXPRESSIONS, MOOD_POINTS, NOBODY, UNKNOWN, Point

mpl.use("Agg")

MOST_POINTS = 5000
"""More would not be told apart in the picture."""
FINE, EDGE = 2000, 0.4
"""Up to so many points there is a line between two areas; more lines would hide what they part."""
INK, GROUND = "#1c1e26", "#ffffff"
LETTER = 0.0068
"""Width of a letter, as a share of the picture's: a stretch that is as wide as its word has it written in it."""


def plot(looks: Sequence[Look], path: Path, title: str, places: Mapping[str, Point]) -> None:
    """Draw a replay into a PNG file.

    Args:
        looks: What was decided.
        path: The file.
        title: Its heading.
        places: Where moods lie, which gives them their colours.

    Raises:
        OSError: The file cannot be written.
    """
    looks = thinned(looks)
    minutes = np.array([(look.at - looks[0].at) / 60 for look in looks])
    colours = colours_of(looks, places)
    figure = Figure(figsize=(14, 8), layout="constrained")
    shares, plane, bands = figure.subplots(3, sharex=True, height_ratios=(4, 2, 1.5))
    shares.set_title(title)
    shown = [mood for mood in colours if any(mood in look.mood.distribution for look in looks)]
    if shown:
        shares.stackplot(
            minutes,
            [[look.mood.distribution.get(mood, 0.0) for look in looks] for mood in shown],
            colors=[colours[mood] for mood in shown], edgecolor=GROUND, linewidth=EDGE if len(looks) <= FINE else 0,
        )  # fmt: skip
    shares.set(ylabel="what was seen", ylim=(0, 1))
    plane.plot(minutes, [look.mood.valence for look in looks], label="valence", color="#2f6f9f")
    plane.plot(minutes, [look.mood.arousal for look in looks], label="arousal", color="#b4552d")
    plane.plot(minutes, [look.mood.confidence for look in looks], label="confidence", color="grey", linewidth=0.8)
    plane.set(ylim=(-1.05, 1.05), ylabel="-1 to 1")
    plane.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    rows = {"mood": [look.mood.mood for look in looks], "truth": [look.truth or "" for look in looks]}
    _bands(bands, minutes, {name: words for name, words in rows.items() if any(words)}, colours)
    keys = [
        Patch(facecolor=value, edgecolor=INK, linewidth=EDGE, label=spoken(mood)) for mood, value in colours.items()
    ]
    shares.legend(handles=keys, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, format="png", dpi=100)


def thinned(looks: Sequence[Look]) -> Sequence[Look]:
    """Return evenly spaced looks, `MOST_POINTS` at most."""
    return looks[:: max(1, math.ceil(len(looks) / MOST_POINTS))]


def colours_of(looks: Sequence[Look], places: Mapping[str, Point]) -> Mapping[str, str]:
    """Return the colour of every mood in the picture, the model's expressions first, what is none last."""
    found = {mood for look in looks for mood in (*look.mood.distribution, look.mood.mood, look.truth) if mood}
    order = [*EXPRESSIONS, *sorted(found - {*EXPRESSIONS, UNKNOWN, NOBODY}), UNKNOWN, NOBODY]
    seen = {look.mood.mood: Point(look.mood.valence, look.mood.arousal) for look in looks}
    own = {mood: place for mood, place in (seen | dict(places)).items() if mood not in {*MOOD_POINTS, UNKNOWN, NOBODY}}
    return {mood: hexadecimal(mood_colour(mood, own)) for mood in order if mood in found}


def _bands(axes: Axes, minutes: np.ndarray, rows: Mapping[str, Sequence[str]], colours: Mapping[str, str]) -> None:
    """Draw each row's words as coloured stretches, and write them where there is room."""
    step = float(minutes[-1] - minutes[-2]) if len(minutes) > 1 else 1.0
    ends = np.append(minutes[1:], minutes[-1] + step)
    length = float(ends[-1])
    for place, words in enumerate(rows.values()):
        begins = [number for number, word in enumerate(words) if number == 0 or word != words[number - 1]]
        for begin, last in zip(begins, [*[number - 1 for number in begins[1:]], len(words) - 1], strict=True):
            start, word = float(minutes[begin]), words[begin]
            if not word:
                continue
            wide = float(ends[last]) - start
            axes.broken_barh([(start, wide)], (place - 0.4, 0.8), color=colours[word], linewidth=0)
            if wide >= LETTER * len(word) * length:
                ink = GROUND if word == NOBODY else INK
                axes.text(start + wide / 2, place, spoken(word), ha="center", va="center", size=8, color=ink)
    axes.set(yticks=range(len(rows)), yticklabels=list(rows), xlabel="minutes", xlim=(0, length))
