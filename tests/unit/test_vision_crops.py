"""The crop: the same pixels for whoever cuts, whatever lies between."""

import numpy as np
import pytest

from services.contracts import moodring_pb2 as pb
from services.vision.crops import MAX_CROP_PX, cut, face_frame, face_input, model_input
from services.vision.geometry import Box
from services.vision.images import BadImageError, crop_message
from services.vision.opencv import cv2

FRAME = cv2.GaussianBlur(np.random.default_rng(7).integers(0, 256, (480, 640, 3), np.uint8), (0, 0), 5)
FRAME = cv2.normalize(FRAME, None, 0, 255, cv2.NORM_MINMAX)
GREY = cv2.cvtColor(FRAME, cv2.COLOR_BGR2GRAY)
WHOLE = Box(0, 0, 640, 480)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_the_frame_of_an_average_face_is_the_square_that_fer2013_shows() -> None:
    assert face_frame(Box(110, 198, 80, 104)) == pytest.approx((100, 200, 100, 100))


def test_the_frame_has_the_middle_of_the_box() -> None:
    box = Box(33.5, 40.25, 61, 90)
    frame = face_frame(box)
    assert frame.centre == pytest.approx(box.centre)
    assert frame.width == frame.height


def test_a_frame_of_the_models_size_is_copied_pixel_by_pixel() -> None:
    box = Box(100, 200, 48, 48).grown(0.80, 1.04)
    assert (model_input(GREY, WHOLE, box)[:, :, 0] == GREY[200:248, 100:148]).all()


@pytest.mark.parametrize("side", [30, 60, 100, 220, 400])
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_a_cut_face_gives_the_same_input_as_the_whole_frame(side: int, shift: float) -> None:
    box = Box(120 + shift, 40 - shift, side, 1.3 * side)
    cropped = cut(FRAME, box)
    assert cropped is not None
    image, image_box = cropped
    assert max(image.shape) <= MAX_CROP_PX
    assert difference(model_input(image, image_box, box), model_input(GREY, WHOLE, box)) < 2.5


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (480, 320))
    values = model_input(stripes, WHOLE, Box(100, 50, 230, 299))
    assert values.min() > 90
    assert values.max() < 165


def test_the_border_is_continued_beyond_the_frame() -> None:
    box = Box(-30, 100, 80, 104)
    values = model_input(GREY, WHOLE, box)[:, :, 0]
    assert (values[:, 0] == values[:, 5]).all()


def test_what_is_cut_lies_within_the_frame() -> None:
    cropped = cut(FRAME, Box(600, 440, 80, 104))
    assert cropped is not None
    image, (x, y, width, height) = cropped
    assert (x + width, y + height) == (640, 480)
    assert image.shape == (height, width)


def test_a_face_outside_the_frame_is_none() -> None:
    assert cut(FRAME, Box(900, 100, 80, 104)) is None


def test_a_face_from_the_bus_is_cut_like_one_in_the_frame() -> None:
    box = Box(200, 150, 64, 84)
    cropped = cut(FRAME, box)
    assert cropped is not None
    face = pb.Face(box=box.message(), image=crop_message(cropped[0]), image_box=cropped[1].message())
    values = face_input(pb.Face.FromString(face.SerializeToString()))
    assert values.shape == (48, 48, 1)
    assert difference(values, model_input(GREY, WHOLE, box)) < 3


def test_what_opencv_cannot_resample_is_a_bad_image() -> None:
    with pytest.raises(BadImageError, match="40000x20 pixels"):
        model_input(np.zeros((20, 40_000), np.uint8), Box(0, 0, 40_000, 20), Box(0, 0, 20, 20))


@pytest.mark.parametrize(
    "box", [Box(0, 0, 0, 50), Box(0, 0, -5, 50), Box(0, 0, float("nan"), 50), Box(1e30, 0, 9, 9), Box(0, 0, 1e9, 1)]
)
def test_a_face_with_a_senseless_box_is_refused(box: Box) -> None:
    good = Box(0, 0, 50, 50).message()
    image = crop_message(GREY[:50, :50])
    for face in (
        pb.Face(box=box.message(), image=image, image_box=good),
        pb.Face(box=good, image=image, image_box=box.message()),
        pb.Face(),
    ):
        with pytest.raises(BadImageError):
            face_input(face)
