"""How long cameras are waited for."""

from dataclasses import dataclass

from services.camera.sources import LOST_AFTER_S
from services.contracts.channels import STATUS_EVERY_S


@dataclass(frozen=True)
class Patience:
    """How long a camera is waited for, in seconds."""

    retry_s: tuple[float, float] = (1.0, 30.0)
    """First and longest wait before a source is opened again, each cut by up to half at random."""
    private_within_s: float = 3.0
    """A source that hangs longer when privacy is turned on is a problem that people have to know of."""
    silent_s: float = LOST_AFTER_S
    """A camera that has sent nothing for so long is offline, whatever its library still waits for."""
    steady_s: float = 10.0
    """A source that worked for longer is opened again at once when it is lost; people hear of it if it stays silent."""
    others_s: float = 1.5 * STATUS_EVERY_S
    """By then a camera of another process has said how it does."""
    shown_s: float = 10.0
    """Who was seen longer ago may have left: their picture is neither shown nor kept in memory."""
