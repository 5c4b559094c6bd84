"""Makes the demo's face sprites: for each expression the average of many faces, nobody's own face.

    python -m training.averages --data ferplus_train_valid.npz --yunet PATH

Training faces on whose expression the taggers and the model agree most are found by YuNet, turned
upright and scaled by its five landmarks, and averaged. FER2013 holds many near-copies of one photograph; a face
that looks like one already taken is skipped, so that no single photograph shines through. The
average is blended into a flat backdrop through a soft oval, which gives detectors the head-like
outline that FER2013's tight crops lack.
"""

import argparse
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.dataset import DEFAULT_DATA, TRAIN_SPLIT, Split, load_split
from training.labels import EXPRESSIONS
from training.lite import Classify, classifier
from training.versions import released

Image = NDArray[np.float32]

OUTPUT: Final = Path("services/demo/assets/faces")
SPRITE_PX: Final = 128
FRAME_PX: Final = 84
"""What FER2013's whole 48-pixel frame measures in the sprite; the rest is margin."""
BACKDROP: Final = 120
"""Grey value all along the sprite's edge, so that it can be pasted on a frame of that grey."""

CANONICAL: Final = np.array(
    [(15.6, 18.3), (31.6, 18.3), (23.6, 27.4), (17.2, 36.0), (30.0, 36.0)], np.float32
) * np.float32(FRAME_PX / 48) + np.float32((SPRITE_PX - FRAME_PX) / 2)
"""Where eyes, nose tip and mouth corners go: YuNet's mean on neutral and happy FER+ faces, mirrored."""

MOUTH_ROWS: Final = slice(72, 102)
MOUTH_COLUMNS: Final = slice(36, 92)

CANDIDATES: Final = 900
FACES_PER_AVERAGE: Final = 40
FEWEST_FACES: Final = 30
ONE_SIDED: Final = ("contemptuous", "fearful")
"""Expressions whose average shows them only while left and right are not mixed."""
EXAGGERATED: Final = {"contemptuous": 0.5, "angry": 0.3}
"""By how much an average is moved on, away from the neutral one: plain, contempt passes for neutral, anger partly for
disgust."""
MIN_DETECTOR_SCORE: Final = 0.8
MAX_YAW: Final = 0.14
"""Nose tip's distance from the face's axis, in eye distances: beyond it a face counts as turned."""
MAX_LIKENESS: Final = 0.80
"""Correlation of two aligned faces above which they count as the same photograph."""


class Landmarker:
    """Finds the five landmarks of a 48x48 face with YuNet, which needs more pixels and a margin."""

    _ZOOM: Final = 4
    _MARGIN_PX: Final = 48

    def __init__(self, model: Path) -> None:
        """Loads YuNet from an ``.onnx`` file."""
        side = 48 * self._ZOOM + 2 * self._MARGIN_PX
        self._detector = cv2.FaceDetectorYN.create(str(model), "", (side, side), MIN_DETECTOR_SCORE)

    def __call__(self, face: NDArray[np.uint8]) -> Image | None:
        """Gives landmarks of shape (5, 2) in the face's own pixels, or ``None``."""
        large = cv2.resize(face, None, fx=self._ZOOM, fy=self._ZOOM, interpolation=cv2.INTER_CUBIC)
        margin = (self._MARGIN_PX,) * 4
        framed = cv2.copyMakeBorder(large, *margin, cv2.BORDER_REPLICATE)
        _, found = self._detector.detect(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR))
        if found is None:
            return None
        best = found[found[:, -1].argmax()]
        return np.asarray((best[4:14].reshape(5, 2) - self._MARGIN_PX) / self._ZOOM, np.float32)


def is_frontal(landmarks: Image) -> bool:
    """Says whether the nose lies near the line from between the eyes to the middle of the mouth."""
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    across = landmarks[1] - landmarks[0]
    offset = (landmarks[2] - (eyes + mouth) / 2) @ across / (across @ across)
    return bool(abs(offset) < MAX_YAW)


