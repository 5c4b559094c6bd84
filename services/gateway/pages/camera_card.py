"""The camera: its picture, the switch that closes it, and what the faces show."""

from nicegui import ui

from services.contracts.messages import Privacy
from services.gateway import views, words
from services.gateway.pages.actions import Actions
from services.gateway.pages.elements import Button, Faces, Preview, Text, box
from services.gateway.pages.look import Look


class PrivacySwitch:
    """Camera on or off, always in sight."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._camera = ""
        self._privacy: Privacy | None = None
        self._button = Button(self._flip, text="Camera", icon="videocam", classes="switch", testid="privacy")
        self._button.props["role"] = "switch"

    def refresh(self, look: Look) -> None:
        """Show whether the camera is on."""
        self._camera = next(iter(look.room.cameras), "")
        self._privacy = look.room.privacy
        off = self._privacy is Privacy.ON
        known = bool(self._camera and self._privacy)
        self._button.says(text=words.switch_word(look.room), icon="videocam_off" if off or not known else "videocam")
        self._button.show(
            **{
                "aria-checked": "true" if known and not off else "false",
                "aria-label": "Camera",
                "title": "Open the camera again" if off else "Close the camera: nobody is watched",
            }
        )
        self._button.enable(known)

    async def _flip(self) -> None:
        wanted = Privacy.OFF if self._privacy is Privacy.ON else Privacy.ON
        await self._actions.set_privacy(self._camera, wanted)


class CameraCard:
    """The live picture of each camera of the room, and the bars of the faces in it."""

    def __init__(self) -> None:
        self._previews: dict[str, Preview] = {}
        with box("section", "card camera", "camera-card").props('aria-label="Camera"'):
            with box():
                self._pictures = box("div", "pictures")
                self._kept = Text("p", classes="quiet kept", testid="kept")
                self._lend = box("a", "chip lend-link", "lend").props("hidden")
                with self._lend:
                    ui.icon("smartphone").props("aria-hidden=true")
                    Text("span", "Use this device's camera")
            self._faces = Faces()

    def refresh(self, look: Look) -> None:
        """Show the cameras and faces."""
        for camera in list(look.room.cameras) or [""]:
            self._show_camera(camera, look)
        self._kept.text = words.kept_note(look.room)
        lent = [name for name, status in look.room.cameras.items() if status.source == views.BROWSER]
        self._lend.props["hidden"] = not lent
        self._lend.props["href"] = f"/camera?camera={lent[0]}" if lent else "/camera"
        seen = () if look.room.privacy is Privacy.ON else look.seen
        self._faces.show(faces=views.faces(seen, look.now.timestamp()), note=words.face_note(look.house, look.room))

    def _show_camera(self, camera: str, look: Look) -> None:
        if camera and "" in self._previews:
            self._previews[camera] = self._previews.pop("")
        if camera not in self._previews:
            with self._pictures:
                self._previews[camera] = Preview()
        status = look.room.cameras.get(camera)
        note, icon = words.camera_note(status, look.room, look.is_away("camera"))
        self._previews[camera].show(
            src=f"/api/cameras/{camera}/preview.jpg" if camera and not note else "",
            alt=f"What the camera {words.name(camera)} sees",
            note=note,
            icon=icon,
        )


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
