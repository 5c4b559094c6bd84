"""Augmentation varies faces and keeps them faces."""

import numpy as np

from training.augment import Augmentation, varied

FACE = np.random.default_rng(5).integers(0, 256, (48, 48), np.uint8)
NOTHING = Augmentation(0, 0, 0, 0, 0, 0, 0, 14, 0)


def test_the_same_seed_gives_the_same_face() -> None:
    first, second = (varied(FACE, np.random.default_rng(1), Augmentation()) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_faces_keep_size_and_type_and_differ() -> None:
    generator = np.random.default_rng(2)
    faces = [varied(FACE, generator, Augmentation()) for _ in range(50)]
    assert {(face.shape, face.dtype.name) for face in faces} == {((48, 48), "uint8")}
    assert len({face.tobytes() for face in faces}) == 50


def test_without_variation_a_face_stays_or_is_mirrored() -> None:
    generator = np.random.default_rng(3)
    seen = {varied(FACE, generator, NOTHING).tobytes() for _ in range(40)}
    assert seen == {FACE.tobytes(), FACE[:, ::-1].tobytes()}
