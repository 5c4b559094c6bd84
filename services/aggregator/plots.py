"""A replay as a picture: distribution, place on the plane, and mood over time."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from services.aggregator.replay import Look
from services.contracts.moods import NOBODY, UNKNOWN

mpl.use("Agg")

MOST_POINTS = 5000
"""More would not be told apart in the picture."""
GREYS = {UNKNOWN: "#d0d0d0", NOBODY: "#f0f0f0"}


def plot(looks: Sequence[Look], path: Path, title: str) -> None:
    """Draw a replay into a PNG file.

    Raises:
        OSError: The file cannot be written.
    """
    looks = looks[:: max(1, len(looks) // MOST_POINTS)]
    minutes = np.array([(look.at - looks[0].at) / 60 for look in looks])
    moods = [look.mood.mood for look in looks]
    truths = [look.truth or "" for look in looks]
    labels = sorted({label for look in looks for label in look.mood.distribution})
    names = [*labels, *sorted({*moods, *truths} - {*labels, *GREYS, ""})]
    colours = {
        name: str(mpl.colors.to_hex(mpl.colormaps["tab20"](index % 20))) for index, name in enumerate(names)
    } | GREYS
    figure = Figure(figsize=(14, 8), layout="constrained")
    shares, plane, bands = figure.subplots(3, sharex=True, height_ratios=(4, 2, 1.5))
    shares.set_title(title)
    shares.stackplot(
        minutes,
        [[look.mood.distribution.get(label, 0.0) for look in looks] for label in labels] or [[0.0] * len(looks)],
        colors=[colours[label] for label in labels] or ["white"],
        labels=labels or [""],
    )
    shares.set(ylabel="distribution", ylim=(0, 1))
    plane.plot(minutes, [look.mood.valence for look in looks], label="valence")
    plane.plot(minutes, [look.mood.arousal for look in looks], label="arousal")
    plane.plot(minutes, [look.mood.confidence for look in looks], label="confidence", color="grey", linewidth=0.8)
    plane.set(ylim=(-1.05, 1.05))
    plane.legend(loc="upper left", ncols=3)
    _bands(bands, minutes, {"mood": moods} | ({"truth": truths} if any(truths) else {}), colours)
    known = {
        name: handle
        for axes in (shares, bands)
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
        if name
    }
    figure.legend(list(known.values()), list(known), loc="outside lower center", ncols=len(known))
    figure.savefig(path, format="png", dpi=100)


def _bands(axes: Axes, minutes: np.ndarray, rows: dict[str, list[str]], colours: dict[str, str]) -> None:
    """Draw each row's words as coloured stretches."""
    step = float(minutes[-1] - minutes[-2]) if len(minutes) > 1 else 1.0
    ends = np.append(minutes[1:], minutes[-1] + step)
    for place, words in enumerate(rows.values()):
        for name in sorted(set(words) - {""}):
            spans = [
                (begin, end - begin) for begin, end, word in zip(minutes, ends, words, strict=True) if word == name
            ]
            axes.broken_barh(spans, (place - 0.4, 0.8), color=colours[name], label=name)
    axes.set(yticks=range(len(rows)), yticklabels=list(rows), xlabel="minutes")
