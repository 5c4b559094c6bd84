"""The player over REST: `/api/players/…` and `/media/{song}`.

A page plays the room's music itself with the module at `/api/players/browser.js`:

    import {startPlayer} from '/api/players/browser.js';
    const player = startPlayer({room: 'home', base: '', onState: (state) => …});

It owns one `<audio>` element, reports to `POST …/browser` and does what the reply says. `onState` is called
after every change with `{connected, available, active, blocked, playing, play_id, position_s, duration_s, error}`:

- `available`: pages may play this room's music at all; false where a fixed backend such as MPD is set;
- `active`: this tab is the one that sounds (there is one at most; the newest tab, or the last one claimed);
- `blocked`: the browser demands a click first. Any click or key press in the page will do, and the page should
  say so ("Click anywhere to hear the music here"); until then another tab or the local backend goes on;
- `connected`: the last report was answered. After 4 s without an answer the tab falls silent by itself.

It returns `{claim(), stop()}`: `claim` (call it from a click handler) moves the sound to this tab, `stop` ends
playing here for good. Pause, next, volume and the like go to `POST …/commands`, never to the tab: the order
arrives with the next reply, after a second at most.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, status
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse

from services.contracts.messages import Command, Message, Name, PlayerCommand, PlayerState, PlayRequest
from services.player.backends.base import Capability
from services.player.backends.browser import TabOrder, TabReport
from services.player.files import UnplayableError, media_type

if TYPE_CHECKING:
    from services.player.service import PlayerService

SCRIPT = Path(__file__).parent / "assets" / "browser.js"


class Player(Message):
    """One player of this service."""

    room: Name
    capabilities: tuple[Capability, ...]
    """What the backend that plays now can do beyond playing."""
    state: PlayerState


def routes(service: "PlayerService") -> APIRouter:
    """Return the player's router."""
    router = APIRouter(tags=["player"])
    _add_players(router, service)
    here, running = _checks(service)
    _add_commands(router, service, here, running)
    _add_tabs(router, service, here, running)
    _add_media(router, service)
    return router


Check = Callable[..., None]


def _checks(service: "PlayerService") -> tuple[Check, Check]:
    """Return what a request has to pass: the room is this player's; and the player runs."""

    def here(room: Annotated[str, PathParameter(pattern=r"^[a-z0-9_]+$")]) -> None:
        if room != service.room:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"this player is in room {service.room}, not in {room}")

    def running(room: Annotated[None, Depends(here)]) -> None:
        del room
        if not service.running:
            raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "the player is starting; try again in a moment")

    return here, running


def _add_players(router: APIRouter, service: "PlayerService") -> None:
    @router.get("/api/players")
    def players() -> list[Player]:
        """Return the players of this service: one, of its room."""
        return [Player(room=service.room, capabilities=service.capabilities, state=service.state())]

    @router.get("/api/players/browser.js", response_class=FileResponse)
    def script() -> FileResponse:
        """Return the JavaScript module with which a page plays the music itself."""
        return FileResponse(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _add_commands(router: APIRouter, service: "PlayerService", here: Check, running: Check) -> None:
    @router.get("/api/players/{room}", dependencies=[Depends(here)])
    def player(room: str) -> PlayerState:
        """Return what the room plays; `position_s` is where the song is at `position_at`, now."""
        del room
        return service.state()

    @router.post("/api/players/{room}/commands", dependencies=[Depends(running)])
    async def command(room: str, body: PlayerCommand) -> PlayerState:
        """Tell the player: `{"action": "pause"}`, `{"action": "volume", "value": 40}`.

        The answer is the state after it. With an `id` of yours (a UUID) a command may be sent again where no
        answer came: it is done once. With the time at which it was given (`issued_at`) one that is about the song
        of that moment, such as `next`, is refused after 30 s. 409 where it is refused, also for want of a song.
        `next` and `previous` also play when paused; `previous` starts the song again when more than 3 s of it were
        heard; `dislike` goes on to the next song.
        """
        del room
        return await _do(service, body, lambda: "" if service.command(body) else f"there is no song to {body.action}")

    @router.post("/api/players/{room}/play", dependencies=[Depends(running)])
    async def play(room: str, body: PlayRequest) -> PlayerState:
        """Play or queue songs by hand; `replace` plays the first one at once. The answer is the state after it.

        With an `id` of yours it may be sent again where no answer came: the songs are queued once.
        """
        del room

        def act() -> str:
            service.play(body, manual=True)
            return ""

        return await _do(service, body, act)


def _add_tabs(router: APIRouter, service: "PlayerService", here: Check, running: Check) -> None:
    @router.post("/api/players/{room}/browser", dependencies=[Depends(running)])
    async def browser(room: str, report: TabReport) -> TabOrder:
        """Take the report of a tab, sent every `next_report_s` while its page is open, and tell it what to do.

        A tab that was not heard of for 5 s counts as closed. `browser.js` speaks this protocol.
        """
        del room
        return service.hear(report)

    @router.post(
        "/api/players/{room}/browser/{tab}/closed", status_code=status.HTTP_204_NO_CONTENT, dependencies=[Depends(here)]
    )
    @router.delete(
        "/api/players/{room}/browser/{tab}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[Depends(here)]
    )
    async def closed(room: str, tab: UUID) -> None:
        """Forget a tab whose page closes (POST is for `navigator.sendBeacon`, which knows nothing else).

        The local backend goes on 2 s later, so that a reload or a click to another page makes no break.
        """
        del room
        service.tab_closed(tab)


async def _do(service: "PlayerService", command: Command, do: Callable[[], str]) -> PlayerState:
    if refusal := await service.asked.once(command, do):
        raise HTTPException(status.HTTP_409_CONFLICT, refusal)
    return service.state()


def _add_media(router: APIRouter, service: "PlayerService") -> None:
    @router.get("/media/{song_id}", response_class=FileResponse)
    def media(song_id: int) -> FileResponse:
        """Return the sound of a song that plays, waits in the queue or was played lately; ranges are honoured.

        404 for any other song, and for a file that is missing or outside the music folders.
        """
        try:
            path = service.media(song_id)
        except UnplayableError as error:
            raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error
        return FileResponse(path, media_type=media_type(path), content_disposition_type="inline")
