"""From the setting to the backends, the preferred one first."""

from collections.abc import Callable

from services.player.backends.base import Backend
from services.player.backends.browser import BrowserBackend
from services.player.backends.null import NullBackend
from services.runtime.service import SetupError
from services.runtime.settings import Settings, redact


def choose(
    settings: Settings, monotonic: Callable[[], float], tabs: BrowserBackend, *, mpv_installed: bool
) -> tuple[Backend, ...]:
    """Return the backends that `player.backend` stands for; the first one that is there plays.

    Args:
        settings: All settings.
        monotonic: Seconds that only ever grow.
        tabs: All tabs together.
        mpv_installed: Whether there is an mpv.

    Raises:
        SetupError: The setting names no backend, or one that is not installed, or one twice.
    """
    urls = [url.strip() for url in settings.player.backend.split(",")]
    chosen = [one for url in urls for one in _choose(url, settings, monotonic, tabs, mpv_installed=mpv_installed)]
    if len({one.name for one in chosen}) < len(chosen):
        raise SetupError(f"the setting player.backend names one kind twice: {', '.join(one.name for one in chosen)}")
    return tuple(chosen)


def _choose(
    url: str, settings: Settings, monotonic: Callable[[], float], tabs: BrowserBackend, *, mpv_installed: bool
) -> tuple[Backend, ...]:
    match url.partition(":")[0]:
        case "auto":
            return tabs, *([_mpv("mpv:")] if mpv_installed else []), NullBackend(monotonic)
        case "browser":
            return (tabs,)
        case "null":
            return (NullBackend(monotonic),)
        case "mpd":
            return (_mpd(url, settings),)
        case "mpv" if mpv_installed:
            return (_mpv(url),)
        case "mpv":
            raise SetupError("player.backend is mpv, which is not installed; install the package mpv, or use `auto`")
    raise SetupError(
        f"the setting player.backend is wrong: {redact(url)} is none of auto, browser:, mpv:, mpd://host or null:"
    )


def _mpv(url: str) -> Backend:
    from services.player.backends.mpv import MpvBackend

    return MpvBackend(url)


def _mpd(url: str, settings: Settings) -> Backend:
    from services.player.backends.mpd import MpdBackend

    roots = (settings.player.mpd_music, settings.music, settings.data / "songs")
    return MpdBackend(url, [root for root in roots if root])
