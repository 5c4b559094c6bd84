"""The camera's HTTP API."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator

from services.camera.preview import stream
from services.camera.still import decode_still
from services.contracts.messages import BROWSER, CameraStatus, FaceYield, Message, Name, Privacy
from services.runtime.uploads import REFUSALS, Large, check_length, read_body
from services.vision.images import PHOTO, BadImageError

if TYPE_CHECKING:
    from services.camera.camera import Camera
    from services.camera.service import CameraService

BOUNDARY = "moodring"
NO_STORE = {"Cache-Control": "no-store"}
DECODED = 2
"""Pictures that are decoded at once, of all cameras; of large ones one is (see `vision.images`)."""


class CameraInfo(Message):
    """A camera and how it does."""

    camera: Name
    room: Name
    privacy: Privacy
    takes_pictures: bool
    """Whether pictures can be sent to it."""
    status: CameraStatus


class PrivacyBody(Message):
    """The privacy switch as it is set and answered; blanks around the word and capitals do not count."""

    privacy: Annotated[Privacy, BeforeValidator(lambda word: word.strip().upper() if type(word) is str else word)]


def routes(service: "CameraService") -> APIRouter:
    """Return the router of a service."""
    router = APIRouter(prefix="/api/cameras", tags=["cameras"])
    check = _Checks(service)
    _add_states(router, service, check)
    _add_privacy(router, service, check)
    _add_preview(router, service, check)
    _add_frames(router, service, check)
    return router


def _add_states(router: APIRouter, service: "CameraService", check: "_Checks") -> None:
    @router.get("")
    async def cameras() -> list[CameraInfo]:
        """List the cameras."""
        return [
            CameraInfo(
                camera=one.name,
                room=one.room,
                privacy=service.rooms[one.room].switch.state,
                takes_pictures=one.takes_pictures,
                status=one.status,
            )
            for one in service.cameras.values()
        ]

    @router.get("/{camera}")
    async def camera_status(camera: str) -> CameraStatus:
        """Say how a camera does."""
        return check.known(camera).status

    @router.get("/{camera}/yield")
    async def face_yield(camera: str) -> FaceYield:
        """Say how many of the faces in front of a camera can be read, and what to do about the others."""
        return check.known(camera).face_yield


def _add_privacy(router: APIRouter, service: "CameraService", check: "_Checks") -> None:
    @router.put("/{camera}/privacy")
    async def privacy(camera: str, body: PrivacyBody) -> PrivacyBody:
        """Switch privacy, of all cameras of its room; ON answers when this one's device is closed.

        Where the device hangs, it answers after a few seconds, and the camera's status says so. A room that has not
        opted in (`privacy.consent`) cannot be opened.
        """
        room = service.rooms[check.running(camera).room]
        await room.ask(body.privacy)
        if body.privacy is Privacy.OFF and room.switch.word is Privacy.OFF and room.switch.reason:
            raise HTTPException(409, room.switch.reason)
        return PrivacyBody(privacy=room.switch.state)


def _add_preview(router: APIRouter, service: "CameraService", check: "_Checks") -> None:
    @router.get("/{camera}/preview.jpg", response_class=Response)
    async def preview(camera: str) -> Response:
        """Return the last frame with its faces marked."""
        one = check.seeing(camera)
        seen = one.last()
        if seen is None:
            raise HTTPException(503, one.status.detail or "The camera has sent no picture of late.")
        return Response(await one.drawn(seen), media_type="image/jpeg", headers=NO_STORE)

    @router.get("/{camera}/preview.mjpg", response_class=StreamingResponse)
    async def preview_stream(camera: str) -> StreamingResponse:
        """Stream frames with their faces marked (multipart/x-mixed-replace); ends when privacy is turned on."""
        one = check.seeing(camera)
        switch = service.rooms[one.room].switch
        return StreamingResponse(
            _parts(stream(one.last, one.drawn, lambda: service.running and switch.open)),
            media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}",
            headers=NO_STORE,
        )


def _add_frames(router: APIRouter, service: "CameraService", check: "_Checks") -> None:
    arriving = {camera: asyncio.Lock() for camera in service.cameras}  # of each one at a time; others wait unread
    decoding, large = asyncio.Semaphore(DECODED), Large()

    @router.post("/{camera}/frames", status_code=202, openapi_extra=_PICTURE, responses=REFUSALS | _NOT_NOW)
    async def frames(camera: str, request: Request) -> CameraStatus:
        """Take a picture (JPEG or PNG, as the body) for a camera whose source is `browser`; answers how it does.

        It is looked at as any other frame, and not kept. Pictures that come faster than the camera's `fps` are refused.
        """
        one = check.seeing(camera)
        if not one.takes_pictures:
            where = f"its source is {one.status.source}; one whose source is {BROWSER} takes pictures"
            raise HTTPException(409, f"The camera {one.name} has eyes of its own: {where}.")
        if not one.wants_picture():
            raise HTTPException(429, "That was faster than the camera's pace.", {"Retry-After": "1"})
        length = check_length(request, PHOTO.max_bytes)
        async with arriving[camera]:
            if large.taken(length):  # by a telephone that may stand still: nobody waits for it
                raise HTTPException(429, "Another large picture is on its way.", {"Retry-After": "1"})
            async with large.turn(length):
                data = await read_body(request)
                try:
                    async with decoding:
                        one.send(await asyncio.to_thread(decode_still, data))
                except BadImageError as error:
                    raise HTTPException(422, f"The picture cannot be used: {error}.") from error
        return one.status


_NOT_NOW: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "There is no such camera"},
    409: {"description": "The camera has eyes of its own, or is closed"},
    429: {"description": "That was faster than the camera's pace, or another large picture is on its way"},
}
_PICTURE: Final = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png")},
    }
}


class _Checks:
    """What must hold before a camera is asked for something."""

    def __init__(self, service: "CameraService") -> None:
        self._service = service

    def known(self, camera: str) -> "Camera":
        """Return a camera that is there."""
        if camera not in self._service.cameras:
            there = ", ".join(self._service.cameras)
            raise HTTPException(404, f"There is no such camera; there is {there}.")
        return self._service.cameras[camera]

    def running(self, camera: str) -> "Camera":
        """Return a camera that is at work, or kept from it."""
        one = self.known(camera)
        if not self._service.running:
            raise HTTPException(503, "The camera service is not running at the moment; try again shortly.")
        return one

    def seeing(self, camera: str) -> "Camera":
        """Return a camera that may see."""
        one = self.running(camera)
        if reason := self._service.rooms[one.room].switch.reason:
            raise HTTPException(409, reason)
        return one


async def _parts(images: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for image in images:
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
        yield head.encode() + image + b"\r\n"
