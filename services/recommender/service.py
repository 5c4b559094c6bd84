"""The recommender: listens to moods and players, and keeps every room's queue filled with what fits."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime
from random import Random

from prometheus_client import Counter

from services.contracts.channels import CUSTOM_MOODS, EVENTS, MOOD, PLAY, PLAYER, POLICY, POLICY_SET
from services.contracts.messages import CustomMoods, Event, Mood, PlayerState, PlayHow, Policy, SetPolicy
from services.recommender.api import routes
from services.recommender.chronicle import Chronicle
from services.recommender.database import Database, database_url
from services.recommender.diary import Diary
from services.recommender.history import HistoryStore, SqlHistoryStore
from services.recommender.library import Library
from services.recommender.moods import known_moods
from services.recommender.retention import Deleted
from services.recommender.room import Room
from services.recommender.rooms import Rooms, TooManyRoomsError
from services.recommender.state import RoomsFile, SavedRooms
from services.recommender.tracing import traced
from services.runtime.bus import Bus, Delivery, Follower
from services.runtime.complaints import Complaints
from services.runtime.health import Health
from services.runtime.measures import from_zero
from services.runtime.service import SetupError
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 1.0
"""How often rooms are looked at without a message: for moods that had to wait and requests that got lost."""

Clock = Callable[[], float]

DECISIONS = from_zero(Counter("moodring_recommender_decisions_total", "Requests to players.", ["how"]), PlayHow)


class RecommenderService:
    """Chooses music for every room on the bus."""

    name = "recommender"

    def __init__(self, settings: Settings, clock: Clock, steady: Clock, chance: Random) -> None:
        self.health = Health()
        self.clock = clock
        self.settings = settings
        self.database = Database(database_url(settings), self.health)
        self.library = Library(self.database, settings.music or settings.data / "songs", self.health, clock)
        self.history: HistoryStore = SqlHistoryStore(self.database)
        self.chronicle = Chronicle(self.database, settings, clock)
        self.router = routes(self)
        self._steady = steady
        self._state = RoomsFile(settings, self.health)
        self.rooms = Rooms(settings.rooms, settings.recommender.policy, chance, self._forgotten)
        self.diary = Diary(self.history, self.chronicle, self.rooms, self.database.available.wait)
        self.moods = known_moods(settings, CustomMoods())
        """Every mood that a song or a playlist can have, and its place."""
        self._bus: Bus | None = None
        self._lock = asyncio.Lock()
        self._complaints = Complaints(log)

    @property
    def running(self) -> bool:
        """Whether there is a bus."""
        return self._bus is not None

    async def run(self, bus: Bus) -> None:
        """Work until cancelled."""
        saved = self._state.load()
        self.rooms.restore(saved.rooms, self.clock())
        self.chronicle.forgotten = saved.forgotten
        self._bus = bus
        try:
            for room in self.rooms:
                bus.publish(POLICY, room.policy, room=room.name)
            bus.subscribe(POLICY_SET, self._on_policy)
            bus.subscribe(CUSTOM_MOODS, self._on_custom_moods)
            bus.subscribe(MOOD, Follower(self._on_mood, self._on_no_mood))
            bus.subscribe(PLAYER, self._on_player)
            bus.subscribe(EVENTS, self._on_event)
            async with asyncio.TaskGroup() as workers:
                workers.create_task(self.library.keep_database(self._opened), name="database")
                workers.create_task(self.library.keep_scanned(self.reload), name="library")
                workers.create_task(self.diary.run(), name="diary")
                workers.create_task(self.chronicle.run(), name="chronicle")
                workers.create_task(self.chronicle.keep_purged(), name="purge")
                workers.create_task(self._tick_forever(), name="tick")
        finally:
            self._bus = None
            await self.database.close()

    async def set_policy(self, name: str, command: SetPolicy) -> Policy:
        """Change a room's policy; the music follows with the next song.

        Raises:
            TooManyRoomsError: The room is one too many.
        """
        async with self._lock:
            room = self.rooms.enter(name, self.clock())
            room.set_policy(command)
            await self._save()
            if self._bus:
                self._bus.publish(POLICY, room.policy, room=name)
            log.info("%s: the policy is %s", name, room.policy.mode)
            await self._act(room)
            return room.policy

    async def reload(self) -> None:
        """Take changed songs and playlists into account; the music follows with the next song.

        Raises:
            DatabaseAwayError: Nothing could be read.
        """
        await self.library.load()
        await self.tick()

    async def tick(self) -> None:
        """Look at every room."""
        self.chronicle.look()
        async with self._lock:
            if self.rooms.forget_silent(self.clock()):
                await self._save()
            for room in self.rooms:
                await self._act(room)

    async def forget(self, name: str, start: datetime, end: datetime) -> Deleted:
        """Delete a room's history from `start` until before `end`; see `Diary.forget`.

        Raises:
            DatabaseAwayError: A part may be left.
        """
        try:
            return await self.diary.forget(name, start, end)
        finally:  # what is forgotten stays so, even where a part of the rest is left
            async with self._lock:
                await self._save()

    async def _on_policy(self, delivery: Delivery[SetPolicy]) -> None:
        if unknown := self.rooms.unknown(delivery.room):
            self._complaints.note("unknown room", f"policy/set of {delivery.room}", unknown)
        else:
            await self.set_policy(delivery.room, delivery.message)

    async def _on_custom_moods(self, delivery: Delivery[CustomMoods]) -> None:
        self.moods = known_moods(self.settings, delivery.message)

    async def _on_mood(self, delivery: Delivery[Mood]) -> None:
        async with self._lock:
            if room := await self._heard(delivery.room):
                self.chronicle.hear(room.name, delivery.message, retained=delivery.retained)
                room.feel(delivery.message)
                await self._act(room)

    async def _on_no_mood(self, where: dict[str, str]) -> None:
        self.rooms.miss(where["room"])

    async def _on_player(self, delivery: Delivery[PlayerState]) -> None:
        async with self._lock:
            if room := await self._heard(delivery.room):
                if room.hear(delivery.message):
                    await self._save()
                await self._act(room)

    async def _on_event(self, delivery: Delivery[Event]) -> None:
        mood = self.diary.hear(delivery.room, delivery.message)
        async with self._lock:
            if mood and await self._heard(delivery.room):
                self.chronicle.decided(delivery.room, mood)

    async def _act(self, room: Room) -> None:
        """Send a room's next request, if there is one; the lock is held."""
        if self._bus is None or not room.complete:
            return
        keys, began_s = self.settings.recommender, self.clock()
        decision = await asyncio.to_thread(
            room.decide,
            self.library.shelf,
            now=self.clock(),
            steady_s=self._steady(),
            ahead=keys.songs_ahead,
            act_every_s=keys.act_every_s,
        )
        if decision:
            request = decision.request
            with traced(decision, began_s):
                self._bus.publish(PLAY, request, room=room.name)
                self.diary.add(decision.record)
            DECISIONS.labels(request.how).inc()
            if request.how is PlayHow.REPLACE_NEXT:
                await self._save()
            titles = ", ".join(track.title for track in request.tracks)
            extra = {"decision_id": str(request.decision_id)}
            log.info("%s: %s (%s: %s)", room.name, request.reason, request.how, titles, extra=extra)

    def _forgotten(self, name: str) -> None:
        """Have a room that is gone forgotten by the bus, too; its history stays as long as any."""
        self.chronicle.leave(name)
        if self._bus:
            self._bus.withdraw(POLICY, room=name)
        log.info("%s: nothing was heard of this room for long; it is forgotten", name)

    async def _heard(self, name: str) -> Room | None:
        """Return a room that was heard of; a new one is kept, for commands that will wait for our restart."""
        new = name not in self.rooms.names
        try:
            room = self.rooms.enter(name, self.clock())
        except TooManyRoomsError as error:
            self._complaints.note("rooms", "rooms", str(error))
            return None
        if new and self._bus:
            self._bus.publish(POLICY, room.policy, room=name)
            await self._save()
        return room

    async def _save(self) -> None:
        await self._state.save(SavedRooms(rooms=self.rooms.saved, forgotten=self.chronicle.forgotten))

    async def _opened(self) -> None:
        await self.diary.opened()
        await self.reload()

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self.tick()


def build(
    settings: Settings, *, clock: Clock = time.time, steady: Clock = time.monotonic, chance: Random | None = None
) -> RecommenderService:
    """Make the service.

    Args:
        settings: The settings.
        clock: Seconds since 1970.
        steady: Seconds of a clock that nobody sets; intervals are measured by it.
        chance: Breaks ties between songs.

    Raises:
        SetupError: The database's URL or the music folder is wrong.
    """
    if settings.music is not None and not settings.music.is_dir():
        raise SetupError(f"the music folder {settings.music} is not there; correct `music` (MOODRING_MUSIC)")
    return RecommenderService(settings, clock, steady, chance or Random())  # noqa: S311 - chance among songs
