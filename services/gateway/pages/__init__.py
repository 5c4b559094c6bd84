"""The dashboard: NiceGUI pages that show what the gateway knows and act through REST."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request
from nicegui import ui

from services.gateway.pages.camera_page import CameraPage
from services.gateway.pages.dashboard import Dashboard, known_room
from services.gateway.pages.photo_page import PhotoPage
from services.runtime.access import COOKIE

if TYPE_CHECKING:
    from services.gateway.service import GatewayService

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><defs><linearGradient id="g" x2="1" y2="1">'
    '<stop stop-color="#ffc46b"/><stop offset=".5" stop-color="#f07a8a"/><stop offset="1" stop-color="#6aa8ff"/>'
    '</linearGradient></defs><circle cx="16" cy="16" r="11" fill="none" stroke="url(#g)" stroke-width="6"/></svg>'
)


RECONNECT_S: Final = 15.0
"""A page whose connection is lost for less goes on as it was, with what was typed there; after that it is loaded anew.
Four tenths of it, by NiceGUI's rule, are what a busy machine or a telephone may take for a sign of life."""


def add_pages(app: FastAPI, service: "GatewayService") -> None:
    """Add the pages to an application, behind all its routes.

    Args:
        app: The application; what none of its routes takes goes to the pages.
        service: Where the pages read, and whose REST client they act through.
    """
    logging.getLogger("nicegui").setLevel(logging.WARNING)

    @ui.page("/", title="Moodring")
    def dashboard(request: Request, room: str = "") -> None:
        Dashboard(service, known_room(service, room)).build(signed_in=COOKIE in request.cookies)

    @ui.page("/camera", title="Moodring: this device's camera")
    def camera(camera: str = "") -> None:
        CameraPage(service, camera).build()

    @ui.page("/photo", title="Moodring: from a photo")
    def photo(room: str = "") -> None:
        PhotoPage(service, known_room(service, room)).build()

    ui.add_css(Path(__file__).parent / "style.css", shared=True)
    ui.run_with(
        app,
        title="Moodring",
        favicon=FAVICON,
        dark=True,
        tailwind=False,
        binding_refresh_interval=None,  # nothing is bound: changes are pushed
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_S,
    )
