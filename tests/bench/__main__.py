# ruff: noqa: T201
"""The measured table: `make bench`, or `python -m tests.bench`; writes `build/bench.json`.

`BENCH_CLIP` names the clip with one face, `BENCH_CLIPS` the folder of those whose faces are counted (a picture of it is
`build/detections.png`), `BENCH_YUNET` the detector's file, `BENCH_FACES` the FER+ archive (see training/README.md),
`BENCH_SECONDS` the length of each measurement, `BENCH_ONLY` some of its parts (path, face, empty, moods, crops, clips,
times); `PEERS=1` measures the `fer` package on the same clip and the same faces.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np

from tests.bench.detection_rows import found_in_clips, times
from tests.bench.empty_room import write_room
from tests.bench.mood_cost import decision_us, keeping_ms, rooms_cpu_percent
from tests.bench.peers import fer_on_crops, measure_fer_on_clip
from tests.bench.product import ROOT, Arrival, BenchError, load_of, product
from tests.bench.row import Row
from training.dataset import VALID_SPLIT, load_split

DATA = ROOT.parent / "shared/data"
CLIP = Path(os.environ.get("BENCH_CLIP", DATA / "video/again.mkv"))
CLIPS = Path(os.environ.get("BENCH_CLIPS", DATA / "video"))
YUNET = Path(os.environ.get("BENCH_YUNET", DATA / "yunet/face_detection_yunet_2026may.onnx"))
FACES = Path(os.environ.get("BENCH_FACES", DATA / "fer/ferplus_train_valid.npz"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
WARM_UP_S = 5.0
FIRST_S = 30.0
FPS = 5
RESULT = ROOT / "build/bench.json"


def as_fast_as_possible(data: Path) -> list[Row]:
    """Count the expressions that an outsider receives while the camera reads the clip without waiting."""
    with product(data, **_camera(CLIP), camera_as_fast_as_possible="true", camera_fps="240") as running:
        running.listener.wait_first(FIRST_S)
        running.listener.during(WARM_UP_S)
        arrivals = running.listener.during(SECONDS)
    frames = {one.message.frame_id for one in arrivals}
    elapsed = arrivals[-1].at - arrivals[0].at
    return [Row("path_frames_per_second", (len(frames) - 1) / elapsed, "1/s")]


def with_one_face(data: Path) -> list[Row]:
    """Measure delay, memory and CPU at five frames a second of one face, with the dashboard's page once asked for."""
    with product(data, **_camera(CLIP), camera_fps=str(FPS)) as running:
        httpx.get(running.address, timeout=30, follow_redirects=True).raise_for_status()
        running.listener.wait_first(FIRST_S)
        running.listener.during(WARM_UP_S)
        before = len(running.listener.arrivals)
        load = load_of(running.process, SECONDS)
        ages = _ages(running.listener.arrivals[before:])
    return [
        Row("frame_to_expressions_p95_ms", statistics.quantiles(ages, n=20)[-1], "ms"),
        Row("frame_to_expressions_p50_ms", statistics.median(ages), "ms"),
        Row("resident_mb", load.resident_mb, "MB"),
        Row("cpu_percent_one_face", load.cpu_percent, "% of a core"),
        Row("second_start_s", running.start_s, "s"),
    ]


def without_a_face(data: Path) -> list[Row]:
    """Measure memory and CPU at five frames a second of an empty room with a live sensor's noise."""
    room = write_room(data / "room.avi", FPS)
    with product(data, **_camera(room), camera_fps=str(FPS)) as running:
        if running.listener.during(2 * WARM_UP_S):
            raise BenchError("a face was seen in the empty room")
        load = load_of(running.process, SECONDS)
    return [
        Row("cpu_percent_idle", load.cpu_percent, "% of a core"),
        Row("resident_idle_mb", load.resident_mb, "MB"),
    ]


def moods() -> list[Row]:
    """Measure the aggregator's logic by itself; a decision must not cost more for a longer window."""
    return [
        Row("cpu_percent_1000_rooms", rooms_cpu_percent(), "% of a core"),
        Row("decision_15_s_window_us", decision_us(15), "us"),
        Row("decision_600_s_window_us", decision_us(600), "us"),
        Row("keeping_5_rooms_ms", keeping_ms(5), "ms"),
        Row("keeping_1000_rooms_ms", keeping_ms(1000), "ms"),
    ]


