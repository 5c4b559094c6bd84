"""REST: the expressions in a photo; the moods that a household teaches have a file of their own."""

import asyncio
import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import Field
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from services.contracts.agreement import understood
from services.contracts.messages import Message, Name, Unit
from services.inference import api_custom_moods
from services.inference.breaker import Breaker
from services.inference.custom_moods import read
from services.inference.photo import Photo
from services.inference.predictor import Prediction, PredictorAwayError, PredictorError
from services.runtime.uploads import REFUSALS, Large, check_length, pieces, too_large
from services.vision.detectors import DetectorError
from services.vision.images import PHOTO, BadImageError

if TYPE_CHECKING:
    from services.inference.service import InferenceService

FORM_BYTES: Final = 10_000
"""What a form may add to the photo in it."""
UPLOADS: Final = 4
"""Photos that are in memory at once, until they are answered; who comes next waits unread."""


class PhotoBox(Message):
    """A rectangle in pixels of the photo, upright; the origin is the upper left corner."""

    x: float
    y: float
    width: float
    height: float


class PhotoFace(Message):
    """A face, and what the model says of it."""

    box: PhotoBox
    detector_score: Unit
    expressions: dict[str, Unit]
    """Every label with its probability; they sum to 1."""
    taught: dict[str, Unit] | None = None
    """Of each mood that was taught for the room that was asked for, how likely the face shows it."""


class PhotoExpressions(Message):
    """The faces of a photo, the largest first."""

    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    faces: tuple[PhotoFace, ...] = ()
    left_out: Annotated[int, Field(ge=0)] = 0
    """How many smaller faces were found beside these and not read: a photo's 32 largest are."""
    model: str = ""
    """Name and version of the model, where there was a face."""
    picture: str | None = None
    """Where it was asked for: the photo with its faces framed and numbered, a JPEG in base64."""


async def small_enough(request: Request) -> int:
    """Return the bytes of a body that may be read; refuse it before it is.

    Raises:
        HTTPException: It is too large, or does not say how large it is.
    """
    return check_length(request, PHOTO.max_bytes + FORM_BYTES)


def routes(service: "InferenceService") -> APIRouter:
    """Return the service's routes."""
    router = APIRouter(tags=["inference"])
    router.include_router(api_custom_moods.routes(service))
    places, large = asyncio.Semaphore(UPLOADS), Large()

    @router.post(
        "/api/expressions",
        openapi_extra=_FORM,
        responses=REFUSALS | {400: {"description": "No form"}, 503: {"description": "The model is away; try again"}},
        response_model_exclude_none=True,
    )
    async def classify_photo(
        request: Request,
        length: Annotated[int, Depends(small_enough)],
        *,
        picture: bool = False,
        room: Name | None = None,
    ) -> PhotoExpressions:
        """Say which expressions the faces in a photo show, of the 32 largest. The photo is not kept.

        It is a JPEG or PNG of at most 30 MB and 50 million pixels that takes at most 95 MB of memory to decode, as a
        progressive JPEG does up to 12 million pixels, a PNG up to 15 million, and any other JPEG.

        With `?picture=true` the photo comes back too, with the faces framed: a JPEG in base64. With `?room=study` the
        moods that were taught for this room are read, too: none where none was. Whether there is such a room is not
        asked, as one without a camera, to which photos are sent, is not known here.
        """
        breaker = service.breaker
        if breaker is None:
            raise HTTPException(503, "The inference service is not running at the moment.")
        try:
            async with large.turn(length), places:
                return await _seen(service, breaker, request, room=room, picture=picture)
        except BadImageError as error:
            raise HTTPException(422, f"The photo cannot be used: {error}.") from error
        except PredictorAwayError as error:
            raise HTTPException(503, f"The photo cannot be classified: {error}; send it again in a moment.") from error
        except (PredictorError, DetectorError) as error:
            raise HTTPException(503, f"The photo cannot be classified: {error}.") from error

    return router


_FORM: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photo"],
                    "properties": {"photo": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""The form is read by hand, so that its size is checked first; this describes it in `/docs`."""


async def _uploaded(request: Request) -> bytes:
    """Read the photo of a form into memory: Starlette itself would write what is larger than 1 MB to a file."""
    kind, _ = parse_options_header(request.headers.get("content-type"))
    photo = None
    if kind == b"multipart/form-data":
        parser = MultiPartParser(request.headers, pieces(request), max_files=1, max_fields=1)
        parser.spool_max_size = PHOTO.max_bytes + FORM_BYTES
        try:
            photo = (await parser.parse()).get("photo")
        except MultiPartException as error:
            raise HTTPException(400, f"The form cannot be read: {error.message}") from error
    if not isinstance(photo, UploadFile):
        raise HTTPException(422, "Send the photo as the file field `photo` of a form (multipart/form-data).")
    if photo.size is not None and photo.size > PHOTO.max_bytes:
        raise too_large(PHOTO.max_bytes)
    return await photo.read()


async def _seen(
    service: "InferenceService", breaker: Breaker, request: Request, *, room: str | None, picture: bool
) -> PhotoExpressions:
    photo = await service.photos.look(await _uploaded(request))  # the file is forgotten before the model is asked
    prediction = await service.classify(photo.inputs, breaker.insist, service.photo_s) if photo.faces else None
    answer = _answer(photo, prediction, _taught(service, room, prediction))
    if not picture:
        return answer
    drawn = await asyncio.to_thread(photo.annotated, [_caption(*each) for each in enumerate(answer.faces, 1)])
    return answer.model_copy(update={"picture": base64.b64encode(drawn).decode()})


def _caption(number: int, face: PhotoFace) -> str:
    shares = understood(face.expressions, face.taught or {})
    label = max(shares, key=lambda each: shares[each])
    return f"{number} {label} {shares[label]:.0%}"


def _taught(
    service: "InferenceService", room: str | None, prediction: Prediction | None
) -> Sequence[dict[str, float] | None]:
    """Return the moods that were taught for a room as each face shows them; `None` for each without a room."""
    if prediction is None:
        return []
    if room is None or service.classroom is None:
        return [None] * len(prediction.probabilities)
    return read(service.classroom.kept.readers, room, prediction)


def _answer(photo: Photo, prediction: Prediction | None, taught: Sequence[dict[str, float] | None]) -> PhotoExpressions:
    if prediction is None:
        return PhotoExpressions(width=photo.width, height=photo.height)
    faces = tuple(
        PhotoFace(
            box=PhotoBox(**face.box._asdict()),
            detector_score=face.score,
            expressions=dict(zip(prediction.labels, row, strict=True)),
            taught=own,
        )
        for face, row, own in zip(photo.faces, prediction.probabilities.tolist(), taught, strict=True)
    )
    model = f"{prediction.model} {prediction.version}"
    return PhotoExpressions(width=photo.width, height=photo.height, faces=faces, left_out=photo.left_out, model=model)
