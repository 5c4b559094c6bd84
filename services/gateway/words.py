"""What the dashboard says, in words. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import zip_longest
from typing import Any

from services.contracts.channels import spoken
from services.contracts.messages import (
    CameraState,
    CameraStatus,
    Mood,
    MoodSource,
    PlayerState,
    PolicyMode,
    Privacy,
    ServiceStatus,
    camera_part,
)
from services.contracts.messages import ServiceState as State
from services.contracts.moods import NOBODY, UNKNOWN
from services.gateway.state import House, Room, away

SERVICES: Mapping[str, tuple[str, str]] = {
    "camera": ("The camera", "there are no new pictures until it is back"),
    "inference": ("The expression reader", "faces are not read until it is back"),
    "aggregator": ("The mood service", "the mood stands still until it is back"),
    "recommender": ("The song chooser", "no new songs are chosen until it is back"),
    "player": ("The player", "the music cannot be steered until it is back"),
}
"""Each service's name for people, and what its absence means for them."""

POLICIES: Mapping[PolicyMode, tuple[str, str]] = {
    PolicyMode.MIRROR: ("Mirror", "Songs that match the mood"),
    PolicyMode.LIFT: ("Lift", "Songs a little brighter than the mood"),
    PolicyMode.CALM: ("Calm", "Songs that settle the room"),
    PolicyMode.GUIDE: ("Guide", "Songs that lead step by step"),
    PolicyMode.OFF: ("Off", "Moodring chooses no songs"),
}


def mood_word(mood: Mood | None) -> str:
    """Return the big word."""
    if mood is None:
        return "One moment"
    return {UNKNOWN: "Not sure yet", NOBODY: "Nobody here"}.get(mood.mood, spoken(mood.mood))


def mood_line(mood: Mood | None, now: datetime, *, blind: bool = False) -> str:
    """Return what stands below the big word: how sure, of whom, for how long; `blind` where every camera is closed."""
    if blind and (mood is None or mood.mood in {NOBODY, UNKNOWN}):
        return "The camera is off. Say below how it should feel."
    if mood is None:
        return "The first mood appears some seconds after the first face."
    if mood.source is MoodSource.OVERRIDE:
        minutes = max(1, round((mood.until - now).total_seconds() / 60)) if mood.until else 0
        return f"Set by hand for another {minutes} min" if minutes else "Set by hand"
    if mood.mood == NOBODY:
        return "No face has been seen for a while."
    people = f"{mood.people} {'person' if mood.people == 1 else 'people'}"
    if mood.mood == UNKNOWN:
        doubt = "Faces are read; some seconds of them are needed." if mood.samples else "No face is read at the moment."
        return f"{people} · no mood stands out" if mood.people else doubt
    seen = f"{people} · " if mood.people else ""
    return f"{round(mood.confidence * 100)} % sure · {seen}last {mood.window_s:g} s"


def taught(lesson: Mapping[str, Any]) -> str:
    """Return what a room was taught, from the aggregator's answer; empty where it was taught nothing."""
    if lesson["measuring"]:
        return f"Look at the camera with a resting face for a minute: {lesson['measuring']['samples']} pictures so far."
    found = [f"{lesson['problem'][:1].upper()}{lesson['problem'][1:]}."] if lesson["problem"] else []
    if lesson["baseline"]:
        less = ", ".join(
            f"{spoken(label).lower()} counts {round(100 * factor)} %" for label, factor in lesson["factors"].items()
        )
        found.append(f"Your resting face is known: {less or 'it looks neutral as it is'}.")
    moved = {mood: one for mood, one in lesson["thresholds"].items() if one["shift"]}
    found += [
        f"{spoken(mood)} needs {round(100 * one['enter'], 1):g} % instead of {round(100 * one['usual'], 1):g} %."
        for mood, one in moved.items()
    ]
    return " ".join(found)


