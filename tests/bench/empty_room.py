"""An empty room as a webcam sees it: still, with the noise of a live sensor."""

from pathlib import Path

import numpy as np

from services.demo.faces import HEIGHT, NOISE, WALL, WIDTH
from services.vision.images import Bgr
from services.vision.opencv import cv2
from tests.bench.product import BenchError

FRAMES = 60


def write_room(path: Path, fps: float) -> Path:
    """Write a clip of 640x480 without compression, so that reading it costs what reading a webcam does.

    Raises:
        BenchError: It could not be written.
    """
    random = np.random.default_rng(1)
    light = np.linspace(0.6, 1.1, WIDTH)[None, :, None] * np.linspace(1.05, 0.8, HEIGHT)[:, None, None]
    room = light * np.array(WALL, np.float64)
    room[300:420, 60:260] *= 0.5  # a piece of furniture
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"I420"), fps, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise BenchError("OpenCV cannot write the clip of an empty room")
    for _ in range(FRAMES):
        frame: Bgr = np.clip(room + random.normal(0, NOISE, room.shape), 0, 255).astype(np.uint8)
        writer.write(frame)
    writer.release()
    return path
