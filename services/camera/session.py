"""One opening of a source: what it shows is read on one thread, analysed on another, and handed over."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from services.camera.analysis import Analyst, Seen
from services.camera.reading import Reader
from services.camera.sources import SourceError

AHEAD = 2
"""Frames that are analysed or wait for it while one's faces go out, so that the thread never waits for the loop."""
CLOSE_WITHIN_S = 1.0
"""A source that hangs longer when the service stops is left to end with the process."""
ENDED = "The video has ended and is not repeated (camera.loop)."


class Session:
    """Lasts until the source ends, fails or is stopped, and its thread with it.

    Args:
        reader: Reads the source.
        analyst: Finds and judges faces.
        pool: Has one thread, on which the analyst works.
    """

    def __init__(self, reader: Reader, analyst: Analyst, pool: Executor) -> None:
        self._reader = reader
        self._analyst = analyst
        self._pool = pool

    def stop(self) -> None:
        """Have the source closed; frames not yet handed over are gone."""
        self._reader.stop()

    async def run(self, take: Callable[[Seen], None]) -> str | None:
        """Hand over what the frames show until the source is closed.

        Returns:
            Why it ended: `ENDED`, or what failed; `None` where it was stopped.
        """
        loop = asyncio.get_running_loop()
        ahead: deque[asyncio.Future[Seen | None]] = deque()
        try:
            while True:
                while len(ahead) < AHEAD:
                    ahead.append(loop.run_in_executor(self._pool, self._analyse_next))
                seen = await ahead.popleft()
                if seen is None:
                    break
                take(seen)
            await self._reader.finished
        except SourceError as error:
            return None if self._reader.stopped else str(error)
        else:
            return None if self._reader.stopped else ENDED
        finally:
            self._reader.stop()
            unfinished: set[asyncio.Future[Any]] = {self._reader.finished, *ahead}
            await asyncio.wait(unfinished, timeout=CLOSE_WITHIN_S)

    def _analyse_next(self) -> Seen | None:
        while (frame := self._reader.frames.take()) is not None:
            if self._analyst.due(frame):
                return self._analyst.analyse(frame)
        return None