def aligned(face: NDArray[np.uint8], landmarks: Image) -> Image | None:
    """Maps a face of zero mean and unit variance to the canonical position, or gives ``None``."""
    transform, _ = cv2.estimateAffinePartial2D(landmarks, CANONICAL, method=cv2.LMEDS)
    if transform is None:
        return None
    scaled = (face - face.mean()) / (face.std() + 1e-6)
    moved = cv2.warpAffine(
        scaled.astype(np.float32),
        transform,
        (SPRITE_PX, SPRITE_PX),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def thumbnail(face: Image) -> Image:
    """Gives a unit vector of a face's middle; the dot product of two is their correlation."""
    edge = (SPRITE_PX - FRAME_PX) // 2 + 8
    small = cv2.resize(face[edge:-edge, edge:-edge], (24, 24), interpolation=cv2.INTER_AREA).ravel()
    centred = small - small.mean()
    return np.asarray(centred / np.linalg.norm(centred), np.float32)


def is_copy(thumb: Image, taken: list[Image]) -> bool:
    """Says whether a face, or its mirror image, was taken already."""
    mirrored = thumb.reshape(24, 24)[:, ::-1].ravel()
    return any(max(float(thumb @ other), float(mirrored @ other)) > MAX_LIKENESS for other in taken)


def clearest_first(split: Split, expression: int, classify: Classify) -> NDArray[np.int64]:
    """Orders the faces with the most votes for an expression by votes times the model's probability."""
    votes = split.votes[:, expression].astype(np.float64)
    rows = np.argsort(-votes, kind="stable")[:CANDIDATES]
    certainty = classify(split.faces[rows])[:, expression]
    return np.asarray(rows[np.argsort(-votes[rows] * certainty, kind="stable")])


def clear_faces(split: Split, rows: NDArray[np.int64], landmarker: Landmarker, count: int) -> list[Image]:
    """Takes the first aligned, frontal faces of the rows, each photograph once."""
    faces: list[Image] = []
    thumbs: list[Image] = []
    for row in rows:
        landmarks = landmarker(split.faces[row])
        if landmarks is None or not is_frontal(landmarks):
            continue
        face = aligned(split.faces[row], landmarks)
        if face is None or is_copy(thumb := thumbnail(face), thumbs):
            continue
        faces.append(face)
        thumbs.append(thumb)
        if len(faces) == count:
            break
    return faces


def symmetric_mean(faces: list[Image]) -> Image:
    """Averages faces and their mirror images."""
    mean = np.mean(faces, axis=0)
    return np.asarray((mean + mean[:, ::-1]) / 2, np.float32)


def one_sided_mean(faces: list[Image], rounds: int = 10) -> Image:
    """Averages faces after mirroring those whose mouth is raised on the other side.

    A plain mean would cancel the one raised corner of the mouth that makes contempt. Only the mouth is
    taken from the one-sided mean; elsewhere the larger asymmetry is the light's, not the face's.
    """
    stack = np.stack(faces)
    fine = np.stack([face - cv2.GaussianBlur(face, (0, 0), 6) for face in faces])
    odd = (fine - fine[:, :, ::-1])[:, MOUTH_ROWS, MOUTH_COLUMNS].reshape(len(stack), -1)
    odd /= np.linalg.norm(odd, axis=1, keepdims=True)
    lead = np.linalg.svd(odd, full_matrices=False)[2][0]
    for _ in range(rounds):
        sides = np.where(odd @ lead >= 0, 1.0, -1.0)
        lead = (odd * sides[:, None]).mean(axis=0)
    turned = np.where(sides[:, None, None] > 0, stack, stack[:, :, ::-1]).mean(axis=0)
    weight = np.zeros((SPRITE_PX, SPRITE_PX), np.float32)
    weight[MOUTH_ROWS, MOUTH_COLUMNS] = 1
    weight = cv2.GaussianBlur(weight, (0, 0), 5)
    return np.asarray(weight * turned + (1 - weight) * symmetric_mean(faces), np.float32)


def soft_oval() -> Image:
    """Gives the blending weight (SPRITE_PX, SPRITE_PX): 1 on the face, 0 at the edge, smooth between."""
    y, x = np.mgrid[:SPRITE_PX, :SPRITE_PX].astype(np.float32)
    centre_x, centre_y = (SPRITE_PX - 1) / 2, SPRITE_PX * 0.49
    radius = np.hypot((x - centre_x) / (SPRITE_PX * 0.36), (y - centre_y) / (SPRITE_PX * 0.44))
    ramp = np.clip((1.12 - radius) / 0.34, 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def sprite(mean: Image) -> NDArray[np.uint8]:
    """Stretches a mean face's contrast over the grey range and blends it into the backdrop."""
    weight = soft_oval()
    low, high = np.percentile(mean[weight == 1], (1, 99))
    stretched = 18 + np.clip((mean - low) / (high - low), 0, 1) * 218
    blended = weight * stretched + (1 - weight) * BACKDROP
    return np.asarray(np.clip(np.round(blended), 0, 255), np.uint8)


def main() -> None:
    """Writes one sprite per expression."""
    parser = argparse.ArgumentParser(description="Average the clearest faces of each expression.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--yunet", type=Path, required=True, help="YuNet's .onnx file")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    parser.add_argument("--count", type=int, default=FACES_PER_AVERAGE)
    parser.add_argument("--model", type=Path, default=released(), help="the model that helps to choose")
    options = parser.parse_args()
    classify = classifier(options.model)
    split, landmarker = load_split(options.data, TRAIN_SPLIT), Landmarker(options.yunet)
    options.out.mkdir(parents=True, exist_ok=True)
    neutral = np.zeros((SPRITE_PX, SPRITE_PX), np.float32)
    for index, name in enumerate(EXPRESSIONS):
        faces = clear_faces(split, clearest_first(split, index, classify), landmarker, options.count)
        if len(faces) < FEWEST_FACES:
            message = f"{name}: only {len(faces)} clear faces; fewer than {FEWEST_FACES} could show a person"
            raise SystemExit(message)
        mean = one_sided_mean(faces) if name in ONE_SIDED else symmetric_mean(faces)
        neutral = mean if name == "neutral" else neutral
        further = EXAGGERATED.get(name, 0.0)
        path = options.out / f"{name}.png"
        cv2.imwrite(str(path), sprite(mean + further * (mean - neutral)), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(f"{path}: the average of {len(faces)} faces, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