def furnished(house: House, ours: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the rooms that have a camera or a player, or are ours by the settings.

    A room that was cleared may still have a mood or a policy.
    """
    return tuple(sorted({*ours, *(name for name, room in house.rooms.items() if room.cameras or room.player)}))


def unwatched(room: Room) -> bool:
    """Whether every camera of a room says that it is closed; what the switch says is only what was asked for."""
    return bool(room.cameras) and all(status.state is CameraState.PRIVATE for status in room.cameras.values())


def watching(room: Room) -> bool:
    """Whether a camera of a room is open."""
    return any(status.watching for status in room.cameras.values())


def camera_note(status: CameraStatus | None, room: Room, service_away: bool) -> tuple[str, str]:
    """Return why a camera of a room shows no picture, and an icon; two empty strings where there should be one."""
    if status and status.state is CameraState.PRIVATE:
        rest = "Nobody is watched." if unwatched(room) else "Another camera of the room is not."
        return f"{status.detail or 'The camera is off.'} {rest}", "videocam_off"
    if service_away:
        return "The camera is away.", "videocam_off"
    if status is None:
        return "Waiting for the camera …", "videocam"
    if status.state is CameraState.OFFLINE:
        return status.detail or "The camera does not answer.", "videocam_off"
    if room.privacy is Privacy.ON:
        return "The camera is not closed yet …", "videocam"
    return "", "videocam"


def switch_word(room: Room, asked: Privacy | None = None) -> str:
    """Return what the switch of the cameras says; `asked` is what it was turned to, until that is done."""
    if asked is not None:
        return "Camera closing …" if asked is Privacy.ON else "Camera opening …"
    if not room.cameras or room.privacy is None:
        return "No camera"
    if room.privacy is Privacy.OFF:
        return "Camera on" if watching(room) else "Camera away"
    return "Camera closing" if watching(room) else "Camera off"


def kept_note(room: Room) -> str:
    """Return that faces are kept as files, where they are."""
    hours = max((status.kept_hours for status in room.cameras.values()), default=0)
    return f"Faces are kept as files for {hours:g} hour{'' if hours == 1 else 's'}, to find a fault." if hours else ""


def face_note(house: House, room: Room) -> str:
    """Return what stands where the bars would be while no face is read."""
    if unwatched(room):
        return "No face is read while the camera is off."
    if "inference" not in house.services or "inference" in away(house):
        return "Faces are not read at the moment."
    troubles = {CameraState.DARK: "It is too dark to see a face.", CameraState.COVERED: "The camera is covered."}
    for status in room.cameras.values():
        if status.state in troubles:
            return status.detail or troubles[status.state]
    return "No face in view." if watching(room) or not room.cameras else "No face is read while the camera is away."


def why(player: PlayerState | None) -> str:
    """Return why this song plays."""
    if player is None or player.current is None:
        return ""
    return player.current.reason or ("Chosen by hand." if player.current.decision_id is None else "")


def problems(house: House, room: Room, *, bus_away: bool) -> list[str]:
    """Return what is not well, one sentence each."""
    if bus_away:
        return ["The message bus is away: what you see here may be old."]
    found = [f"{SERVICES[key][0]} is away: {SERVICES[key][1]}." for key in away(house) if key in SERVICES]
    cameras = _camera_problems(house, room)
    told = {camera_part(camera) for camera in cameras}
    for key, instances in house.services.items():
        title = SERVICES.get(key, (spoken(key),))[0]
        online = [status for status in instances.values() if status.state is State.ONLINE]
        texts = [text for one in online for text, part in _by_part(one) if key != "camera" or part not in told]
        found += [f"{title}: {text}" for text in dict.fromkeys(texts)]
    return [*found, *cameras.values()]


def _by_part(status: ServiceStatus) -> Iterable[tuple[str, str]]:
    """Return each problem of a service and the part that has it; empty where it does not say which."""
    return zip_longest(status.problems, status.parts[: len(status.problems)], fillvalue="")


def _camera_problems(house: House, room: Room) -> dict[str, str]:
    """Return what ails the cameras of a room, by camera, each by its name where the house has several."""
    several = len(room.cameras) > 1 or sum(len(each.cameras) for each in house.rooms.values()) > 1
    return {
        camera: f"{spoken(camera) if several else 'The camera'}: {status.detail}"
        for camera, status in room.cameras.items()
        if status.detail and not status.well and status.state not in {CameraState.OK, CameraState.PRIVATE}
    }
