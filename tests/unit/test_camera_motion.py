"""What counts as motion, and what is only noise or light."""

import numpy as np
import pytest

from services.camera.motion import Motion
from services.vision.images import Bgr

RANDOM = np.random.default_rng(5)
ROOM = np.linspace(40, 180, 640)[None, :, None] * np.linspace(1, 0.7, 480)[:, None, None] * np.ones(3)


def seen(*, noise: float = 3, light: float = 1, head: tuple[int, int, int] | None = None) -> Bgr:
    """Return the room with noise, and with a head: left, top and width, of skin before a wall."""
    room = ROOM * light
    if head:
        left, top, width = head
        room = room.copy()
        room[top : top + int(1.3 * width), left : left + width] += 35
    image: Bgr = np.clip(room + RANDOM.normal(0, noise, room.shape), 0, 255).astype(np.uint8)
    return image


@pytest.mark.parametrize("noise", [0, 3, 8, 15])
def test_noise_is_no_motion(noise: float) -> None:
    motion = Motion()
    assert [motion.since_looked(seen(noise=noise)) for _ in range(12)] == [True] + 11 * [False]


@pytest.mark.parametrize("light", [0.93, 1.07])
def test_light_that_changes_a_little_is_no_motion(light: float) -> None:
    motion = Motion()
    motion.since_looked(seen())
    assert not motion.since_looked(seen(light=light))


@pytest.mark.parametrize("noise", [3, 8])
def test_the_smallest_head_is_motion_wherever_it_appears(noise: float) -> None:
    for left, top in RANDOM.integers(0, (600, 440), (30, 2)):
        motion = Motion()
        motion.since_looked(seen(noise=noise))
        assert motion.since_looked(seen(noise=noise, head=(int(left), int(top), 24))), (left, top)


def test_a_picture_that_is_another_altogether_is_motion() -> None:
    motion = Motion()
    motion.since_looked(seen())
    assert motion.since_looked(np.ascontiguousarray(seen()[:, ::-1]))


def test_slow_changes_add_up() -> None:
    motion = Motion()
    motion.since_looked(seen())
    heads = (seen(head=(100 + step, 100, 60)) for step in range(0, 40, 2))
    assert sum(motion.since_looked(head) for head in heads) > 1


def test_what_stays_is_looked_at_once() -> None:
    motion = Motion()
    motion.since_looked(seen())
    assert [motion.since_looked(seen(head=(300, 200, 80))) for _ in range(3)] == [True, False, False]


def test_a_frame_of_another_size_is_motion() -> None:
    motion = Motion()
    motion.since_looked(seen())
    assert motion.since_looked(seen()[:240, :320])


def test_a_tiny_frame_is_no_error() -> None:
    assert Motion().since_looked(np.zeros((1, 1, 3), np.uint8))
