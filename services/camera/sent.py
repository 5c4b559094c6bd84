"""Pictures that are sent to us: by the page of a browser that shows its own camera, or by whoever posts them."""

from collections.abc import Callable

from services.camera.inbox import Inbox
from services.camera.sources import LOST_AFTER_S, READ_TIMEOUT_S, SourceError
from services.vision.images import Bgr

PAUSES = 2.5
"""Pictures may come seconds apart: they have stopped when so many of their usual pauses have passed."""
LONGEST_S = 120.0
"""But then in any case."""
NONE_SENT = "No pictures are sent: open the page /camera on the device whose camera it is, or post them."


class Sent:
    """The newest picture in the inbox, as they come.

    Args:
        inbox: Where they arrive.
        clock: Seconds, from any beginning.
    """

    live = True
    scene = 0
    sparse = False

    def __init__(self, inbox: Inbox[Bgr], *, clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self._clock = clock
        self._first: Bgr | None = None
        self._seen_at = 0.0

    def open(self) -> None:
        """Wait a moment for the first picture."""
        self._first = self._inbox.take(READ_TIMEOUT_S)
        if self._first is None:
            raise SourceError(NONE_SENT)
        self._seen_at = self._clock()

    def read(self) -> Bgr | None:
        """Return the newest picture."""
        picture = self._first if self._first is not None else self._inbox.take(READ_TIMEOUT_S)
        self._first = None
        if picture is not None:
            self._seen_at = self._clock()
        elif self._clock() - self._seen_at > min(LONGEST_S, max(LOST_AFTER_S, PAUSES * self._inbox.pause_s)):
            raise SourceError(NONE_SENT)
        return picture

    def close(self) -> None:
        """Forget what was sent."""
        self._first = None
        self._inbox.clear()
