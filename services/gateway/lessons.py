"""What the dashboard says of the moods that a household teaches: words and names. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from services.contracts.channels import named, spoken
from services.contracts.moods import Point

Json = Mapping[str, Any]

PLACES: Final[Mapping[str, tuple[str, Point]]] = {
    "excited": ("Pleasant, excited", Point(0.6, 0.6)),
    "calm": ("Pleasant, calm", Point(0.6, -0.5)),
    "tense": ("Unpleasant, excited", Point(-0.6, 0.6)),
    "low": ("Unpleasant, calm", Point(-0.6, -0.5)),
    "middle": ("Neither", Point(0.0, 0.0)),
}
"""Where a mood can be put on the plane, and what that is called."""

NAMELESS: Final = "A name needs letters from a to z, or digits."


def name_said(text: str) -> str:
    """Return what is said of the name that a mood gets when people type this; nothing where it is what they typed."""
    name, typed = named(text), " ".join(text.split())
    if typed and not name:
        return NAMELESS
    return f"It will be called “{spoken(name)}”." if spoken(name).casefold() != typed.casefold() else ""


def instruction(teaching: Json) -> str:
    """Return what people are to do now."""
    mood, room = spoken(teaching["mood"]), spoken(teaching["room"]).lower()
    if teaching["step"] == "usual":
        return f"Look as you usually do: talk, smile, look about. The face nearest to a camera of {room} counts."
    if teaching["step"] == "ready":
        return f"That is enough of that. Now show “{mood}”, and go on when you do."
    if teaching["step"] == "mood":
        return f"Show “{mood}” for a minute and a half, and move your head a little now and then."
    return "A moment: it is being learnt."


def notice(teaching: Json) -> str:
    """Return what everyone is told for as long as a lesson goes on, wherever on the page they are."""
    return f"Faces in {spoken(teaching['room']).lower()} are being collected to teach “{spoken(teaching['mood'])}”."


def said(answer: Json) -> str:
    """Return what became of the last lesson; where there was none, what lessons are for."""
    if answer["said"] or answer["moods"] or answer["teaching"]:
        return str(answer["said"])
    return "Some minutes before the camera, and Moodring knows a mood of yours, such as focused."


def count(teaching: Json) -> str:
    """Return how far a step is; nothing while it is learnt, which takes as long as it takes."""
    if teaching["step"] == "done":
        return ""
    if not teaching["most"]:
        return f"{teaching['seconds_left']:.0f} s left to begin"
    missing = teaching["least"] - teaching["faces"]
    more = f"{missing} more are needed" if missing > 0 else "enough to go on"
    longer = "given longer, as few were read · " if teaching["longer"] else ""
    return f"{teaching['faces']} faces, {more} · {longer}{teaching['seconds_left']:.0f} s left"


def place_of(mood: Json) -> Point:
    """Return where a taught mood lies."""
    return Point(mood["valence"], mood["arousal"])


def described(mood: Json) -> str:
    """Return what is known of a taught mood."""
    if mood["problem"]:
        return f"{mood['problem'][:1].upper()}{mood['problem'][1:]}."
    rooms = ", ".join(spoken(room) for room in mood["rooms"])
    return f"{rooms} · found in {mood['recognised']:.0%} of its faces, and in {mood['mistaken']:.0%} of usual ones"
