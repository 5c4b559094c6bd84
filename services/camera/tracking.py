"""Which face of this frame is which of the last: numbers for faces, never for people."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.vision.geometry import Box

GONE_AFTER_S = 2.0
"""A face unseen for longer gets a new number when it comes back."""
REACH = 1.0
"""A face moves by at most its own width, beside its steady motion, from one sight to the next."""
MOST_GROWTH = 2.0
"""Boxes whose areas differ by more are not one face."""
CONFIRMED_BY = 3
"""Sights after which a face is one: a hand passes for one in a frame or two."""
SETTLING_S = 0.2
"""Time in which a new velocity gains half the weight; boxes tremble by a pixel or two from frame to frame."""


@dataclass(frozen=True, slots=True)
class Track:
    """A face over time.

    Attributes:
        number: Unique per tracker, from 1.
        box: Where it was seen last.
        seen_at: When, in seconds.
        velocity: Of its middle, in pixels a second.
        sights: How often it was seen.
    """

    number: int
    box: Box
    seen_at: float
    velocity: tuple[float, float] = (0.0, 0.0)
    sights: int = 1

    def expected(self, at: float) -> Box:
        """Return where the face is at `at` if it keeps its velocity."""
        elapsed = at - self.seen_at
        return self.box._replace(x=self.box.x + self.velocity[0] * elapsed, y=self.box.y + self.velocity[1] * elapsed)


class Tracker:
    """Numbers the faces of one camera's frames: nearest pairs first, at a constant velocity."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._last = 0
        self._at = float("-inf")

    def update(self, boxes: Sequence[Box], at: float) -> list[int]:
        """Return the number of each box's track.

        Args:
            boxes: The faces of one frame.
            at: When it was taken, in seconds; not before the frame before.
        """
        known, self._at = self._known(at), at
        found = {index: _moved(track, boxes[index], at) for index, track in self._matched(boxes, known, at).items()}
        for index, box in enumerate(boxes):
            if index not in found:
                self._last += 1
                found[index] = Track(self._last, box, at)
        seen = {track.number for track in found.values()}
        self._tracks = [*found.values(), *(track for track in known if track.number not in seen)]
        return [found[index].number for index in range(len(boxes))]

    def doubt(self) -> None:
        """Miss nobody who was seen before, as where a film begins again: who is found again keeps the number."""
        self._tracks = [replace(track, sights=0) for track in self._tracks]

    def expected(self, at: float) -> list[Box]:
        """Return where the faces that are not gone should be at `at`."""
        return [track.expected(at) for track in self._known(at)]

    def sought(self, at: float, *, within_s: float) -> list[Box]:
        """Return where the faces seen within the last seconds should be; what may be none, only if it was seen last."""
        known = self._known(at, within_s)
        return [one.expected(at) for one in known if one.sights >= (1 if one.seen_at == self._at else CONFIRMED_BY)]

    def lost(self, boxes: Sequence[Box], at: float, *, within_s: float = GONE_AFTER_S) -> int:
        """Return how many faces that were there within the last seconds, beyond doubt, are missing among these."""
        known = self._known(at, within_s)
        seen = {track.number for track in self._matched(boxes, known, at).values()}
        return sum(track.number not in seen and track.sights >= CONFIRMED_BY for track in known)

    def _known(self, at: float, within_s: float = GONE_AFTER_S) -> list[Track]:
        """Return the tracks seen within the last seconds; none of a time to come, as after a clock was set."""
        return [track for track in self._tracks if -within_s <= at - track.seen_at <= within_s]

    @staticmethod
    def _matched(boxes: Sequence[Box], tracks: Sequence[Track], at: float) -> dict[int, Track]:
        """Return the track of each box that has one, by the box's place."""
        likely = [
            (_likeness(box, track.expected(at)), index, track) for index, box in enumerate(boxes) for track in tracks
        ]
        likely.sort(key=lambda each: (-each[0], each[1], each[2].number))
        found: dict[int, Track] = {}
        taken: set[int] = set()
        for likeness, index, track in likely:
            if likeness > 0 and index not in found and track.number not in taken:
                found[index] = track
                taken.add(track.number)
        return found


def _likeness(box: Box, expected: Box) -> float:
    """Return 0 for two faces; else more the nearer they are: 0 to 1 by distance, plus their overlap."""
    if not 1 / MOST_GROWTH < box.area / expected.area < MOST_GROWTH:
        return 0.0
    dx, dy = box.centre.x - expected.centre.x, box.centre.y - expected.centre.y
    nearness = 1 - math.hypot(dx, dy) / (REACH * expected.width)
    overlap = box.iou(expected)
    return max(0.0, nearness) + overlap


def _moved(track: Track, box: Box, at: float) -> Track:
    elapsed = at - track.seen_at
    if elapsed <= 0:
        return replace(track, box=box, seen_at=at, sights=track.sights + 1)
    share = elapsed / (elapsed + SETTLING_S)
    new = ((box.centre.x - track.box.centre.x) / elapsed, (box.centre.y - track.box.centre.y) / elapsed)
    velocity = tuple((1 - share) * old + share * now for old, now in zip(track.velocity, new, strict=True))
    return Track(track.number, box, at, (velocity[0], velocity[1]), track.sights + 1)
