"""Fetches YuNet's file once, at set-up or when an image is built; without it the Haar cascade serves."""

import logging
import os
from pathlib import Path

import httpx

from services.vision.detectors import is_yunet

log = logging.getLogger(__name__)

FILE = "face_detection_yunet_2023mar.onnx"
PLACES = (
    f"https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/{FILE}",
    f"https://huggingface.co/opencv/face_detection_yunet/resolve/main/{FILE}",
)
TRIES = 2
TIMEOUT = httpx.Timeout(10.0, connect=4.0)
"""Seconds."""
MAX_BYTES = 1_000_000


class DownloadError(Exception):
    """The file could not be had; the text is one line for people."""


def fetch_yunet(target: Path, *, client: httpx.Client | None = None) -> Path:
    """Put YuNet's file into a folder, unless it is there.

    Args:
        target: The folder (`models` in the data directory); it is made.
        client: What asks; the caller closes it.

    Returns:
        The file's path.

    Raises:
        DownloadError: No place gave the right file.
        OSError: The folder cannot be written.
    """
    file = target / FILE
    if file.is_file() and is_yunet(file.read_bytes()):
        return file
    target.mkdir(parents=True, exist_ok=True)
    if client is not None:
        data = _from_anywhere(client)
    else:
        with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as own:
            data = _from_anywhere(own)
    new = file.with_suffix(f".{os.getpid()}.new")
    new.write_bytes(data)
    new.replace(file)
    return file


def _from_anywhere(client: httpx.Client) -> bytes:
    problem = ""
    for place in PLACES * TRIES:
        try:
            data = _read(client, place)
        except httpx.HTTPError as error:
            problem = f"{httpx.URL(place).host}: {error}"
        else:
            if is_yunet(data):
                return data
            problem = f"{httpx.URL(place).host} sent another file (wrong sha256)"
        log.debug("%s", problem)
    raise DownloadError(
        f"YuNet's file could not be fetched ({problem}); the slower Haar cascade is used until `make models` has it"
    )


def _read(client: httpx.Client, place: str) -> bytes:
    data = b""
    with client.stream("GET", place) as response:
        response.raise_for_status()
        for part in response.iter_bytes():
            data += part
            if len(data) > MAX_BYTES:
                break
    return data
