"""The cameras of a room: whether they see, and what time it is for them. Pure, all times in seconds since 1970."""

import math
from dataclasses import dataclass, field, replace

from services.aggregator.clocks import CameraClock
from services.aggregator.window import Observation, Refusal
from services.contracts.channels import STATUS_EVERY_S
from services.contracts.messages import CameraState

STATUS_HOLDS_S = 2.5 * STATUS_EVERY_S
"""A camera that has missed two of its words, and half the time to the third, does not work."""
MAX_CAMERAS = 64
"""Cameras of a room; further ones are listened to when one of these has fallen silent. A bound of memory."""


@dataclass(slots=True)
class _Camera:
    spoke_at: float
    state: CameraState | None = None
    heard_at: float = -math.inf
    clock: CameraClock = field(default_factory=CameraClock)


class Cameras:
    """Those of one room.

    Args:
        now: Since when they are listened to.
    """

    def __init__(self, now: float) -> None:
        self._began_at = now
        self._cameras: dict[str, _Camera] = {}

    def hear(self, name: str, state: CameraState, now: float, *, retained: bool = False) -> bool:
        """Take how a camera does; return whether that is new. What the broker retained is no sign of life."""
        camera = self._camera(name, now)
        if camera is None:
            return False
        before, camera.state = camera.state, state
        camera.heard_at = camera.heard_at if retained else now
        return before is not state

    def take(self, observation: Observation, now: float) -> Observation | Refusal:
        """Return an observation in our time, or why it does not count."""
        camera = self._camera(observation.camera, now)
        if camera is None:
            return Refusal.FLOOD
        if camera.state is CameraState.PRIVATE:
            return Refusal.PRIVATE
        at = camera.clock.ours(observation.at, now)
        return observation if at == observation.at else replace(observation, at=at)

    def offset_s(self, name: str) -> float:
        """Return what is added to a camera's times."""
        return self._cameras[name].clock.offset_s if name in self._cameras else 0.0

    def seeing(self, now: float) -> bool | None:
        """Return whether any camera works; `None` where that may be, as none has said anything for so short a time."""
        states = [one.state for one in self._cameras.values() if now - one.heard_at <= STATUS_HOLDS_S]
        if states:
            return CameraState.OK in states
        known_at = max([self._began_at, *(one.spoke_at for one in self._cameras.values())])
        return None if now - known_at <= STATUS_HOLDS_S else False

    def _camera(self, name: str, now: float) -> _Camera | None:
        if name not in self._cameras:
            if len(self._cameras) >= MAX_CAMERAS and not self._drop_one(now):
                return None
            self._cameras[name] = _Camera(now)
        camera = self._cameras[name]
        camera.spoke_at = now
        return camera

    def _drop_one(self, now: float) -> bool:
        oldest = min(self._cameras, key=lambda name: self._cameras[name].spoke_at)
        if now - self._cameras[oldest].spoke_at <= STATUS_HOLDS_S:
            return False
        del self._cameras[oldest]
        return True
