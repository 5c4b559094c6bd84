"""From the words of folders and tags to points on the plane.

A folder or genre called like a mood, or like one of `SYNONYMS`, has the mood's point. `GENRES` are rough: one point
for thousands of songs is no more than a start, placed by us by tempo, loudness and mode as they are usual there.
"""

import re

from services.contracts.moods import MOOD_POINTS, Point

SYNONYMS = {
    "anger": "angry", "chill": "relaxed", "chilled": "relaxed", "chillout": "relaxed", "concentration": "focused",
    "dance": "energetic", "dinner": "romantic", "fear": "fearful", "focus": "focused", "fun": "cheerful",
    "good_mood": "happy", "happiness": "happy", "joy": "happy", "joyful": "happy", "love": "romantic",
    "melancholy": "melancholic", "night": "sleepy", "party": "energetic", "peaceful": "calm", "quiet": "calm",
    "relax": "relaxed", "relaxing": "relaxed", "romance": "romantic", "sadness": "sad", "sleep": "sleepy",
    "sport": "energetic", "study": "focused", "surprise": "surprised", "wake_up": "cheerful", "work": "focused",
    "workout": "energetic",
}  # fmt: skip

GENRES = {
    "acoustic": Point(0.3, -0.3), "ambient": Point(0.2, -0.7), "blues": Point(-0.2, -0.2),
    "bossa nova": Point(0.5, -0.2), "chamber music": Point(0.2, -0.4), "classical": Point(0.2, -0.3),
    "country": Point(0.4, 0.1), "disco": Point(0.7, 0.6), "drum and bass": Point(0.2, 0.8),
    "dubstep": Point(0.0, 0.7), "easy listening": Point(0.5, -0.4), "electronic": Point(0.3, 0.5),
    "emo": Point(-0.4, 0.3), "folk": Point(0.2, -0.3), "funk": Point(0.6, 0.5), "gospel": Point(0.5, 0.2),
    "gothic": Point(-0.5, 0.1), "hard rock": Point(0.0, 0.7), "hardcore": Point(-0.3, 0.9),
    "hip hop": Point(0.1, 0.4), "house": Point(0.5, 0.6), "indie": Point(0.2, 0.1), "jazz": Point(0.4, -0.1),
    "latin": Point(0.7, 0.5), "lo fi": Point(0.3, -0.5), "metal": Point(-0.3, 0.8), "new age": Point(0.4, -0.7),
    "opera": Point(0.0, 0.2), "pop": Point(0.5, 0.3), "punk": Point(0.0, 0.8), "r&b": Point(0.4, 0.0),
    "rap": Point(0.0, 0.5), "reggae": Point(0.6, 0.0), "rock": Point(0.2, 0.5), "salsa": Point(0.8, 0.6),
    "singer songwriter": Point(0.0, -0.3), "ska": Point(0.7, 0.6), "soul": Point(0.5, 0.1),
    "soundtrack": Point(0.0, 0.0), "swing": Point(0.7, 0.4), "techno": Point(0.2, 0.7), "trance": Point(0.4, 0.6),
    "trip hop": Point(-0.1, -0.3),
}  # fmt: skip


def mood_of(word: str) -> str | None:
    """Return the mood that a folder's name or a genre says, such as `Wake up` or `sad`."""
    name = re.sub(r"[^a-z0-9]+", "_", word.casefold()).strip("_")
    name = SYNONYMS.get(name, name)
    return name if name in MOOD_POINTS else None


def genre_point(genre: str) -> Point | None:
    """Return the rough point of a genre: of the longest known one in it (`Indie Pop/Rock` is rock's or pop's)."""
    words = f" {re.sub(r'[^a-z0-9&]+', ' ', genre.casefold())} "
    known = [name for name in GENRES if f" {name} " in words]
    return GENRES[max(known, key=len)] if known else None
