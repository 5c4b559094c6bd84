"""The player with a real MPD, silent."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from services.contracts.messages import EventType, Playback, Track
from services.player.backends.mpd_link import MpdLink
from services.player.service import PlayerService, build
from services.runtime.settings import Player, Settings
from tests.player_doubles import Mpd, playing, settings, until, write_song


@pytest.fixture
def songs(tmp_path: Path) -> list[Track]:
    return [write_song(tmp_path / "songs", number, 60) for number in (1, 2)]


@pytest.fixture
def mpd(tmp_path: Path, songs: list[Track]) -> Iterator[Mpd]:
    assert songs
    with Mpd(tmp_path / "mpd", tmp_path / "songs") as mpd:
        yield mpd


def renamed(track: Track, name: str) -> Track:
    path = Path(unquote(urlsplit(track.uri).path))
    return track.model_copy(update={"uri": path.rename(path.with_name(name)).as_uri()})


def at_mpd(tmp_path: Path, mpd: Mpd) -> PlayerService:
    return build(settings(tmp_path, mpd.url))


async def test_music_goes_on_when_mpd_restarts(tmp_path: Path, mpd: Mpd, songs: list[Track]) -> None:
    service = at_mpd(tmp_path, mpd)
    async with playing(service) as room:
        room.play(*songs)
        await room.plays(songs[0])
        room.tell("seek", 20)
        await room.until(lambda state: state.position_s >= 20)
        mpd.stop()
        away = await room.until(lambda state: state.playback is Playback.PAUSED)
        assert "MPD" in service.health.problems["mpd"]
        mpd.start()
        back = await room.plays(songs[0])
        assert 20 <= away.position_s <= back.position_s < 30
        assert service.health.problems == {}
        assert [event.type for event in room.events] == [EventType.TRACK_STARTED]


async def test_a_name_that_is_not_utf8_is_a_problem_and_the_next_song_plays(
    tmp_path: Path, mpd: Mpd, songs: list[Track]
) -> None:
    odd = renamed(write_song(tmp_path / "songs", 9, 60), os.fsdecode(b"caf\xe9.wav"))
    async with playing(at_mpd(tmp_path, mpd)) as room:
        room.play(odd, songs[0])
        await room.plays(songs[0])
        problem = await room.event(EventType.PROBLEM)
    assert "not UTF-8" in str(problem.after)


async def test_commands_given_while_mpd_is_away_hold_when_it_is_back(
    tmp_path: Path, mpd: Mpd, songs: list[Track]
) -> None:
    mpd.stop()
    async with playing(at_mpd(tmp_path, mpd)) as room:
        room.play(*songs)
        room.tell("next")
        room.tell("volume", 20)
        await room.until(lambda state: state.volume == 20)
        mpd.start()
        state = await room.plays(songs[1])
        assert state.volume == 20


async def test_songs_follow_each_other_in_mpd(tmp_path: Path, mpd: Mpd) -> None:
    short = [write_song(tmp_path / "songs", number, 0.4) for number in (5, 6)]
    async with playing(at_mpd(tmp_path, mpd)) as room:
        room.play(*short)
        await room.plays(short[1])
        await room.until(lambda state: state.playback is Playback.STOPPED)
    assert [event.type for event in room.events] == [EventType.TRACK_STARTED, EventType.TRACK_FINISHED] * 2


async def test_a_song_outside_the_music_directory_of_mpd_is_a_problem_that_names_the_setting(
    tmp_path: Path, mpd: Mpd, songs: list[Track]
) -> None:
    elsewhere = write_song(tmp_path / "elsewhere", 9, 60)
    service = build(Settings(data=tmp_path, music=tmp_path / "elsewhere", player=Player(backend=mpd.url)))
    async with playing(service) as room:
        room.play(elsewhere, songs[0])
        await room.plays(songs[0])
        problem = await room.event(EventType.PROBLEM)
    assert problem.after
    assert "player.mpd_music" in str(problem.after["text"])


async def test_a_wrong_password_is_reported_without_telling_it(tmp_path: Path, mpd: Mpd) -> None:
    service = build(settings(tmp_path, mpd.url.replace("//", "//secret@")))
    async with playing(service):

        async def reported() -> bool:
            return "incorrect password" in service.health.problems.get("mpd", "")

        await until(reported)
    assert "secret" not in service.health.problems["mpd"]


async def test_an_mpd_that_takes_no_orders_is_reported_with_what_to_do_until_it_takes_them(
    tmp_path: Path, songs: list[Track]
) -> None:
    reads_only = 'default_permissions "read"\npassword "key@read,control,add"'
    with Mpd(tmp_path / "mpd", tmp_path / "songs", reads_only) as mpd:
        service = at_mpd(tmp_path, mpd)
        async with playing(service) as room:
            room.play(*songs)

            async def reported() -> bool:
                return "player.backend" in service.health.problems.get("mpd", "")

            await until(reported)
            assert room.state.current
        key = build(settings(tmp_path, mpd.url.replace("//", "//key@")))
        async with playing(key) as room:
            await room.plays(songs[0])
            await until(lambda: _is_well(key))


async def _is_well(service: PlayerService) -> bool:
    return service.health.problems == {}


async def test_mpd_is_silent_when_the_player_ends(tmp_path: Path, mpd: Mpd, songs: list[Track]) -> None:
    link = await MpdLink.open("127.0.0.1", mpd.port, None)

    async def plays() -> bool:
        return (await link.ask(("status",)))["state"] == "play"

    async with playing(at_mpd(tmp_path, mpd)) as room:
        room.play(*songs)
        await until(plays)
    assert not await plays()
    await link.close()
