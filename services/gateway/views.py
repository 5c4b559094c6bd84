"""What the moving parts of the dashboard are given: plain values, made from messages. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.contracts.agreement import understood
from services.contracts.channels import spoken
from services.contracts.colours import mood_colour
from services.contracts.messages import BROWSER, FaceYield, Mood, Playback, PlayerState
from services.contracts.moodring_pb2 import Expression, Expressions
from services.contracts.moods import EXPRESSION_POINTS, NOBODY, UNKNOWN, Point
from services.gateway.state import House
from services.gateway.words import mood_word

SHOWN_FACES = 4
"""Faces whose bars are shown, the largest first."""
FRESH_S = 2.5
"""Expressions older than this are no longer what the camera sees."""

ORDER = ("happy", "surprised", "neutral", "sad", "fearful", "angry", "disgusted", "contemptuous")
"""Bars from pleasant to unpleasant, so that a face's picture of bars has a shape."""

REFERENCES = [{"word": mood, "valence": point.valence, "arousal": point.arousal} for mood, point in
              EXPRESSION_POINTS.items()]  # fmt: skip


def faces(
    seen: Iterable[tuple[float, Expressions]], now: float, taught: Mapping[str, Point] | None = None
) -> list[dict[str, Any]]:
    """Return the bars of the faces that are in view.

    Args:
        seen: The latest expressions of each camera of the room, with the time they came in (seconds).
        now: The time.
        taught: Where the moods lie that the household taught.
    """
    fresh = [(message.camera, face) for at, message in seen if now - at <= FRESH_S for face in message.faces]
    fresh.sort(key=lambda pair: -pair[1].box.width * pair[1].box.height)
    several = len({camera for camera, _ in fresh}) > 1
    return [_face(camera, face, taught or {}, several=several) for camera, face in fresh[:SHOWN_FACES]]


def _face(camera: str, face: Expression, taught: Mapping[str, Point], *, several: bool) -> dict[str, Any]:
    said = {item.label: item.probability for item in face.probabilities}
    values = understood(said, {item.label: item.probability for item in face.taught}) if said else {}
    labels = sorted(values, key=lambda label: ORDER.index(label) if label in ORDER else len(ORDER))
    top = max(labels, key=lambda label: values[label], default="")
    bars = [
        {
            "label": label,
            "word": spoken(label),
            "percent": round(values[label] * 100),
            "top": label == top,
            "colour": mood_colour(label, taught),
        }
        for label in labels
    ]
    # The number that its box has in the camera's picture; each camera counts by itself.
    title = f"Face {face.track_id}, {spoken(camera)}" if several else f"Face {face.track_id}"
    return {
        "id": f"{camera}-{face.track_id}",
        "title": f"{title}: {spoken(top).lower()}" if top else title,
        "bars": bars,
    }


def face_yield(found: FaceYield) -> dict[str, Any]:
    """Return the props of the bar of usable faces; without a text where nobody was seen yet."""
    if not found.sights:
        return {"text": "", "parts": []}
    counts = {"usable": found.usable} | found.rejected
    parts = [
        {
            "word": spoken(word),
            "kind": "usable" if word == "usable" else "rejected",
            "count": count,
            "percent": round(100 * count / found.sights),
        }
        for word, count in counts.items()
        if count
    ]
    return {"text": found.text, "parts": parts}


def mood_point(mood: Mood | None) -> Point | None:
    """Return where a mood lies; `None` where there is none to speak of."""
    return None if mood is None or mood.mood in {UNKNOWN, NOBODY} else Point(mood.valence, mood.arousal)


def browser_cameras(house: House) -> dict[str, str]:
    """Return the cameras whose pictures a page sends, each with its room."""
    return {
        name: room
        for room, states in house.rooms.items()
        for name, status in states.cameras.items()
        if status.source == BROWSER
    }


def song_point(player: PlayerState | None) -> Point | None:
    """Return where the song that plays lies."""
    if player is None or player.current is None:
        return None
    return Point(player.current.track.valence, player.current.track.arousal)


def plane(mood: Mood | None, player: PlayerState | None) -> dict[str, Any]:
    """Return the props of the plane."""
    point, song = mood_point(mood), song_point(player)
    text = f"The room's mood on the plane of pleasant and excited: {mood_word(mood).lower()}"
    if point:
        text += f", valence {point.valence:.2f}, arousal {point.arousal:.2f}"
    return {"text": text, "mood": _xy(point), "song": _xy(song), "moods": REFERENCES}


def progress(player: PlayerState | None, now: datetime) -> dict[str, Any]:
    """Return the props of the progress bar; the position is that of `now`."""
    if player is None or player.current is None:
        return {"position": 0, "duration": 0, "playing": False, "stamp": ""}
    playing = player.playback is Playback.PLAYING
    passed = (now - player.position_at).total_seconds() if playing else 0
    return {
        "position": max(0.0, player.position_s + passed),
        "duration": player.current.track.duration_s or 0,
        "playing": playing,
        "stamp": f"{player.current.play_id} {player.position_at.isoformat()} {player.playback}",
    }


def _xy(point: Point | None) -> Mapping[str, float] | None:
    return None if point is None else {"valence": point.valence, "arousal": point.arousal}