def crops(command: list[str]) -> dict[str, float]:
    """Return a recogniser's figures, measured in a process of its own (see `tests.bench.crops`)."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)} failed; the lines above say why")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def on_crops(faces: Path) -> list[Row]:
    """Measure the released model on faces."""
    units = {
        "fer2013_accuracy_percent": "%",
        "ms_per_face": "ms",
        "faces_per_second": "1/s",
        "recogniser_peak_resident_mb": "MB",
    }
    figures = crops([sys.executable, "-m", "tests.bench.crops", str(faces)])
    return [Row(name, figures[name], unit) for name, unit in units.items()]


def fer(faces: Path) -> dict[str, float]:
    """Measure the `fer` package on the same clip and faces; `{}` where it cannot be had."""
    try:
        clip = measure_fer_on_clip(CLIP, SECONDS)
        print(f"fer found a face in {clip['with_face']:.0%} of the frames")
        ours = {"path_frames_per_second": clip["frames_per_second"], "resident_mb": clip["resident_mb"]}
        return ours | (crops(fer_on_crops(faces)) if faces.exists() else {})
    except BenchError as error:
        print(f"fer is skipped: {error}")
        return {}


def write_faces(file: Path) -> None:
    """Write the faces of FER2013's public test split, which FER+ calls validation, and their labels."""
    if not FACES.exists():
        print(f"no faces are classified: there is no {FACES}; name the FER+ archive in BENCH_FACES")
        return
    faces, labels = load_split(FACES, VALID_SPLIT).original()
    np.savez(file, faces=faces, labels=labels)


def _camera(source: Path) -> dict[str, str]:
    if not source.exists():
        raise BenchError(f"there is no clip {source}; name one with a face in BENCH_CLIP")
    return {"camera_source": str(source.absolute())} | ({"yunet": str(YUNET.absolute())} if YUNET.exists() else {})


def _ages(arrivals: list[Arrival]) -> list[float]:
    if len(arrivals) < SECONDS * FPS * 0.5:
        raise BenchError(f"only {len(arrivals)} expressions arrived in {SECONDS:g} s at {FPS} frames a second")
    return [one.age_ms for one in arrivals]


def _machine() -> str:
    cpus = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if line.startswith("model name")]
    packages = ("opencv-python-headless", "ai-edge-litert", "grpcio", "paho-mqtt", "amqtt")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores ({models[0] if models else 'unknown'}), "
        f"Python {platform.python_version()}, {versions}"
    )


def _load_average() -> str:
    return "load average " + " ".join(f"{value:.2f}" for value in os.getloadavg())


def _table(rows: list[Row]) -> str:
    lines = [f"{'':38}{'moodring':>10}{'fer':>10}  unit"]
    for row in rows:
        peer = "" if row.peer is None else f"{row.peer:.1f}"
        lines.append(f"{row.name:38}{row.value:>10.1f}{peer:>10}  {row.unit}")
    return "\n".join(lines)


def measured(data: Path) -> list[Row]:
    """Measure all parts, or those that `BENCH_ONLY` names; each asks for what it needs."""
    faces = data / "faces.npz"
    parts: dict[str, Callable[[], list[Row]]] = {
        "path": lambda: as_fast_as_possible(data),
        "face": lambda: with_one_face(data),
        "empty": lambda: without_a_face(data),
        "moods": moods,
        "crops": lambda: on_crops(faces),
        "clips": lambda: found_in_clips(CLIPS, YUNET, RESULT.parent),
        "times": lambda: times(YUNET),
    }
    only = os.environ.get("BENCH_ONLY", " ".join(parts)).split()
    if unknown := set(only) - set(parts):
        raise BenchError(f"BENCH_ONLY names {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    peers = os.environ.get("PEERS")
    if peers or "crops" in only:
        write_faces(faces)
    there = {"crops": faces.exists(), "clips": YUNET.exists(), "times": YUNET.exists()}
    rows = [row for name, measure in parts.items() if name in only and there.get(name, True) for row in measure()]
    peer = fer(faces) if peers else {}
    return [replace(row, peer=peer.get(row.name)) for row in rows]


def main() -> int:
    """Measure everything and return the exit code."""
    print(_machine())
    print(
        f"detector: {YUNET.name if YUNET.exists() else 'haar'}; clip: {CLIP.name}; before: {_load_average()}",
        flush=True,
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = measured(Path(folder))
    except BenchError as error:
        print(f"bench: {error}")
        return 1
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(f"after: {_load_average()}\n\n{_table(rows)}\n\n{RESULT.relative_to(ROOT)} holds the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
