"""The privacy of one room: all its cameras, in this process and in others, are closed and opened together."""

import asyncio
import contextlib
from collections.abc import Sequence

from services.camera.camera import Camera
from services.camera.privacy import PrivacySwitch
from services.contracts.channels import CAMERA_STATUS, PRIVACY, PRIVACY_SET
from services.contracts.messages import CameraStatus, Privacy
from services.runtime.bus import Bus, Delivery
from services.runtime.health import Health

ANSWER_S = 5.0
"""How long a broker that is there may take to return what was published."""
REVIEW_S = 0.5
"""How often schedule and consent are looked at."""


class Room:
    """The cameras of one room in this process, and the switch that closes them.

    It hears what the room's privacy is before a camera opens, tells how the switch stands, and asks the whole room for
    another.

    Args:
        name: The room.
        switch: Its switch.
        cameras: Its cameras, one at least.
        health: Hears where the switch cannot be remembered.
    """

    def __init__(self, name: str, switch: PrivacySwitch, cameras: Sequence[Camera], health: Health) -> None:
        self.switch = switch
        self._name = name
        self._cameras = cameras
        self._health = health
        self._turning = asyncio.Lock()
        self._bus: Bus | None = None
        self._told: Privacy | None = None
        self._retained = Privacy.OFF
        self._heard = asyncio.Event()
        self._done = {privacy: asyncio.Event() for privacy in Privacy}

    def open(self, bus: Bus) -> None:
        """Begin on a bus; it is subscribed to here."""
        self.switch.load()
        self._bus, self._told, self._retained = bus, None, Privacy.OFF
        self._heard.clear()
        bus.subscribe(PRIVACY_SET, self._on_command, room=self._name)
        bus.subscribe(PRIVACY, self._on_state, room=self._name)
        bus.subscribe(CAMERA_STATUS, self._on_status, room=self._name, camera=self._cameras[0].name)
        for camera in self._cameras:
            camera.rest()

    def close(self) -> None:
        """Leave the bus."""
        self._bus = None

    async def enter(self) -> None:
        """Return when the room's retained privacy was heard and obeyed, and the room was told ours.

        The status of a camera is published first: it comes back after everything that the broker had kept.

        A room that a person closed here and that is open elsewhere is closed as a whole: either we were away when it
        was opened, or the others were when it was closed; and watching by mistake is worse than not watching.
        """
        assert self._bus is not None
        await self._bus.wait_connected()
        self._cameras[0].publish()
        await _soon(self._heard)
        async with self._turning:
            if self._told is None:
                await self._apply()
                if self.switch.word is Privacy.ON and self._retained is Privacy.OFF:
                    self._bus.publish(PRIVACY_SET, Privacy.ON, room=self._name)

    async def keep(self) -> None:
        """Follow schedule and consent until cancelled."""
        while True:
            await asyncio.sleep(REVIEW_S)
            before = self.switch.reason
            self.switch.review()
            if self.switch.reason != before:
                async with self._turning:
                    await self._apply()

    async def ask(self, privacy: Privacy) -> None:
        """Have every camera of the room closed or opened; return when ours did their part.

        Ours close at once, whatever the bus does; they open when the command comes back from the broker, after those
        that were given before, so that none of them can open them once this has returned.
        """
        if self._bus is None:
            return
        done = self._done[privacy]
        done.clear()
        self._bus.publish(PRIVACY_SET, privacy, room=self._name)
        if privacy is Privacy.ON or not self._bus.connected:
            await self.turn(privacy)
        if self._bus.connected:
            await _soon(done)

    async def turn(self, privacy: Privacy) -> None:
        """Turn the switch of our cameras; ON returns when their devices are closed, or known to hang."""
        async with self._turning:
            if self._told is privacy and self.switch.word is privacy:
                self._tell(privacy)  # what is retained may be another's word, and wrong
                return
            self.switch.say(privacy)
            await self._apply()

    async def _apply(self) -> None:
        """Bring the cameras to what the switch says, remember it, and tell the room."""
        state = self.switch.state
        for camera in self._cameras:
            camera.obey()
        problem = ""
        try:
            await self.switch.remember()
        except OSError as error:
            problem = f"Privacy is {state}, but a restart will forget it: {error}."
        self._health.report("privacy", problem)
        if state is Privacy.ON:
            await asyncio.gather(*(camera.closed() for camera in self._cameras))
        self._tell(state)

    def _tell(self, state: Privacy) -> None:
        if self._bus is not None:
            self._told = state
            self._bus.publish(PRIVACY, state, room=self._name)

    async def _on_command(self, delivery: Delivery[Privacy]) -> None:
        await self.turn(delivery.message)
        self._done[delivery.message].set()

    async def _on_state(self, delivery: Delivery[Privacy]) -> None:
        """Obey what was retained; what others tell later follows from commands that we hear too.

        Where it was the clock that had closed us, the retained ON is our own, and nobody's word.
        """
        if delivery.retained:
            self._retained = delivery.message
            ours = self.switch.stood is Privacy.ON and self.switch.word is Privacy.OFF
            if delivery.message is Privacy.ON and not ours:
                await self.turn(Privacy.ON)

    async def _on_status(self, delivery: Delivery[CameraStatus]) -> None:
        if not delivery.retained:
            self._heard.set()


async def _soon(event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            await event.wait()
