"""What a person can do here: each is one REST call, and a sentence where it fails."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from nicegui import ui

from services.contracts.messages import PlayerAction, PolicyMode, Privacy

log = logging.getLogger(__name__)


class Actions:
    """The actions on one room; each says by a notification what went wrong, and never raises for it."""

    def __init__(self, api: Callable[[], httpx.AsyncClient], room: str) -> None:
        self._api = api
        self._room = room

    def player(self, action: PlayerAction, done: str = "") -> Callable[[], Awaitable[None]]:
        """Return the handler that tells the player to do something, and says `done` when it did."""

        async def act() -> None:
            if await self.tell_player(action) and done:
                ui.notify(done, icon="check", timeout=2000)

        return act

    async def tell_player(self, action: PlayerAction, value: float | None = None) -> bool:
        """Tell the player; volume and seek take a value."""
        body = {"action": action, **({} if value is None else {"value": value})}
        return await self._call("POST", f"/api/players/{self._room}/commands", body)

    async def set_mood(self, mood: str, minutes: float) -> None:
        """Say the room's mood by hand for some minutes."""
        await self._call("PUT", f"/api/rooms/{self._room}/mood/override", {"mood": mood, "minutes": minutes})

    async def end_override(self) -> None:
        """Let the camera say the mood again."""
        await self._call("DELETE", f"/api/rooms/{self._room}/mood/override")

    async def set_policy(self, mode: PolicyMode) -> None:
        """Choose what music does to a mood."""
        await self._call("PUT", f"/api/rooms/{self._room}/policy", {"mode": mode})

    async def set_privacy(self, camera: str, privacy: Privacy) -> None:
        """Close or open the camera device."""
        await self._call("PUT", f"/api/cameras/{camera}/privacy", {"privacy": privacy})

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> bool:
        try:
            answer = await self._api().request(method, path, json=body)
        except httpx.HTTPError as error:
            log.warning("%s %s failed: %r", method, path, error)
            problem = "That did not work: nothing answers. Try again in a moment."
        else:
            if answer.is_success:
                return True
            problem = _detail(answer)
        ui.notify(problem, icon="error_outline", timeout=5000)
        return False


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = None
    said = detail if isinstance(detail, str) else f"That did not work (error {answer.status_code})"
    return said[:1].upper() + said[1:]
