"""What a camera saw last, for as long as it can pass for what it sees."""

import asyncio

from services.camera.analysis import Seen
from services.camera.preview import annotated


class Glance:
    """The last frame and what is in it; it forgets by itself.

    Args:
        fresh_s: After so many seconds.
    """

    def __init__(self, fresh_s: float) -> None:
        self._fresh_s = fresh_s
        self._timer: asyncio.TimerHandle | None = None
        self._taken_at = 0.0
        self.seen: Seen | None = None
        self._drawn: asyncio.Task[bytes] | None = None

    def take(self, seen: Seen) -> None:
        """Keep a frame, for a moment, in place of the one before."""
        self._taken_at = asyncio.get_running_loop().time()
        self.seen, self._drawn = seen, None
        if self._timer is None:
            self._wait(self._fresh_s)

    async def drawn(self, seen: Seen) -> bytes:
        """Return a frame as JPEG with its faces marked: made once, however many look."""
        if seen is not self.seen:  # it was forgotten meanwhile
            return await asyncio.to_thread(annotated, seen)
        if self._drawn is None:
            self._drawn = asyncio.create_task(asyncio.to_thread(annotated, seen))
        return await asyncio.shield(self._drawn)  # who goes away takes it from nobody else

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Forget what is old by now: frames come and go too fast for a timer each."""
        left_s = self._taken_at + self._fresh_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            self.forget()
        else:
            self._wait(left_s)

    def forget(self) -> None:
        """Keep nothing."""
        self.seen = self._drawn = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
