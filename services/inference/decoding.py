"""The faces of frames made into the model's input, without holding up what else the event loop has to do.

A face of our own camera's takes 0.2 ms here, one of the largest that are read at all (`images.CROP`) 15 ms, and a batch
may have 64: so others have their turn in between. A thread would be no better: for most batches it takes longer to get
there and back.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.moodring_pb2 import Face, FaceCrops
from services.inference.newest import Frame

TURN_S: Final = 0.005
"""For how long faces are decoded before others have their turn."""

Crop = NDArray[np.uint8]
"""The model's input for a face: (size, size, 1)."""
Crops = list[tuple[Face, Crop]]
"""Faces, and the model's input for each."""


async def decoded(
    frames: Sequence[Frame], decode: Callable[[Face, FaceCrops], Crop | None], timer: Callable[[], float]
) -> list[tuple[Frame, Crops]]:
    """Return the frames of which a face can be decoded, and those faces.

    Args:
        frames: The frames.
        decode: Returns the model's input for a face of a frame, or `None` for a bad one.
        timer: Seconds that never jump.
    """
    usable: list[tuple[Frame, Crops]] = []
    began = timer()
    for frame in frames:
        crops: Crops = []
        for face in frame.faces:
            if (crop := decode(face, frame.delivery.message)) is not None:
                crops.append((face, crop))
            if timer() - began > TURN_S:
                await asyncio.sleep(0)
                began = timer()
        if crops:
            usable.append((frame, crops))
    return usable
