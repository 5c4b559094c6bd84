"""What has arrived and waits for its handler."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Arrival:
    """A payload as the wire delivered it; `settle` is called when the service is through with it.

    `lasting` is what a broker keeps for a subscriber that is away.
    """

    topic: str
    payload: bytes
    retained: bool
    settle: Callable[[], None]
    lasting: bool = False


class Arrivals(asyncio.Queue[Arrival]):
    """Those of one channel, in order of arrival."""

    _queue: deque[Arrival]

    def give_up(self) -> Arrival:
        """Take out the oldest of the topic that has most waiting, so that who sends too much loses by it."""
        most = Counter(one.topic for one in self._queue).most_common(1)[0][0]
        place = next(place for place, one in enumerate(self._queue) if one.topic == most)
        arrival = self._queue[place]
        del self._queue[place]
        self.task_done()
        return arrival
