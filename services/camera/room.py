"""The privacy of the camera's room: all its cameras are closed and opened together."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from services.contracts.channels import CAMERA_STATUS, PRIVACY, PRIVACY_SET
from services.contracts.messages import CameraStatus, Privacy
from services.runtime.bus import Bus, Delivery

ANSWER_S = 5.0
"""How long a broker that is there may take to return what was published."""


class RoomPrivacy:
    """Hears what the room's privacy is before the camera opens, tells it, and asks the whole room for another.

    Args:
        bus: The bus; it is subscribed to here.
        room: The room.
        camera: The camera.
        turn: Turns this camera's own switch, and tells the room when that is done.
    """

    def __init__(self, bus: Bus, *, room: str, camera: str, turn: Callable[[Privacy], Awaitable[None]]) -> None:
        self.told: Privacy | None = None
        """What this camera told the room last."""
        self._bus = bus
        self._where = room
        self._turn = turn
        self._retained = Privacy.OFF
        self._probed = asyncio.Event()
        self._done = {privacy: asyncio.Event() for privacy in Privacy}
        bus.subscribe(PRIVACY_SET, self._on_command, room=room)
        bus.subscribe(PRIVACY, self._on_state, room=room)
        bus.subscribe(CAMERA_STATUS, self._on_status, room=room, camera=camera)

    async def hear(self, probe: Callable[[], None]) -> None:
        """Return when the room's retained privacy was heard and obeyed, or there is none.

        Args:
            probe: Publishes the camera's status: it comes back after everything that the broker had kept.
        """
        await self._bus.wait_connected()
        probe()
        await _soon(self._probed)

    def enter(self, privacy: Privacy) -> None:
        """Tell the room how this camera starts.

        One that starts closed closes a room that is open: either it was away when the room was opened, or the room
        was when the camera was closed; and watching by mistake is worse than not watching.
        """
        self.tell(privacy)
        if privacy is Privacy.ON and self._retained is Privacy.OFF:
            self._bus.publish(PRIVACY_SET, privacy, room=self._where)

    def tell(self, privacy: Privacy) -> None:
        """Tell the room that this camera is closed or may see."""
        self.told = privacy
        self._bus.publish(PRIVACY, privacy, room=self._where)

    async def ask(self, privacy: Privacy) -> None:
        """Have every camera of the room closed or opened; return when this one did its part.

        This camera closes at once, whatever the bus does; it opens when the command comes back from the broker, after
        those that were given before, so that none of them can open it once this has returned.
        """
        done = self._done[privacy]
        done.clear()
        self._bus.publish(PRIVACY_SET, privacy, room=self._where)
        if privacy is Privacy.ON or not self._bus.connected:
            await self._turn(privacy)
        if self._bus.connected:
            await _soon(done)

    async def _on_command(self, delivery: Delivery[Privacy]) -> None:
        await self._turn(delivery.message)
        self._done[delivery.message].set()

    async def _on_state(self, delivery: Delivery[Privacy]) -> None:
        """Obey what was retained; what others tell later follows from commands that this camera hears too."""
        if delivery.retained:
            self._retained = delivery.message
            if delivery.message is Privacy.ON:
                await self._turn(Privacy.ON)

    async def _on_status(self, delivery: Delivery[CameraStatus]) -> None:
        if not delivery.retained:
            self._probed.set()


async def _soon(event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            await event.wait()
