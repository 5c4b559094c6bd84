"""The privacy switch of a room: in force at once, remembered over restarts, turned by people and by the clock."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from services.camera.permission import Word, closed_because
from services.contracts.messages import Name, Privacy
from services.runtime.camera_settings import PrivacyRules
from services.runtime.state import StateFile

log = logging.getLogger(__name__)


class RoomMemory(BaseModel):
    """What is remembered of a room: a person's last word and its time, and how the switch stood."""

    privacy: Privacy = Privacy.OFF
    at: float = 0.0
    stood: Privacy = Privacy.OFF


class CameraMemory(BaseModel):
    """What the camera service remembers.

    Attributes:
        rooms: The switches.
        privacy: Holds for rooms that are not named, as in earlier versions.
        announced: The cameras, by room, of which something may be retained on the bus.
    """

    rooms: dict[Name, RoomMemory] = {}
    privacy: Privacy = Privacy.OFF
    announced: dict[Name, tuple[Name, ...]] = {}


class Memory:
    """The file in which the switches of all rooms of this process, and its cameras, are remembered.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = StateFile(path, CameraMemory)
        self._content: CameraMemory | None = None
        self._saving = asyncio.Lock()

    def of(self, room: str) -> RoomMemory:
        """Return what is remembered of a room; a memory that is damaged keeps every room shut."""
        content = self._load()
        return content.rooms.get(room) or RoomMemory(privacy=content.privacy, stood=content.privacy)

    @property
    def announced(self) -> dict[Name, tuple[Name, ...]]:
        """The cameras, by room, of which something may be retained on the bus."""
        return self._load().announced

    async def announce(self, cameras: dict[Name, tuple[Name, ...]]) -> None:
        """Write down which cameras, by room, are announced.

        Raises:
            OSError: It could not be written.
        """
        if cameras != self.announced:
            await self._save(lambda content: content.model_copy(update={"announced": cameras}))

    async def keep(self, room: str, memory: RoomMemory) -> None:
        """Write down what is to be remembered of a room.

        Raises:
            OSError: It could not be written.
        """
        if memory == self.of(room):
            return
        await self._save(lambda content: content.model_copy(update={"rooms": content.rooms | {room: memory}}))

    def _load(self) -> CameraMemory:
        if self._content is None:
            damaged = CameraMemory(privacy=Privacy.ON) if self._path.exists() else CameraMemory()
            self._content = self._file.load() or damaged
        return self._content

    async def _save(self, change: Callable[[CameraMemory], CameraMemory]) -> None:
        async with self._saving:
            content = change(self._load())
            await asyncio.to_thread(self._file.save, content)
            self._content = content


class PrivacySwitch:
    """Whether the cameras of a room may see. It is ON until `load`.

    Args:
        room: The room.
        rules: Schedule and consent.
        memory: Where a person's word is remembered.
        clock: Seconds since 1970.
    """

    def __init__(self, room: str, rules: PrivacyRules, memory: Memory, clock: Callable[[], float]) -> None:
        self._room = room
        self._rules = rules
        self._memory = memory
        self._clock = clock
        self._word: Word | None = None
        self._allowed = asyncio.Event()
        self.reason = ""
        """Why the cameras may not see, in words; empty where they may."""

    @property
    def open(self) -> bool:
        """Whether the cameras may see."""
        return self._allowed.is_set()

    @property
    def state(self) -> Privacy:
        """How the switch stands."""
        return Privacy.OFF if self.open else Privacy.ON

    @property
    def word(self) -> Privacy:
        """What a person said last."""
        return self._word.privacy if self._word else Privacy.ON

    def load(self) -> None:
        """Set the switch to what was remembered, once."""
        if self._word is None:
            memory = self._memory.of(self._room)
            self._word = Word(memory.privacy, memory.at)
            self.review()

    @property
    def stood(self) -> Privacy:
        """How the switch stood when that was last remembered."""
        return self._memory.of(self._room).stood

    def say(self, privacy: Privacy) -> None:
        """Take a person's word; it is in force when this returns, where consent lets it."""
        self._word = Word(privacy, self._clock())
        log.info("privacy of %s is asked to be %s", self._room, privacy)
        self.review()

    def review(self) -> None:
        """Look at the clock: whether the cameras may still, or again, see."""
        if self._word is None:
            return
        self.reason = closed_because(self._rules, self._room, self._word, self._clock())
        if self.reason:
            self._allowed.clear()
        else:
            self._allowed.set()

    async def remember(self) -> None:
        """Write down what was said and how the switch stands.

        Raises:
            OSError: It could not be written.
        """
        if self._word is not None:
            memory = RoomMemory(privacy=self._word.privacy, at=self._word.at, stood=self.state)
            await self._memory.keep(self._room, memory)

    async def allowed(self) -> None:
        """Return when the cameras may see."""
        await self._allowed.wait()
