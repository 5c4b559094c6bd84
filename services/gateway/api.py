"""The gateway's own paths: what is there, the event stream, tokens, and signing in."""

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.contracts.messages import Name
from services.gateway.sign_in import SIGN_OUT_PATH, local_path
from services.gateway.state import Change, House
from services.gateway.streams import Stream
from services.runtime.access import AUTH_PATH, COOKIE
from services.runtime.open_paths import SIGN_IN_PATH
from services.runtime.tokens import SESSION_S, Token, TokenName

if TYPE_CHECKING:
    from services.gateway.service import GatewayService


class NewToken(BaseModel):
    """What a token is for."""

    model_config = ConfigDict(extra="forbid")

    name: TokenName


class TokenInfo(BaseModel):
    """A token without its secret."""

    id: str
    name: str
    created: AwareDatetime


class CreatedToken(TokenInfo):
    """A token with its secret, which is shown this once."""

    token: str


def routes(service: "GatewayService") -> APIRouter:
    """Return the routes of the gateway."""
    router = APIRouter(tags=["gateway"])
    _add_house(router, service)
    _add_tokens(router, service)
    _add_sign_in(router, service)
    return router


def _add_house(router: APIRouter, service: "GatewayService") -> None:
    @router.get("/api/rooms")
    async def rooms() -> House:
        """Return what the bus says is there: each room's latest states, and the services."""
        return service.house

    async def listen(room: Name | None = None) -> AsyncIterator[Stream]:
        with service.listen(room) as stream:
            yield stream

    @router.get("/api/events", response_class=EventSourceResponse)
    async def events(stream: Annotated[Stream, Depends(listen)]) -> AsyncIterator[ServerSentEvent]:
        """Stream what there is and every change to it.

        The event's name says what it is about: `mood`, `player`, `policy`, `privacy`, `camera`, `event`,
        `custom_moods` or `service`.
        Its data holds the levels of the topic (`room`, `camera`, `service`, `instance`) and the `message`, which is
        `null` where that is not there any more: a camera that was taken out of the settings, say.

        With `?room=study` it is about this room, the services and the taught moods alone. A room of which nothing is
        known is waited for: after a start none is yet, and a browser that is refused once does not come back by itself.
        """
        async for change in stream:
            yield _server_sent(change)


def _server_sent(change: Change) -> ServerSentEvent:
    return ServerSentEvent(event=change.name, data={**change.where, "message": change.message})


def _add_tokens(router: APIRouter, service: "GatewayService") -> None:
    @router.get("/api/tokens")
    def tokens() -> list[TokenInfo]:
        """List the access tokens, without their secrets."""
        return [_info(token) for token in service.tokens.all]

    @router.post("/api/tokens", status_code=201)
    def create_token(body: NewToken) -> CreatedToken:
        """Make an access token. Its secret is in the answer and nowhere else."""
        try:
            token, secret = service.tokens.create(body.name)
        except ValueError as error:
            raise HTTPException(409, str(error)) from error
        return CreatedToken(**_info(token).model_dump(), token=secret)

    @router.delete("/api/tokens/{token_id}", status_code=204)
    def delete_token(token_id: str) -> None:
        """Delete an access token; the browsers that signed in with it are signed out."""
        try:
            service.tokens.delete(token_id)
        except KeyError as error:
            raise HTTPException(404, "there is no such token") from error
        except ValueError as error:
            raise HTTPException(409, str(error)) from error


def _info(token: Token) -> TokenInfo:
    return TokenInfo(id=token.id, name=token.name, created=token.created)


def _add_sign_in(router: APIRouter, service: "GatewayService") -> None:
    @router.get(AUTH_PATH, status_code=204, include_in_schema=False)
    async def auth() -> None:
        """Tell a reverse proxy that the caller may in: whoever may not is stopped before this."""

    @router.get(SIGN_IN_PATH, include_in_schema=False)
    async def sign_in_form(then: str = "/") -> HTMLResponse:
        return HTMLResponse(service.sign_in_page(then))

    @router.post(SIGN_IN_PATH, include_in_schema=False)
    def sign_in(
        request: Request, token: Annotated[str, Form(max_length=200)], then: Annotated[str, Form(max_length=2000)] = "/"
    ) -> Response:
        client, now = request.client.host if request.client else "", time.monotonic()
        wait_s = service.failures.attempt(client, now)
        if wait_s:
            page = service.sign_in_page(then, f"That were too many attempts. Try again in {wait_s:.0f} seconds.")
            return HTMLResponse(page, 429, {"Retry-After": f"{wait_s:.0f}"})
        cookie = service.tokens.sign_in(token.strip())
        if cookie is None:
            return HTMLResponse(service.sign_in_page(then, "That is not a valid token."), 403)
        service.failures.take_back(client, now)
        answer = RedirectResponse(local_path(then), 303)
        # Believing the proxy's word costs nothing here: it only keeps the caller's own cookie off plain HTTP.
        secure = "https" in {request.url.scheme, request.headers.get("x-forwarded-proto")}
        answer.set_cookie(COOKIE, cookie, max_age=SESSION_S, httponly=True, samesite="strict", secure=secure)
        return answer

    @router.post(SIGN_OUT_PATH, include_in_schema=False)
    def sign_out(request: Request) -> Response:
        service.tokens.sign_out(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(SIGN_IN_PATH, 303)
        answer.delete_cookie(COOKIE)
        return answer
