"""The queue between the bus and one listener of the event stream."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable

from services.gateway.state import Change

MAX_EVENTS = 100
"""Events, and things that are gone, that wait for a slow listener; the oldest are dropped beyond. States need no bound
of their own: only the latest of each is kept, and the house bounds how many there are."""


class Stream:
    """Changes for one listener, in order; a state that changes again before it was read is sent once, as it is last."""

    def __init__(self, first: Iterable[Change] = (), *, room: str | None = None) -> None:
        self._room = room
        self._waiting: dict[Hashable, Change] = {}
        self._events = 0
        self._ready = asyncio.Event()
        self._closed = False
        for change in first:
            self.put(change)

    def put(self, change: Change) -> None:
        """Add a change, unless it is about another room."""
        if self._room and change.room not in {self._room, None}:
            return
        event = change.name == "event"
        self._events += event
        key = (change.name, *change.where.values(), self._events if event else 0)
        self._waiting.pop(key, None)
        self._waiting[key] = change
        if event or change.message is None:
            self._drop_oldest()
        self._ready.set()

    def close(self) -> None:
        """End the stream after what still waits."""
        self._closed = True
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[Change]:
        """Yield changes until the stream is closed."""
        while self._waiting or not self._closed:
            await self._ready.wait()
            while self._waiting:
                yield self._waiting.pop(next(iter(self._waiting)))
            if not self._closed:
                self._ready.clear()

    def _drop_oldest(self) -> None:
        events = [key for key, one in self._waiting.items() if one.name == "event" or one.message is None]
        if len(events) > MAX_EVENTS:
            del self._waiting[events[0]]
