import os
from pathlib import Path

import pytest

from services.contracts.audio import AUDIO_TYPES
from services.contracts.messages import Track
from services.player.files import UnplayableError, media_type, resolve
from services.recommender.imports.folder import audio_files


def track(uri: str) -> Track:
    return Track(song_id=1, title="Song", uri=uri)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


def test_a_file_below_a_music_folder_is_found_by_its_address(music: Path) -> None:
    path = music / "mood" / "é a#b?.mp3"
    path.parent.mkdir()
    path.touch()
    assert resolve(track(path.as_uri()), [music.parent / "other", music]) == path


def test_a_music_folder_may_be_a_link_itself(music: Path) -> None:
    (music / "a.mp3").touch()
    link = music.parent / "link"
    link.symlink_to(music)
    assert resolve(track((link / "a.mp3").as_uri()), [link]) == music / "a.mp3"


@pytest.mark.parametrize("where", ["../secret.mp3", "out.mp3"], ids=["dots", "link"])
def test_a_file_outside_the_music_folders_is_refused(music: Path, where: str) -> None:
    (music.parent / "secret.mp3").touch()
    (music / "out.mp3").symlink_to(music.parent / "secret.mp3")
    with pytest.raises(UnplayableError, match="outside the music folder"):
        resolve(track(f"file://{music}/{where}"), [music])


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("file:///nowhere/a.mp3", "missing"),
        ("file:///nul%00/a.mp3", "missing"),
        ("http://example.org/a.mp3", "not the address of a file"),
        ("file://elsewhere/a.mp3", "not the address of a file"),
        ("spotify:track:1", "not the address of a file"),
    ],
)
def test_an_address_without_a_file_is_refused(music: Path, uri: str, why: str) -> None:
    with pytest.raises(UnplayableError, match=why):
        resolve(track(uri), [music])


@pytest.mark.parametrize("name", ["cover.jpg", "list.m3u", "folder.mp3"])
def test_what_is_no_sound_file_is_refused(music: Path, name: str) -> None:
    path = music / name
    path.mkdir() if name == "folder.mp3" else path.touch()
    with pytest.raises(UnplayableError, match="not a sound file"):
        resolve(track(path.as_uri()), [music])


@pytest.mark.parametrize(("name", "kind"), [("a.MP3", "audio/mpeg"), ("a.flac", "audio/flac"), ("a.opus", "audio/ogg")])
def test_a_browser_is_told_what_kind_of_sound_it_gets(name: str, kind: str) -> None:
    assert media_type(Path(name)) == kind


def test_a_name_that_is_not_utf8_is_found(music: Path) -> None:
    path = music / os.fsdecode(b"caf\xe9.mp3")
    path.touch()
    assert resolve(track(path.as_uri()), [music]) == path


def test_what_is_told_of_a_name_that_is_not_utf8_is_text(music: Path) -> None:
    with pytest.raises(UnplayableError, match=r"caf�\.mp3 is missing") as error:
        resolve(track((music / os.fsdecode(b"caf\xe9.mp3")).as_uri()), [music])
    assert str(error.value).encode()


@pytest.mark.parametrize("suffix", AUDIO_TYPES)
def test_every_kind_of_file_that_is_imported_is_played(music: Path, suffix: str) -> None:
    (music / f"a{suffix}").touch()
    (found,) = audio_files(music)
    assert media_type(resolve(track(found.uri), [music])) == AUDIO_TYPES[suffix]
