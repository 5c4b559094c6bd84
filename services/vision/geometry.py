"""Rectangles and points in frame pixels; the origin is the frame's upper left corner."""

from typing import NamedTuple

from services.contracts import moodring_pb2 as pb


class Point(NamedTuple):
    """A point."""

    x: float
    y: float

    def message(self) -> pb.Point:
        """Return the point as it travels."""
        return pb.Point(x=self.x, y=self.y)


class Box(NamedTuple):
    """An axis-aligned rectangle; it may reach beyond the frame."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def of(cls, message: pb.Box) -> "Box":
        """Return the box of a message.

        Raises:
            ValueError: It has no area, or a number is not finite.
        """
        box = cls(message.x, message.y, message.width, message.height)
        if not (0 < box.width < MAX_SIDE_PX and 0 < box.height < MAX_SIDE_PX and max(map(abs, box)) < MAX_SIDE_PX):
            raise ValueError(f"a box of {box.width:g}x{box.height:g} at {box.x:g},{box.y:g} is none")
        return box

    @property
    def centre(self) -> Point:
        """The middle."""
        return Point(self.x + self.width / 2, self.y + self.height / 2)

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    def iou(self, other: "Box") -> float:
        """Return the intersection over union, 0 to 1."""
        common = self._common(other)
        return common / (self.area + other.area - common) if common else 0.0

    def shared(self, other: "Box") -> float:
        """Return the intersection over the smaller of both, 0 to 1."""
        common = self._common(other)
        return common / min(self.area, other.area) if common else 0.0

    def _common(self, other: "Box") -> float:
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0.0, across) * max(0.0, down)

    def scaled(self, factor: float) -> "Box":
        """Return the box in a frame that is `factor` times as large."""
        return Box(self.x * factor, self.y * factor, self.width * factor, self.height * factor)

    def grown(self, across: float, down: float) -> "Box":
        """Return the box with the same middle, `across` times as wide and `down` times as high."""
        width, height = self.width * across, self.height * down
        return Box(self.centre.x - width / 2, self.centre.y - height / 2, width, height)

    def message(self) -> pb.Box:
        """Return the box as it travels."""
        return pb.Box(x=self.x, y=self.y, width=self.width, height=self.height)


MAX_SIDE_PX = 100_000
"""No camera has more; what a message says beyond it is wrong."""
