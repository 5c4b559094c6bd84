"""The demo library: rendered at the first start, so that a newcomer hears music without owning any here."""

import os
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mutagen.id3 import TALB, TCON, TIT2, TPE1, TXXX
from mutagen.wave import WAVE

from services.demo.score import PIECES, Piece
from services.demo.synth import RATE, Samples, render

ARTIST = "Moodring Demo"


def synthesise(folder: Path, *, report: Callable[[int, int], None] = lambda _done, _total: None) -> list[Path]:
    """Write the demo library's songs that are not there yet and return all of them.

    They are WAV (mono, 16 bit, 22.05 kHz), which every browser and player knows, with ID3 tags: title, artist,
    mood as genre, and the point on the plane as `TXXX:VALENCE` and `TXXX:AROUSAL`, -1 to 1.

    Args:
        folder: Where they go; it is made.
        report: Called after each song that was written with the number of songs that are there and of all.

    Raises:
        OSError: The folder cannot be written, or the disk is full; no half-written song is left as a song.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for done, piece in enumerate(PIECES, 1):
        path = folder / f"{piece.title.lower().replace(' ', '-')}.wav"
        if not path.exists():
            _write(path, piece)
            report(done, len(PIECES))
        paths.append(path)
    return paths


def _write(path: Path, piece: Piece) -> None:
    new = path.with_suffix(f".{os.getpid()}.new")
    try:
        _write_samples(new, render(piece))
        _tag(new, piece)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _write_samples(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32_767).astype("<i2").tobytes())


def _tag(path: Path, piece: Piece) -> None:
    song = WAVE(path)
    song.add_tags()
    song.tags.add(TIT2(text=piece.title))
    song.tags.add(TPE1(text=ARTIST))
    song.tags.add(TALB(text="First Moods"))
    song.tags.add(TCON(text=piece.mood))
    song.tags.add(TXXX(desc="VALENCE", text=f"{piece.valence:.2f}"))
    song.tags.add(TXXX(desc="AROUSAL", text=f"{piece.arousal:.2f}"))
    song.save()
