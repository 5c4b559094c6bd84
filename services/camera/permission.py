"""Whether the cameras of a room may see: what a person said, the schedule, and consent. Pure."""

from dataclasses import dataclass

from services.contracts.messages import Privacy
from services.runtime.camera_settings import PrivacyRules
from services.runtime.hours import ALWAYS, on_the_wall, window

BY_HAND = "The camera is switched off for privacy."


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said last with the switch, and when (seconds since 1970)."""

    privacy: Privacy = Privacy.OFF
    at: float = 0.0


def closed_because(rules: PrivacyRules, room: str, word: Word, now: float) -> str:
    """Return why the cameras of a room may not see at `now` (seconds since 1970), in words; empty where they may.

    Whoever turns the switch within a window of the schedule is obeyed until that window ends; the next one closes
    again. No word opens a room that has not opted in.
    """
    if not has_consent(rules, room, now):
        hours = (rules.consent or {}).get(room, "")
        so_far = f"has opted in for {hours} only" if hours else "has not opted in to be watched"
        return f"This room {so_far}; the setting privacy.consent says which rooms have."
    if word.privacy is Privacy.ON:
        return BY_HAND
    present = window(rules.schedule, on_the_wall(now, rules.time_zone))
    if present is None or present == window(rules.schedule, on_the_wall(word.at, rules.time_zone)):
        return ""
    return f"The camera is closed at these hours ({rules.schedule}); the switch opens it."


def has_consent(rules: PrivacyRules, room: str, now: float) -> bool:
    """Say whether a room opted in for this hour, or nobody has to."""
    if rules.consent is None:
        return True
    hours = rules.consent.get(room, "")
    return hours == ALWAYS or window(hours, on_the_wall(now, rules.time_zone)) is not None
