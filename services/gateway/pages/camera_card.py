"""The camera: its picture, the switch that closes it, what the faces show and how many can be read."""

import logging
from collections.abc import Callable

import httpx
from nicegui import ui
from pydantic import ValidationError

from services.contracts.channels import spoken
from services.contracts.messages import BROWSER, FaceYield, Privacy
from services.gateway import views, words
from services.gateway.pages.actions import Actions
from services.gateway.pages.elements import Button, Faces, Preview, Text, YieldBar, box
from services.gateway.pages.look import Look

log = logging.getLogger(__name__)

YIELD_EVERY_S = 5.0
"""How many faces can be read changes over a minute."""


class PrivacySwitch:
    """Camera on or off, always in sight."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._look: Look | None = None
        self._asked: Privacy | None = None
        self._button = Button(self._flip, text="Camera", icon="videocam", classes="switch", testid="privacy")
        self._button.props["role"] = "switch"

    def refresh(self, look: Look) -> None:
        """Show whether the camera is on, or what was asked for where that is not done yet."""
        self._look = look
        off = look.room.privacy is Privacy.ON
        known = bool(look.room.cameras and look.room.privacy)
        icon = "videocam" if words.watching(look.room) else "videocam_off"
        self._button.says(text=words.switch_word(look.room, self._asked), icon=icon)
        self._button.show(
            **{
                "aria-checked": "true" if known and not off else "false",
                "aria-busy": "true" if self._asked else "false",
                "aria-label": "Camera",
                "title": "Open the camera again" if off else "Close the camera: nobody is watched",
            }
        )
        self._button.enable(known)

    async def _flip(self) -> None:
        look = self._look
        if look is None or self._asked is not None:
            return
        self._asked = Privacy.OFF if look.room.privacy is Privacy.ON else Privacy.ON
        self.refresh(look)
        try:
            await self._actions.set_privacy(next(iter(look.room.cameras)), self._asked)
        finally:
            self._asked = None
            self.refresh(self._look or look)


class CameraCard:
    """The live picture of each camera of the room, how many of its faces can be read, and what they show.

    Args:
        api: The REST API.
    """

    def __init__(self, api: Callable[[], httpx.AsyncClient]) -> None:
        self._api = api
        self._previews: dict[str, Preview] = {}
        self._yields: dict[str, YieldBar] = {}
        with box("section", "card camera", "camera-card").props('aria-label="Camera"'):
            with box():
                self._pictures = box("div", "pictures")
                self._kept = Text("p", classes="quiet kept", testid="kept")
                self._lend = box("a", "chip lend-link", "lend").props("hidden")
                with self._lend:
                    ui.icon("smartphone").props("aria-hidden=true")
                    Text("span", "Use this device's camera")
            self._faces = Faces()
        ui.timer(YIELD_EVERY_S, self._load)

    def refresh(self, look: Look) -> None:
        """Show the cameras and faces."""
        self._pictures.classes(**{"add" if len(look.room.cameras) > 1 else "remove": "several"})
        for gone in self._previews.keys() - look.room.cameras.keys() - {""}:
            self._previews.pop(gone).delete()
            self._yields.pop(gone).delete()
        for camera in list(look.room.cameras) or [""]:
            self._show_camera(camera, look)
        self._kept.text = words.kept_note(look.room)
        lent = [name for name, status in look.room.cameras.items() if status.source == BROWSER]
        self._lend.props["hidden"] = not lent
        self._lend.props["href"] = f"/camera?camera={lent[0]}" if lent else "/camera"
        seen = () if look.room.privacy is Privacy.ON else look.seen
        faces = views.faces(seen, look.now.timestamp(), look.house.taught)
        self._faces.show(faces=faces, note=words.face_note(look.house, look.room))

    def _show_camera(self, camera: str, look: Look) -> None:
        if camera and "" in self._previews:
            self._previews[camera] = self._previews.pop("")
            self._yields[camera] = self._yields.pop("")
        if camera not in self._previews:
            with self._pictures:
                self._previews[camera] = Preview()
                self._yields[camera] = YieldBar()
        status = look.room.cameras.get(camera)
        note, icon = words.camera_note(status, look.room, look.is_away("camera"))
        self._previews[camera].show(
            src=f"/api/cameras/{camera}/preview.jpg" if camera and not note else "",
            alt=f"What the camera {spoken(camera)} sees",
            note=note,
            icon=icon,
        )

    async def _load(self) -> None:
        for camera, bar in list(self._yields.items()):
            if not camera:
                continue
            try:
                answer = await self._api().get(f"/api/cameras/{camera}/yield")
                bar.show(**views.face_yield(FaceYield.model_validate_json(answer.raise_for_status().content)))
            except (httpx.HTTPError, ValidationError) as error:
                log.info("how many faces %s can read is not known: %r", camera, error)


PATIENCE_S = 2
"""Problems that pass sooner, such as a camera that opens, are not worth an alarm."""


class Banner:
    """What is not well, in words; nothing where all is well."""

    def __init__(self) -> None:
        self._box = box("div", "banner", "problems").props("role=alert hidden")
        self._since: dict[str, int] = {}
        self._shown: list[str] = []

    def refresh(self, look: Look) -> None:
        """Show the problems."""
        found = words.problems(look.house, look.room, bus_away=look.bus_away)
        self._since = {problem: self._since.get(problem, look.second) for problem in found}
        problems = [problem for problem, since in self._since.items() if look.second - since >= PATIENCE_S]
        if problems == self._shown:
            return
        self._shown = problems
        self._box.clear()
        self._box.props["hidden"] = not problems
        with self._box:
            for problem in problems:
                Text("p", problem)
