"""The demo library: playable, tagged, the same every time, and spread over the plane."""

import hashlib
import wave
from pathlib import Path

import numpy as np
import pytest
from mutagen.wave import WAVE
from numpy.typing import NDArray

from services.contracts.moods import MOOD_POINTS
from services.demo import songs
from services.demo.score import PIECES, Piece, Tune
from services.demo.synth import DRUMS, RATE, TIMBRES, note, render


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return songs.synthesise(tmp_path_factory.mktemp("songs"))


def samples(path: Path) -> NDArray[np.float64]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def test_a_dozen_songs_of_about_a_minute_are_small_enough_to_render_at_first_start(library: list[Path]) -> None:
    assert len(library) == 12
    assert all(45 <= len(samples(path)) / RATE <= 75 for path in library)
    assert sum(path.stat().st_size for path in library) <= 25_000_000


def test_points_cover_all_quadrants_and_the_middle() -> None:
    points = [(piece.valence, piece.arousal) for piece in PIECES]
    assert {(v > 0, a > 0) for v, a in points if min(abs(v), abs(a)) > 0.2} == {
        (True, True), (True, False), (False, True), (False, False),
    }  # fmt: skip
    assert (0, 0) in points
    assert {piece.mood for piece in PIECES} <= MOOD_POINTS.keys()


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.mood)
def test_a_point_lies_where_its_mood_word_does(piece: Piece) -> None:
    point = MOOD_POINTS[piece.mood]
    assert abs(piece.valence - point.valence) + abs(piece.arousal - point.arousal) < 0.2


def test_tags_say_title_artist_mood_and_point(library: list[Path]) -> None:
    tags = WAVE(library[0]).tags
    assert [str(tags[key]) for key in ("TIT2", "TPE1", "TCON", "TXXX:VALENCE", "TXXX:AROUSAL")] == [
        "Sunny Side Walk", "Moodring Demo", "happy", "0.80", "0.50",
    ]  # fmt: skip


def test_nothing_clips_clicks_or_drifts(library: list[Path]) -> None:
    for path in library:
        sound = samples(path)
        assert np.abs(sound).max() < 0.9, path
        assert np.abs(np.diff(sound)).max() < 0.45, path
        assert abs(sound.mean()) < 1e-3, path
        assert np.abs(sound[[0, -1]]).max() < 1e-3, path


def test_the_more_aroused_a_song_the_louder_it_is(library: list[Path]) -> None:
    level = {
        piece.mood: float(np.sqrt(np.mean(samples(path) ** 2))) for piece, path in zip(PIECES, library, strict=True)
    }
    assert level["calm"] < level["neutral"] < level["happy"] < level["energetic"] < 2.5 * level["calm"]


def test_no_song_has_a_hole(library: list[Path]) -> None:
    for path in library:
        sound = samples(path)[: -5 * RATE]
        seconds = sound[: len(sound) // RATE * RATE].reshape(-1, RATE)
        assert np.sqrt((seconds**2).mean(1)).min() > 0.005, path


def test_a_rendering_is_the_same_byte_for_byte(
    library: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(songs, "PIECES", PIECES[3:6:2])
    again = songs.synthesise(tmp_path)
    assert [digest(path) for path in again] == [digest(library[3]), digest(library[5])]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_songs_that_are_there_stay_as_they_are(library: list[Path]) -> None:
    before = [path.stat().st_mtime_ns for path in library]
    reports: list[tuple[int, int]] = []
    assert songs.synthesise(library[0].parent, report=lambda done, total: reports.append((done, total))) == library
    assert [path.stat().st_mtime_ns for path in library] == before
    assert reports == [], "nothing is made twice, and nothing said"


def test_a_full_disk_leaves_no_half_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _piece: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(songs, "PIECES", PIECES[5:6])
    monkeypatch.setattr(songs, "_tag", full)
    with pytest.raises(OSError, match="No space left"):
        songs.synthesise(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_piece_names_timbres_and_drums_that_exist() -> None:
    assert {layer.timbre for piece in PIECES for layer in piece.layers} <= TIMBRES.keys()
    assert {drum.name for piece in PIECES for drum in piece.drums} <= DRUMS.keys()


def test_tunes_enter_where_the_chords_begin_anew() -> None:
    for piece in PIECES:
        for tune in (layer for layer in piece.layers if isinstance(layer, Tune)):
            assert tune.enters % min(4, len(piece.chords)) == 0, (piece.title, tune.pattern)


def test_a_note_has_its_pitch() -> None:
    sound = note(TIMBRES["flute"], 69, 1.0)
    peak = np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound)
    assert peak == pytest.approx(440, abs=1)


def test_pieces_differ_clearly() -> None:
    calm, angry = (render(next(p for p in PIECES if p.mood == mood)) for mood in ("calm", "angry"))
    assert onsets(angry) > 2 * onsets(calm)


def onsets(sound: NDArray[np.float32]) -> int:
    """Count sudden rises of the level, in steps of 23 ms."""
    level = np.sqrt((sound[: len(sound) // 512 * 512].reshape(-1, 512) ** 2).mean(1))
    return int((np.diff(level) > 0.2 * level.mean()).sum())
