"""The camera's HTTP API."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import StreamingResponse

from services.camera.preview import annotated, stream
from services.contracts.messages import CameraStatus, FaceYield, Message, Name, Privacy

if TYPE_CHECKING:
    from services.camera.service import CameraService

BOUNDARY = "moodring"
NO_STORE = {"Cache-Control": "no-store"}


class CameraInfo(Message):
    """A camera and how it does."""

    camera: Name
    room: Name
    privacy: Privacy
    status: CameraStatus


class PrivacyBody(Message):
    """The privacy switch as it is set and answered."""

    privacy: Privacy


def routes(service: "CameraService") -> APIRouter:
    """Return the router of a service."""
    router = APIRouter(prefix="/api/cameras", tags=["cameras"])
    check = _Checks(service)

    @router.get("")
    async def cameras() -> list[CameraInfo]:
        """List the cameras."""
        return [CameraInfo(camera=service.camera, room=service.room, privacy=service.privacy, status=service.status)]

    @router.get("/{camera}")
    async def camera_status(camera: str) -> CameraStatus:
        """Say how a camera does."""
        check.known(camera)
        return service.status

    @router.get("/{camera}/yield")
    async def face_yield(camera: str) -> FaceYield:
        """Say how many of the faces in front of a camera can be read, and what to do about the others."""
        check.known(camera)
        return service.face_yield

    @router.put("/{camera}/privacy")
    async def privacy(camera: str, body: PrivacyBody) -> PrivacyBody:
        """Switch privacy, of all cameras of its room; ON answers when this one's device is closed.

        Where the device hangs, it answers after a few seconds, and the camera's status says so.
        """
        check.running(camera)
        await service.ask_privacy(body.privacy)
        return PrivacyBody(privacy=service.privacy)

    @router.get("/{camera}/preview.jpg", response_class=Response)
    async def preview(camera: str) -> Response:
        """Return the last frame with its faces marked."""
        check.seeing(camera)
        seen = service.last()
        if seen is None:
            raise HTTPException(503, service.status.detail or "The camera has not seen a picture yet.")
        return Response(await asyncio.to_thread(annotated, seen), media_type="image/jpeg", headers=NO_STORE)

    @router.get("/{camera}/preview.mjpg", response_class=StreamingResponse)
    async def preview_stream(camera: str) -> StreamingResponse:
        """Stream frames with their faces marked (multipart/x-mixed-replace); ends when privacy is turned on."""
        check.seeing(camera)
        return StreamingResponse(
            _parts(stream(service.last, lambda: service.running and service.privacy is Privacy.OFF)),
            media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}",
            headers=NO_STORE,
        )

    return router


class _Checks:
    """What must hold before a camera is asked for something."""

    def __init__(self, service: "CameraService") -> None:
        self._service = service

    def known(self, camera: str) -> None:
        if camera != self._service.camera:
            raise HTTPException(404, f"There is no such camera; there is {self._service.camera}.")

    def running(self, camera: str) -> None:
        self.known(camera)
        if not self._service.running:
            raise HTTPException(503, "The camera service is not running at the moment; try again shortly.")

    def seeing(self, camera: str) -> None:
        self.running(camera)
        if self._service.privacy is Privacy.ON:
            raise HTTPException(409, "The camera is switched off for privacy.")


async def _parts(images: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for image in images:
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
        yield head.encode() + image + b"\r\n"
