"""What a person can do here: each is one REST call, and a sentence where it fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import httpx
from nicegui import ui

from services.contracts.messages import Mood, PlayerAction, PlayHow, PlayRequest, PolicyMode, Privacy
from services.contracts.moods import Point
from services.gateway.photo import Song
from services.runtime.http import refusal

Json = dict[str, Any]
"""An object as REST gives it."""

CUSTOM_MOODS = "/api/custom-moods"

LATE = (httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.RemoteProtocolError)
"""What happens to a call that may have been heard."""

log = logging.getLogger(__name__)


class Actions:
    """The actions on one room; each says by a notification what went wrong, and never raises for it."""

    def __init__(self, api: Callable[[], httpx.AsyncClient], room: str) -> None:
        self._api = api
        self._room = room
        self._in_turn = asyncio.Lock()
        self._done = 0  # calls

    @property
    def room(self) -> str:
        """The room."""
        return self._room

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

    async def play(self, songs: Sequence[Song], reason: str) -> bool:
        """Play songs by hand: the first at once, the others behind it. No mood decided that, so the id has no time."""
        request = PlayRequest(
            decision_id=uuid4(), tracks=tuple(song.track for song in songs), how=PlayHow.REPLACE, reason=reason
        )
        return await self._call("POST", f"/api/players/{self._room}/play", request.model_dump(mode="json"))

    async def set_mood(self, mood: str, minutes: float) -> bool:
        """Say the room's mood by hand for some minutes."""
        return await self._call("PUT", f"/api/rooms/{self._room}/mood/override", {"mood": mood, "minutes": minutes})

    async def end_override(self) -> None:
        """Let the camera say the mood again."""
        await self._call("DELETE", f"/api/rooms/{self._room}/mood/override")

    async def songs_near(self, point: Point, count: int) -> list[Json] | None:
        """Return the songs of the library that lie nearest to a point, the nearest first."""
        answer = await self._ask("GET", f"/api/songs?limit={count}&valence={point.valence}&arousal={point.arousal}")
        return list(answer.json()["songs"]) if answer else None

    async def calibration(self) -> Json | None:
        """Return what the room was taught; `None`, and nothing said, where nothing is known of the room."""
        try:
            answer = await self._api().get(self._taught)
        except httpx.HTTPError:
            return None
        return _object(answer) if answer.is_success else None

    async def measure_neutral(self) -> Json | None:
        """Measure the neutral faces of those in the room, for a minute."""
        return await self._teach("POST", "/neutral")

    async def judge(self, mood: Mood, *, right: bool, instead: str | None = None) -> Json | None:
        """Say whether a mood is right, and what it is instead."""
        verdict = {"right": right, "mood": instead, "decision_id": str(mood.decision_id)}
        return await self._teach("POST", "/feedback", verdict)

    async def forget_calibration(self) -> Json | None:
        """Forget all that the room was taught."""
        return await self._teach("DELETE", "")

    async def custom_moods(self) -> Json | None:
        """Return the moods that the household taught; `None`, and nothing said, where nothing answers.

        Also where something was done meanwhile, whose own answer is newer.
        """
        done = self._done
        try:
            answer = await self._api().get(CUSTOM_MOODS)
        except httpx.HTTPError:
            return None
        return _object(answer) if answer.is_success and done == self._done else None

    async def begin_lesson(self, mood: str, place: Json, *, consent: bool) -> Json | None:
        """Teach this room's faces a mood, where those before the camera agreed."""
        return await self._custom("POST", f"/{mood}/teaching", {"room": self._room, "consent": consent, **place})

    async def go_on_with_lesson(self, mood: str, step: str) -> Json | None:
        """Go on from a step of the lesson to the next one, unless it is over already."""
        return await self._custom("POST", f"/{mood}/teaching/next", {"step": step})

    async def stop_lesson(self, mood: str) -> Json | None:
        """Stop the lesson; nothing of it is kept."""
        return await self._custom("DELETE", f"/{mood}/teaching")

    async def change_mood(self, mood: str, to: str, place: Json) -> Json | None:
        """Call a taught mood something else, or put it elsewhere on the plane."""
        return await self._custom("PATCH", f"/{mood}", {"mood": to, **place})

    async def forget_mood(self, mood: str) -> Json | None:
        """Forget a taught mood."""
        return await self._custom("DELETE", f"/{mood}")

    async def set_policy(self, mode: PolicyMode) -> None:
        """Choose what music does to a mood."""
        await self._call("PUT", f"/api/rooms/{self._room}/policy", {"mode": mode})

    async def set_privacy(self, camera: str, privacy: Privacy) -> None:
        """Close or open the camera device."""
        await self._call("PUT", f"/api/cameras/{camera}/privacy", {"privacy": privacy})

    async def _custom(self, method: str, path: str, body: Json | None = None) -> Json | None:
        answer = await self._ask(method, f"{CUSTOM_MOODS}{path}", body)
        return _object(answer) if answer else None

    async def _teach(self, method: str, path: str, body: Json | None = None) -> Json | None:
        answer = await self._ask(method, f"{self._taught}{path}", body)
        return _object(answer) if answer else None

    @property
    def _taught(self) -> str:
        return f"/api/rooms/{self._room}/calibration"

    async def _call(self, method: str, path: str, body: Json | None = None) -> bool:
        return await self._ask(method, path, body) is not None

    async def _ask(self, method: str, path: str, body: Json | None = None) -> httpx.Response | None:
        try:
            async with self._in_turn:  # two calls at once might arrive in any order, and the first have the last word
                self._done += 1
                answer = await self._api().request(method, path, json=body)
                self._done += 1
        except httpx.HTTPError as error:
            log.warning("%s %s failed: %r", method, path, error)
            problem = "That did not work: nothing answers. Try again in a moment."
            if isinstance(error, LATE):
                done = "" if method == "GET" else "; it may be done all the same"
                problem = f"No answer came{done}. Look again in a moment."
        else:
            if answer.is_success:
                return answer
            problem = refusal(answer)
            problem = problem[:1].upper() + problem[1:]
        ui.notify(problem, icon="error_outline", timeout=5000)
        return None


def _object(answer: httpx.Response) -> Json:
    return dict(answer.json())
