"""Settings by which a room can hardly have a mood: what is too little is known before a face is seen. Pure."""

from collections.abc import Iterator

from services.runtime.settings import Settings


def too_few(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with each room whose window holds fewer pictures of a face than a decision needs.

    Known are the rates of the cameras of these settings; of rooms without one nothing is said.
    """
    rates: dict[str, float] = {}
    for camera in settings.watched:
        if camera.room and not camera.as_fast_as_possible:
            rates[camera.room] = rates.get(camera.room, 0.0) + min(camera.fps, camera.messages_per_s)
    for room, rate in rates.items():
        rules = settings.aggregator.of(room)
        if rate * rules.window_s < rules.min_samples:
            yield (
                f"{room}: one face alone never makes a mood: a decision needs {rules.min_samples} pictures "
                f"(min_samples), and a window of {rules.window_s:g} s (window_s) holds {rate * rules.window_s:.3g} of "
                f"it at {rate:g} a second (the camera's fps or messages_per_s); lengthen the window, lower "
                "min_samples, or raise the rate"
            )
