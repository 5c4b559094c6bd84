"""Where to look for faces: about the known ones often and closely, everywhere now and then.

A detector's time goes with the pixels that it looks at, and a face needs few of them (measured: 1.2 ms for the
neighbourhood of a face, 5.5 ms for a frame of 640x480 in which faces of 24 pixels are found).
"""

from collections.abc import Sequence

from services.vision.detectors import LONGEST_SIDE_PX
from services.vision.geometry import Box
from services.vision.views import View, shrink_for, shrink_within

VIEW_WIDTHS = 16 / 3
"""Side of a neighbourhood in widths of the smallest face in it; the largest, before it is shrunk more, has half."""
AROUND = 1.5
"""How much of a face's surroundings a view has to show, in sizes of the face, so that it counts as looked at."""
COARSE_EVERY_S = 0.5
"""Whole frames are looked at this often: the delay at which a face that comes is seen at most."""
FINE_EVERY_S = 2.0
"""And for the smallest faces this often."""
LOST_EVERY_S = 0.15
"""A face that is lost is looked for everywhere at once, and again so often until it is found or gone."""


class Attention:
    """The plan of one camera.

    Args:
        smallest_px: Width of the smallest face that the detector finds in what it looks at.
        clear_px: Width from which more pixels do not help it.
        min_face_px: Width of the smallest face that is to be found, in frame pixels.
    """

    def __init__(self, *, smallest_px: int, clear_px: int, min_face_px: int) -> None:
        self._smallest_px = smallest_px
        self._clear_px = clear_px
        self._min_face_px = min_face_px
        self._side_px = round(VIEW_WIDTHS * clear_px)
        self._coarse_at = self._fine_at = float("-inf")
        self._lost = 0

    def everywhere(self, size: tuple[int, int], at: float) -> View:
        """Return the view of a whole frame in which the smallest face is found, and note that it is looked at."""
        self._coarse_at = self._fine_at = at
        return View.whole(size, self._shrink(size))

    def may_look_everywhere(self, at: float, lost: int) -> bool:
        """Whether a whole frame is worth its time.

        Args:
            at: When it was taken.
            lost: Faces that are not where they should be.
        """
        more, self._lost = lost > self._lost, lost
        return lost > 0 and (more or _due(at, self._fine_at, LOST_EVERY_S)) and self._fine_at != at

    def views(self, size: tuple[int, int], expected: Sequence[Box], at: float) -> list[View]:
        """Return the views in which known faces are found again, and those due for new ones, the closest first.

        Args:
            size: Width and height of the frame.
            expected: Where the known faces should be; at least one.
            at: When the frame was taken, in seconds.
        """
        if _due(at, self._fine_at, FINE_EVERY_S):
            return [self.everywhere(size, at)]
        views = self._neighbourhoods(size, expected)
        if _due(at, self._coarse_at, COARSE_EVERY_S):
            coarse = View.whole(size, 2 * self._shrink(size))
            if any(box.width < self._smallest_px * coarse.shrink for box in expected):
                return [self.everywhere(size, at)]
            self._coarse_at = at
            views.append(coarse)
        if sum(view.pixels for view in views) >= View.whole(size, self._shrink(size)).pixels:
            return [self.everywhere(size, at)]
        return views

    def _neighbourhoods(self, size: tuple[int, int], expected: Sequence[Box]) -> list[View]:
        views: list[View] = []
        for box in sorted(expected, key=lambda each: each.area, reverse=True):
            if not any(self._shows(view, box) for view in views):
                shrink = shrink_for(box.width, self._clear_px)
                views.append(View.around(box.centre, self._side_px * shrink, shrink, size))
        return views

    def _shows(self, view: View, box: Box) -> bool:
        return box.width >= self._clear_px * view.shrink and view.holds(box.grown(AROUND, AROUND))

    def _shrink(self, size: tuple[int, int]) -> int:
        return shrink_within(size, LONGEST_SIDE_PX, shrink_for(self._min_face_px, self._smallest_px))


def _due(at: float, last: float, every_s: float) -> bool:
    """Whether it is time again; a clock that was set back makes it so."""
    return not 0 <= at - last < every_s
