"""What the runner asks of a service."""

from typing import Protocol

from fastapi import APIRouter

from services.runtime.bus import Bus
from services.runtime.health import Health


class Service(Protocol):
    """One service, made by its module's `build(settings, **fakes)`.

    `build` raises `SetupError` for what cannot work (a missing model, a bad path): it opens nothing yet.
    """

    name: str
    router: APIRouter
    health: Health

    async def run(self, bus: Bus) -> None:
        """Work until cancelled. May be called again after it raised: whatever has a life opens inside.

        The bus is open (though its broker may be away) and is closed by the caller; subscriptions are made
        here. Raise only what a restart could cure.
        """
        ...


class SetupError(Exception):
    """The service cannot start; the text is one line that says what to do."""
