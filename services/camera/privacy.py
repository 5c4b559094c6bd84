"""The privacy switch: in force at once, remembered over restarts."""

import asyncio
import logging
from pathlib import Path

from pydantic import BaseModel

from services.contracts.messages import Privacy
from services.runtime.state import StateFile

log = logging.getLogger(__name__)


class CameraMemory(BaseModel):
    """What the camera service remembers."""

    privacy: Privacy = Privacy.OFF


class PrivacySwitch:
    """Whether the camera may see, and ways to wait for it. It is ON until `load`.

    Args:
        path: Where it is remembered.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = StateFile(path, CameraMemory)
        self._loaded = False
        self._allowed = asyncio.Event()
        self._turned = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether the camera may see."""
        return self._allowed.is_set()

    @property
    def state(self) -> Privacy:
        """How the switch stands."""
        return Privacy.OFF if self.open else Privacy.ON

    def load(self) -> None:
        """Set the switch to what was remembered, once; a memory that is damaged keeps the camera shut."""
        if self._loaded:
            return
        self._loaded = True
        damaged = CameraMemory(privacy=Privacy.ON) if self._path.exists() else CameraMemory()
        self._set((self._file.load() or damaged).privacy)

    def turn(self, privacy: Privacy) -> None:
        """Set the switch; it is in force when this returns."""
        self._set(privacy)
        log.info("privacy is %s", privacy)

    async def remember(self) -> None:
        """Write down how the switch stands.

        Raises:
            OSError: It could not be written.
        """
        await asyncio.to_thread(self._file.save, CameraMemory(privacy=self.state))

    async def allowed(self) -> None:
        """Return when the camera may see."""
        await self._allowed.wait()

    async def pause(self, seconds: float | None) -> None:
        """Wait, but no longer than until the switch is turned."""
        self._turned.clear()
        try:
            await asyncio.wait_for(self._turned.wait(), seconds)
        except TimeoutError:
            return

    def _set(self, privacy: Privacy) -> None:
        if privacy is Privacy.OFF:
            self._allowed.set()
        else:
            self._allowed.clear()
        self._turned.set()
