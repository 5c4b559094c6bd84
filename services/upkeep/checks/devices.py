"""The doctor's checks of camera and player: what they name is opened for a moment."""

import asyncio
import shutil
import time

from services.contracts.messages import BROWSER
from services.player.backends.mpd import place_of
from services.player.backends.mpd_link import MpdError, MpdLink
from services.runtime.camera_settings import Camera
from services.runtime.service import SetupError
from services.runtime.settings import Settings, redact
from services.upkeep.findings import Finding, broken, by_way, correct, skipped, way_out, well

FIRST_FRAME_S = 10.0


def cameras(settings: Settings) -> list[Finding]:
    """Open each camera and wait for a frame; for when Moodring itself does not use them."""
    return [_camera(one, settings) for one in settings.watched]


def _camera(own: Camera, settings: Settings) -> Finding:
    from services.camera.sources import SourceEnded, SourceError, open_source

    part = "camera" if own.name == "camera" else f"camera {own.name}"
    if own.source == BROWSER:
        return skipped(part, "its pictures come from the page /camera of a browser")
    shown = redact(own.source)
    try:
        source = open_source(own)
        source.open()
    except (SetupError, SourceError) as error:
        return broken(part, str(error), _when_shut(settings, own.source))
    mute = _when_mute(settings, own.source)
    try:
        deadline = time.monotonic() + FIRST_FRAME_S
        while not source.sparse and time.monotonic() < deadline:
            frame = source.read()
            if frame is not None:
                return well(part, f"{shown} shows pictures of {frame.shape[1]} by {frame.shape[0]} pixels")
    except (SourceError, SourceEnded) as error:
        return broken(part, f"{shown} opens and gives no picture: {error}", mute)
    finally:
        source.close()
    if source.sparse:
        return well(part, f"{shown} is there, and sends pictures when it sees somebody")
    return broken(part, f"{shown} opens and gives no picture", mute)


def _when_shut(settings: Settings, source: str) -> str:
    if "://" in source:
        alone = "correct MOODRING_CAMERA_SOURCE"
        return by_way(settings, alone, f"{alone}, and {way_out('MOODRING_HOST_CAMERA_ISOLATED')}")
    host = "MOODRING_HOST_CAMERA and MOODRING_HOST_CAMERA_GROUP, or MOODRING_CAMERA_SOURCE,"
    return correct(settings, "MOODRING_CAMERA_SOURCE", host)


def _when_mute(settings: Settings, source: str) -> str:
    if "://" in source:
        return "see that it sends: any other player has to show it at the same address (`mpv ADDRESS`)"
    device = f"/dev/video{source}" if source.isdecimal() else source
    named = by_way(settings, f"`sudo fuser -v {device}`", "`sudo fuser -v` and what MOODRING_HOST_CAMERA names")
    return f"{named} says which program uses it; if none does, plug it in again"


def player(settings: Settings) -> list[Finding]:
    """Look for every backend that the setting names."""
    return [_backend(settings, url.strip()) for url in settings.player.backend.split(",")]


def _backend(settings: Settings, url: str) -> Finding:
    match url.partition(":")[0]:
        case "mpd":
            return asyncio.run(_mpd(settings, url))
        case "mpv":
            found = shutil.which("mpv")
            own = "its image has none: MOODRING_PLAYER_BACKEND=mpd://mpd in .env"
            install = by_way(settings, "`sudo apt-get install mpv`", own)
            return well("player", found) if found else broken("player", "mpv is not installed", install)
        case "auto" if shutil.which("mpv"):
            return well("player", "a browser tab with the dashboard makes the sound, and mpv where none is open")
        case "auto" | "browser":
            return well("player", "a browser tab with the dashboard makes the sound")
        case "null":
            return skipped("player", "null: is a silent clock")
    return broken("player", f"{redact(url)} is no backend", correct(settings, "MOODRING_PLAYER_BACKEND"))


async def _mpd(settings: Settings, url: str) -> Finding:
    try:
        place = place_of(url)
    except SetupError as error:
        return broken("player", str(error), correct(settings, "MOODRING_PLAYER_BACKEND"))
    where = f"MPD at {place.host} port {place.port}"
    try:
        link = await MpdLink.open(*place)
        status = await link.ask(("status",))
        await link.close()
    except (OSError, MpdError) as error:
        alone = "start it (`systemctl --user start mpd`), or correct MOODRING_PLAYER_BACKEND"
        ours = "`docker compose up -d mpd`, and `docker compose logs mpd` says why it ended"
        own = f"{ours}; where it is your own one, {way_out()}"
        return broken("player", f"{where}: {str(error) or 'no answer'}", by_way(settings, alone, own))
    return well("player", f"{where}{'' if 'volume' in status else ', without a mixer'}")
