# ruff: noqa: T201
"""The rows and the picture of what the camera's search finds and costs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tests.bench.detection import Count, clips, count, detection_ms
from tests.bench.row import Row

mpl.use("Agg")

CORES = (1, 2)


def found_in_clips(folder: Path, yunet: Path, result: Path) -> list[Row]:
    """Count the faces of every clip with both detectors; draw the counts and write them into the folder `result`."""
    counts = [counted(clip, yunet, haar=haar) for haar in (False, True) for clip in clips(folder)]
    if not counts:
        return []
    result.mkdir(exist_ok=True)
    (result / "detections.json").write_text(json.dumps([asdict(each) for each in counts], indent=1) + "\n")
    draw(counts, result / "detections.png")
    rows = []
    for kind in ("yunet", "haar"):
        own = [each for each in counts if each.detector == kind]
        shares = [each.of_search / each.of_whole for each in own if each.of_whole]
        frames = sum(each.frames for each in own)
        for name, value, unit in (
            ("found_of_whole_frame_worst_clip", 100 * min(shares), "%"),
            ("whole_frame_ms", sum(each.whole_ms * each.frames for each in own) / frames, "ms"),
            ("search_ms", sum(each.search_ms * each.frames for each in own) / frames, "ms"),
        ):
            rows.append(Row(f"{kind}_{name}", value, unit))
    return rows


def counted(clip: Path, yunet: Path, *, haar: bool) -> Count:
    """Count the faces of a clip, and say so: all of them take minutes."""
    one = count(clip, yunet, haar=haar)
    faces = f"{one.of_search} of {one.of_whole} faces in {one.frames} frames"
    print(f"{one.detector} {one.clip}: {faces}, {one.whole_ms:.1f} to {one.search_ms:.1f} ms", flush=True)
    return one


def times(yunet: Path) -> list[Row]:
    """Measure what a frame costs by detector, size and number of cores that look at frames."""
    found = {cores: detection_ms(yunet, cores) for cores in CORES}
    return [Row(f"{what}_{cores}_core_ms", ms, "ms") for cores, each in found.items() for what, ms in each.items()]


def draw(counts: Sequence[Count], path: Path) -> None:
    """Draw faces found per clip: on whole frames and by the search, people's and others, a row for each detector."""
    kinds = sorted({each.detector for each in counts}, reverse=True)
    figure = Figure(figsize=(13, 4.2 * len(kinds)), layout="constrained")
    for place, (axes, kind) in enumerate(zip(np.ravel(figure.subplots(len(kinds), 1)), kinds, strict=True)):
        own = [each for each in counts if each.detector == kind]
        at = np.arange(len(own))
        axes.bar(at, [each.frames for each in own], 0.85, color="#eeeeee", label="frames" if not place else None)
        for shift, colour, title, people, everything in (
            (-0.19, "#7f8fa6", "every whole frame", [e.of_whole for e in own], [e.whole for e in own]),
            (0.19, "#2a9d6f", "the camera's search", [e.of_search for e in own], [e.search for e in own]),
        ):
            axes.bar(at + shift, people, 0.36, color=colour, label=title if not place else None)
            rest = np.maximum(0, np.subtract(everything, people))
            axes.bar(at + shift, rest, 0.36, bottom=people, color=colour, alpha=0.35, hatch="//")
            for x, value, top in zip(at + shift, people, everything, strict=True):
                axes.annotate(str(value), (x, max(value, top)), ha="center", va="bottom", fontsize=8)
        costs = (f"{each.whole_ms:.1f} → {each.search_ms:.1f} ms" for each in own)
        names = (Path(each.clip).stem.replace("head-pose-face-detection-", "") for each in own)
        axes.set_ylim(0, 1.12 * max(max(each.frames, each.whole, each.search) for each in own))
        axes.set_xticks(at, [f"{name}\n{cost}" for name, cost in zip(names, costs, strict=True)], fontsize=8)
        axes.set(ylabel="faces", title=f"{kind}: faces of people found over all frames of a clip, and time per frame")
    figure.axes[0].legend(fontsize=8)
    figure.supxlabel("hatched: found where YuNet at full size sees nobody", fontsize=8)
    figure.savefig(path, format="png", dpi=110)
