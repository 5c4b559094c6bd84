"""The settings of the cameras, and of the privacy that is kept from them."""

from typing import Annotated, Literal

from pydantic import Field

from services.contracts.messages import Name, RoomName, Unit
from services.runtime.hours import Hours, Zone
from services.runtime.section import Section


class Camera(Section):
    """Where frames come from."""

    name: Name = Field("camera", description="Name of the camera in topics and addresses.")
    room: RoomName | None = Field(None, description="The room that it is in; the process's own without it.")
    source: str = Field(
        "demo",
        description="`demo`, a webcam's index or device, `rtsp://…` or `http://…` (motion JPEG), a video file, a "
        "folder of pictures, `browser` (a page, or whoever posts pictures, sends them), or `frigate://broker/camera`.",
    )
    fps: Annotated[float, Field(gt=0, le=240)] = Field(5, description="Frames looked at per second, at most.")
    idle_fps: Annotated[float, Field(gt=0, le=240)] = Field(
        1, description="Frames looked at per second while nobody is there and nobody watches the preview."
    )
    cpu_percent: Annotated[float, Field(gt=0, le=100)] = Field(
        30, description="Share of one core that looking for faces may take; beyond it, fewer frames are looked at."
    )
    messages_per_s: Annotated[float, Field(gt=0, le=240)] = Field(
        10, description="Frames whose faces are sent to be read, per second, at most."
    )
    as_fast_as_possible: bool = Field(
        default=False, description="Read files without waiting and look at every frame: for measurements."
    )
    loop: bool = Field(default=True, description="Start a video file or folder again at its end.")
    detector: Literal["auto", "yunet", "haar"] = Field(
        "auto", description="`auto`: YuNet where its file is there, else the Haar cascade that comes with OpenCV."
    )
    min_face_px: Annotated[int, Field(ge=16, le=1000)] = Field(24, description="Smallest face looked for, in pixels.")
    min_quality: Unit = Field(0.2, description="Faces of lower quality are counted as rejected and not sent on.")


class PrivacyRules(Section):
    """When cameras may see, besides the switch."""

    schedule: Hours = Field(
        "",
        description="Hours at which cameras close by themselves, such as `22:00-07:00`; the switch still opens them.",
    )
    consent: dict[RoomName, Hours] | None = Field(
        None,
        description="Where it is set, cameras see only in the rooms that opted in, and at their hours: "
        "`{living_room: always, kitchen: 07:00-09:00}`; the switch cannot open them elsewhere.",
    )
    time_zone: Zone = Field("", description="Zone of these hours, such as `Europe/Berlin`; the machine's without it.")
    debug_crops_hours: Annotated[float, Field(ge=0, le=48)] = Field(
        0,
        description="Hours for which faces are kept as files in the data directory, to find faults; 0 keeps none.",
    )
