"""From a folder of music to songs on the plane."""

import logging
import os
import wave
from pathlib import Path

import pytest
from mutagen.flac import FLAC
from mutagen.id3 import TCON, TIT2, TPE1, TXXX
from mutagen.wave import WAVE

from services.contracts.moods import MOOD_POINTS, Point
from services.recommender.imports.folder import audio_files, place, read_song
from services.recommender.imports.tags import Tags, UnreadableError, clean, read_tags
from services.recommender.imports.words import GENRES, SYNONYMS, genre_point, mood_of
from services.recommender.songs import FoundSong, PlacedBy

RATE = 8000


def write_wave(path: Path, seconds: float = 0.5, **tags: str) -> Path:
    """Write a silent file, with ID3 tags."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(int(2 * RATE * seconds)))
    if tags:
        song = WAVE(path)
        song.add_tags()
        frames = {"title": TIT2, "artist": TPE1, "genre": TCON}
        for name, text in tags.items():
            song.tags.add(frames[name](text=text) if name in frames else TXXX(desc=name.upper(), text=text))
        song.save()
    return path


def _read(root: Path) -> list[FoundSong]:
    return [read_song(file, root) for file in audio_files(root)]


def test_tags_win_over_the_name_of_the_file(tmp_path: Path) -> None:
    write_wave(tmp_path / "Bob - Wrong.wav", title="Right", artist="Ann", valence="0.25", arousal="-0.75")
    (song,) = _read(tmp_path)
    assert (song.title, song.artist) == ("Right", "Ann")
    assert song.duration_s == pytest.approx(0.5)
    assert (song.valence, song.arousal, song.placed_by) == (0.25, -0.75, PlacedBy.TAGS)
    assert song.uri == (tmp_path / "Bob - Wrong.wav").as_uri()


@pytest.mark.parametrize(
    ("name", "artist", "title"),
    [
        ("Ann - Song.wav", "Ann", "Song"),
        ("Ann - Song - Live.wav", "Ann", "Song - Live"),
        ("Song.wav", "", "Song"),
        ("03 - Song.wav", "", "Song"),
        ("03. Ann - Song.wav", "Ann", "Song"),
        ("1999.wav", "", "1999"),
        ("99 Luftballons.wav", "", "99 Luftballons"),
    ],
)
def test_a_file_without_tags_is_called_by_its_name(tmp_path: Path, name: str, artist: str, title: str) -> None:
    write_wave(tmp_path / name)
    (song,) = _read(tmp_path)
    assert (song.artist, song.title) == (artist, title)


@pytest.mark.parametrize(
    ("path", "tags", "point", "placed_by", "mood"),
    [
        ("sad/a.mp3", Tags(), MOOD_POINTS["sad"], PlacedBy.FOLDER, "sad"),
        ("Wake up/a.mp3", Tags(), MOOD_POINTS["cheerful"], PlacedBy.FOLDER, "cheerful"),
        ("happy/Ann/Album/a.mp3", Tags(), MOOD_POINTS["happy"], PlacedBy.FOLDER, "happy"),
        ("happy/sad/a.mp3", Tags(), MOOD_POINTS["sad"], PlacedBy.FOLDER, "sad"),
        ("sad/a.mp3", Tags(point=Point(0.1, 0.2)), Point(0.1, 0.2), PlacedBy.TAGS, "sad"),
        ("sad/a.mp3", Tags(genre="Metal"), MOOD_POINTS["sad"], PlacedBy.FOLDER, "sad"),
        ("a.mp3", Tags(genre="Metal"), GENRES["metal"], PlacedBy.GENRE, None),
        ("a.mp3", Tags(genre="calm"), MOOD_POINTS["calm"], PlacedBy.GENRE, "calm"),
        ("a.mp3", Tags(genre="Polka"), Point(0, 0), PlacedBy.NOTHING, None),
        ("sad.mp3", Tags(), Point(0, 0), PlacedBy.NOTHING, None),
    ],
)
def test_a_song_is_placed_by_the_surest_word(
    path: str, tags: Tags, point: Point, placed_by: PlacedBy, mood: str | None
) -> None:
    assert place(Path(path), tags) == (point, placed_by, mood)


@pytest.mark.parametrize(
    ("genre", "name"),
    [("Hip-Hop", "hip hop"), ("Hard Rock", "hard rock"), ("Indie/Pop", "indie"), ("R&B", "r&b"), ("LATIN", "latin")],
)
def test_genres_are_found_however_they_are_written(genre: str, name: str) -> None:
    assert genre_point(genre) == GENRES[name]


def test_a_genre_is_no_part_of_a_word() -> None:
    assert genre_point("Baroque") is None


def test_every_synonym_means_a_mood() -> None:
    assert all(mood_of(word) == mood for word, mood in SYNONYMS.items())


@pytest.mark.parametrize(("valence", "arousal"), [("high", "0"), ("0.5", ""), ("1.5", "0"), ("nan", "0")])
def test_a_wrong_point_is_said_and_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, valence: str, arousal: str
) -> None:
    write_wave(tmp_path / "sad" / "a.wav", valence=valence, arousal=arousal)
    (song,) = _read(tmp_path)
    assert song.placed_by is PlacedBy.FOLDER
    assert "is not a number between -1 and 1" in caplog.text
    assert "a.wav" in caplog.text


def test_vorbis_comments_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    # The smallest FLAC there is: the mark, and a stream description of 8 kHz, one channel, 8,000 samples.
    info = bytes.fromhex("10001000000000000000") + (8000 << 44 | 15 << 36 | 8000).to_bytes(8) + bytes(16)
    path.write_bytes(b"fLaC" + bytes([0x80, 0, 0, len(info)]) + info)
    file = FLAC(path)
    file["title"], file["artist"], file["valence"], file["arousal"] = "Lied", "Änn", "-0.5", "0.5"
    file.save()
    tags = read_tags(path)
    assert (tags.title, tags.artist, tags.point, tags.duration_s) == ("Lied", "Änn", Point(-0.5, 0.5), 1.0)


@pytest.mark.parametrize("content", [b"", b"not audio at all", b"RIFF\x00\x00", b"fLaC", b"\xff\xfb\x90\x00"])
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    with pytest.raises(UnreadableError):
        read_tags(path)


def test_only_audio_files_of_the_folder_itself_are_found(tmp_path: Path) -> None:
    root, outside = tmp_path / "music", write_wave(tmp_path / "outside" / "secret.wav")
    write_wave(root / "b.wav")
    write_wave(root / "a" / "A.WAV")
    write_wave(root / ".hidden" / "c.wav")
    (root / "cover.jpg").write_bytes(b"")
    (root / "folder.mp3").mkdir()
    (root / "link.wav").symlink_to(outside)
    (root / "linked").symlink_to(outside.parent)
    assert [file.path.relative_to(root).as_posix() for file in audio_files(root)] == ["b.wav", "a/A.WAV"]


def test_a_name_that_is_no_text_does_not_stop_the_import(tmp_path: Path) -> None:
    write_wave(tmp_path / "plain.wav").rename(tmp_path / os.fsdecode(b"caf\xe9.wav"))
    (song,) = _read(tmp_path)
    assert song.title == "caf?"
    assert song.uri.endswith("/caf%E9.wav")


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(audio_files(tmp_path / "nowhere"))


def test_a_path_that_is_too_long_for_the_library_is_said_and_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path
    for _ in range(3):
        root = root / ("ü" * 120)
    write_wave(root / "a.wav")
    with caplog.at_level(logging.WARNING):
        assert _read(tmp_path) == []
    assert "too long for the library" in caplog.text


@pytest.mark.parametrize(
    ("text", "cleaned"), [(" a\x00b\n c ", "a b c"), ("\udce9", "?"), ("x" * 900, "x" * 500), ("ÄÖ 中", "ÄÖ 中")]
)
def test_texts_become_what_every_database_takes(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
