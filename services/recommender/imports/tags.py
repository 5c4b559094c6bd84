"""Reads the tags of one audio file with mutagen: ID3 (MP3, WAV, AIFF), Vorbis comments (FLAC, Ogg, Opus), MP4."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen

from services.contracts.moods import Point

ID3_FRAMES = {"title": "TIT2", "artist": "TPE1", "album": "TALB", "genre": "TCON"}
MP4_ATOMS = {"title": "\xa9nam", "artist": "\xa9ART", "album": "\xa9alb", "genre": "\xa9gen"}
MP4_FREE_FORM = "----:com.apple.iTunes:"
MAX_TEXT = 500


class UnreadableError(Exception):
    """A file that is no audio that mutagen knows; the text says why."""


@dataclass(frozen=True)
class Tags:
    """What a file says of itself; empty where it says nothing.

    Attributes:
        title: The title.
        artist: The artist.
        album: The album.
        genre: The genre.
        duration_s: Length in seconds.
        point: The tags VALENCE and AROUSAL, where both are there and valid.
        problem: What is wrong with these two, for a person.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    genre: str = ""
    duration_s: float | None = None
    point: Point | None = None
    problem: str = ""


def read_tags(path: Path) -> Tags:
    """Read a file's tags.

    Raises:
        UnreadableError: It is not an audio file, is damaged, or may not be read.
    """
    try:
        file = mutagen.File(path)
    except Exception as error:  # mutagen lets struct.error, IndexError and others of damaged files through
        raise UnreadableError(" ".join(str(error).split())[:200] or type(error).__name__) from error
    if file is None:
        raise UnreadableError("no audio format that is known")
    length = getattr(file.info, "length", 0)
    duration_s = float(length) if length and math.isfinite(length) and length > 0 else None
    texts = {name: _text(file.tags, name) for name in ID3_FRAMES}
    point, problem = _point(_text(file.tags, "VALENCE"), _text(file.tags, "AROUSAL"))
    return Tags(**texts, duration_s=duration_s, point=point, problem=problem)


def clean(text: str) -> str:
    """Return a text that every database takes: one line, no control characters, of bounded length."""
    valid = text.encode("utf-8", "replace").decode()  # file names may hold bytes that are no text
    return " ".join("".join(one if one.isprintable() else " " for one in valid).split())[:MAX_TEXT]


def _text(tags: Any, name: str) -> str:
    if tags is None:
        return ""
    for key in (ID3_FRAMES.get(name, f"TXXX:{name}"), MP4_ATOMS.get(name, f"{MP4_FREE_FORM}{name}"), name):
        try:
            value = tags[key]
        except (KeyError, ValueError):  # Vorbis comments take only ASCII keys
            continue
        first = next(iter(getattr(value, "text", value)), "")
        return clean(bytes(first).decode("utf-8", "replace") if isinstance(first, bytes) else str(first))
    return ""


def _point(valence: str, arousal: str) -> tuple[Point | None, str]:
    if not valence and not arousal:
        return None, ""
    axes = []
    for name, text in (("VALENCE", valence), ("AROUSAL", arousal)):
        try:
            axes.append(float(text))
        except ValueError:
            axes.append(math.nan)
        if not -1 <= axes[-1] <= 1:
            return None, f'the tag {name} "{text[:40]}" is not a number between -1 and 1; both tags were ignored'
    return Point(*axes), ""
