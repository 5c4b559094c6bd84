"""What the camera's search finds in every frame of every clip beside whole-frame detection, and what looking costs."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.camera.attention import Attention
from services.camera.search import Search
from services.camera.tracking import Tracker
from services.vision.detectors import Detection, Detector, open_detector
from services.vision.geometry import Box
from services.vision.images import Bgr
from services.vision.opencv import cv2
from services.vision.views import View

MIN_FACE_PX = 24
SAME = 0.3
"""Overlap (intersection over union) of two detections of one face; the cascade's boxes are rough."""
SIZES = ((128, 128), (160, 120), (320, 240), (640, 480), (960, 540))
TIMED_S = 0.5
"""Each size is looked at for at least so long."""
CLIPS = (".mkv", ".mp4", ".gif", ".avi")


@dataclass(frozen=True)
class Count:
    """Faces found in a clip, over all its frames.

    Attributes:
        clip: Its name.
        detector: Which one looked.
        frames: How many frames it has.
        whole: Faces that looking at each whole frame finds.
        search: Faces that the camera's search finds.
        of_whole: Those of `whole` that are faces of people: YuNet at full size sees one there too.
        of_search: Those of `search` that are.
        whole_ms: Processor time of looking at a whole frame.
        search_ms: Processor time of the search of a frame.
    """

    clip: str
    detector: str
    frames: int
    whole: int
    search: int
    of_whole: int
    of_search: int
    whole_ms: float
    search_ms: float


def clips(folder: Path) -> list[Path]:
    """Return the clips of a folder."""
    return sorted(each for each in folder.iterdir() if each.suffix in CLIPS) if folder.is_dir() else []


def read(clip: Path) -> tuple[list[Bgr], float]:
    """Return every frame of a clip, and its frames per second."""
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    frames: list[Bgr] = []
    while (got := capture.read())[0]:
        frames.append(np.asarray(got[1], np.uint8))
    return frames, capture.get(cv2.CAP_PROP_FPS)


def whole_frames(detector: Detector, frames: Sequence[Bgr]) -> list[list[Detection]]:
    """Look at each whole frame, as large as the smallest face needs."""
    attention = Attention(smallest_px=detector.smallest_px, clear_px=detector.clear_px, min_face_px=MIN_FACE_PX)
    return [detector.detect(frame, attention.everywhere((frame.shape[1], frame.shape[0]), 0)) for frame in frames]


def searched(detector: Detector, frames: Sequence[Bgr], fps: float) -> list[list[Detection]]:
    """Search each frame as the camera does, in the clip's own time."""
    search, tracker = Search(detector, min_face_px=MIN_FACE_PX), Tracker()
    found = []
    for number, frame in enumerate(frames):
        found.append(search.find(frame, tracker, number / fps))
        tracker.update([each.box for each in found[-1]], number / fps)
    return found


def count(clip: Path, yunet: Path, *, haar: bool) -> Count:
    """Count the faces of a clip."""
    frames, fps = read(clip)
    detector = open_detector(None if haar else yunet, min_face_px=MIN_FACE_PX)
    whole, whole_s = _timed(lambda: whole_frames(detector, frames))
    search, search_s = _timed(lambda: searched(detector, frames, fps))
    referee = open_detector(yunet, min_face_px=1)
    people = [[each.box for each in referee.detect(frame)] for frame in frames]
    return Count(
        clip.name,
        detector.name,
        len(frames),
        sum(map(len, whole)),
        sum(map(len, search)),
        of_people(whole, people),
        of_people(search, people),
        1000 * whole_s / len(frames),
        1000 * search_s / len(frames),
    )


def of_people(found: Sequence[Sequence[Detection]], people: Sequence[Sequence[Box]]) -> int:
    """Return how many of the people in each frame were found."""
    return sum(
        any(person.iou(each.box) > SAME for each in frame)
        for frame, there in zip(found, people, strict=True)
        for person in there
    )


def detection_ms(yunet: Path, cores: int) -> dict[str, float]:
    """Return milliseconds per frame by detector and size; on two cores, of two cameras at a time."""
    context = multiprocessing.get_context("spawn")
    found: dict[str, float] = {}
    with ProcessPoolExecutor(cores, mp_context=context) as pool:
        for kind in ("yunet", "haar"):
            for width, height in SIZES:
                work = [pool.submit(_look_ms, yunet if kind == "yunet" else None, width, height) for _ in range(cores)]
                found[f"{kind}_{width}x{height}"] = sum(each.result() for each in work) / cores / cores
    return found


def _look_ms(yunet: Path | None, width: int, height: int) -> float:
    detector = open_detector(yunet, min_face_px=MIN_FACE_PX)
    frame = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    image: Bgr = cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    view = View.whole((width, height), 1)
    detector.detect(image, view)
    began, looks = time.perf_counter(), 0
    while time.perf_counter() - began < TIMED_S:
        detector.detect(image, view)
        looks += 1
    return 1000 * (time.perf_counter() - began) / looks


def _timed(work: Callable[[], list[list[Detection]]]) -> tuple[list[list[Detection]], float]:
    began = time.thread_time()
    return work(), time.thread_time() - began
