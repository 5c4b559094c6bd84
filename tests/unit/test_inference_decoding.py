"""Faces become the model's input while others have their turn."""

import asyncio

import numpy as np

from services.contracts.moodring_pb2 import Face, FaceCrops
from services.inference.decoding import TURN_S, Crop, decoded
from services.inference.newest import Frame
from services.runtime.bus import Delivery
from tests.unit.inference_doubles import face, frame


def arrived(message: FaceCrops) -> Frame:
    return Frame(Delivery(message, {"room": "home", "camera": message.camera}), 0.0, 0.0, list(message.faces))


class Decoder:
    """Takes as long for a face as the test says, and finds odd ones bad; notes what others did meanwhile."""

    def __init__(self, takes_s: float) -> None:
        self.now, self._takes_s = 0.0, takes_s
        self.turns = 0
        self.turns_before: list[int] = []

    def __call__(self, one: Face, _frame: FaceCrops) -> Crop | None:
        self.turns_before.append(self.turns)
        self.now += self._takes_s
        return None if one.track_id % 2 else np.zeros((48, 48, 1), np.uint8)

    async def others(self) -> None:
        while True:
            self.turns += 1
            await asyncio.sleep(0)

    async def run(self, *frames: Frame) -> list[tuple[str, list[int]]]:
        others = asyncio.create_task(self.others())
        usable = await decoded(frames, self, lambda: self.now)
        others.cancel()
        return [(one.delivery.message.frame_id, [each.track_id for each, _ in crops]) for one, crops in usable]


async def test_bad_faces_are_left_out_and_so_is_a_frame_of_bad_faces_only() -> None:
    frames = arrived(frame(1, face(1), face(2), face(4))), arrived(frame(2, face(3)))
    assert await Decoder(0).run(*frames) == [("camera-1", [2, 4])]


async def test_large_faces_leave_others_their_turn() -> None:
    decoder = Decoder(2 * TURN_S)
    await decoder.run(arrived(frame(1, *map(face, range(4)))), arrived(frame(2, face(9))))
    assert decoder.turns_before == sorted(set(decoder.turns_before)), "a turn before each"


async def test_small_ones_are_done_in_one_go() -> None:
    decoder = Decoder(TURN_S / 10)
    await decoder.run(arrived(frame(1, *map(face, range(5)))))
    assert decoder.turns_before == [0] * 5
