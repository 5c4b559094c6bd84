"""The camera of whatever device shows this page, for rooms without one of their own."""

from typing import TYPE_CHECKING

from nicegui import ui

from services.contracts.channels import spoken
from services.gateway import views
from services.gateway.pages.elements import Sender, Text, box

if TYPE_CHECKING:
    from services.gateway.service import GatewayService

NONE = "No camera takes its pictures from a browser: set camera.source to browser (`make run CAMERA=browser`)."


class CameraPage:
    """The page in one browser tab. The browser sends the pictures to REST by itself; nothing of them comes here."""

    def __init__(self, service: "GatewayService", asked: str) -> None:
        self._places = views.browser_cameras(service.house)
        self._camera = asked if asked in self._places else next(iter(self._places), "")

    def build(self) -> None:
        """Lay the page out."""
        with box("div", "page"):
            with box("header", "masthead"):
                box("span", "ring").props("aria-hidden=true")
                back = Text("a", "Moodring", "brand", "back")
                back.props.update({"href": f"/?room={self._places.get(self._camera, '')}", "title": "Back to the room"})
            with box("main", "cards lend"), box("section", "card camera").props('aria-label="Camera"'):
                if not self._camera:
                    Text("p", NONE, "nothing-to-lend", "nothing-to-lend")
                    return
                self._sender = Sender()
                with box("div", "lend-words"):
                    self._line = Text("h2", testid="lend-line")
                    if len(self._places) > 1:
                        choices = {name: spoken(name) for name in self._places}
                        ui.select(
                            choices,
                            value=self._camera,
                            label="Camera",
                            on_change=lambda event: self._choose(event.value),
                        ).props('dense outlined options-dense data-testid="lend-camera"')
                    Text("p", "The page has to stay open, and in sight on a phone.", "quiet")
        self._choose(self._camera)

    def _choose(self, camera: str) -> None:
        self._sender.show(camera=camera)
        self._line.text = f"This device is the camera of {spoken(self._places[camera]).lower()}"
