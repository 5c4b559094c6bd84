"""The player with a real mpv, silent."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from services.contracts.messages import EventType, Playback
from services.player.service import build
from tests.player_doubles import Room, playing, settings, until, write_song


def mpv_processes() -> list[int]:
    return [child.pid for child in psutil.Process().children() if child.name() == "mpv"]


async def reaches(room: Room, position_s: float) -> None:
    async def reached() -> bool:
        state = room.service.state()
        return state.backend == "mpv" and state.position_s >= position_s

    await until(reached)


async def test_music_goes_on_when_mpv_dies(tmp_path: Path) -> None:
    songs = [write_song(tmp_path / "songs", number, 60) for number in (1, 2)]
    async with playing(build(settings(tmp_path, "mpv:?ao=null"))) as room:
        room.play(*songs)
        await room.plays(songs[0])
        room.tell("seek", 20)
        await reaches(room, 20.3)
        (first,) = mpv_processes()
        os.kill(first, signal.SIGKILL)
        await room.until(lambda state: state.playback is Playback.PAUSED)
        state = await room.plays(songs[0])
        assert 20 <= state.position_s < 30
        await reaches(room, state.position_s + 0.3)
        assert mpv_processes() != [first]
        assert "mpv" not in room.service.health.problems
        assert [event.type for event in room.events] == [EventType.TRACK_STARTED]


async def test_an_mpv_that_died_leaves_the_song_to_the_silent_clock_until_it_is_back(tmp_path: Path) -> None:
    song = write_song(tmp_path / "songs", 1, 60)
    async with playing(build(settings(tmp_path, "auto"))) as room:
        room.play(song)
        await reaches(room, 0.3)
        (first,) = mpv_processes()
        os.kill(first, signal.SIGKILL)
        await room.until(lambda state: state.backend == "null")
        await room.until(lambda state: state.backend == "mpv")
        await reaches(room, 0.6)
        assert room.state.current
        assert room.state.current.track == song


async def test_songs_follow_each_other_and_a_broken_one_is_passed_over(tmp_path: Path) -> None:
    songs = [write_song(tmp_path / "songs", number, 0.4) for number in (1, 2, 3)]
    next((tmp_path / "songs").glob("song 2*")).write_text("no sound")
    async with playing(build(settings(tmp_path, "mpv:?ao=null"))) as room:
        room.play(*songs)
        await room.plays(songs[2])
        await room.until(lambda state: state.playback is Playback.STOPPED)
        problem = await room.event(EventType.PROBLEM)
    assert problem.after
    assert "mpv" in str(problem.after["text"])
    finished = [event.after for event in room.events if event.type is EventType.TRACK_FINISHED]
    assert len(finished) == 2


async def test_no_mpv_is_left_behind(tmp_path: Path) -> None:
    song = write_song(tmp_path / "songs", 1, 60)
    async with playing(build(settings(tmp_path, "mpv:?ao=null"))) as room:
        room.play(song)
        await reaches(room, 0.1)
        assert len(mpv_processes()) == 1
    assert mpv_processes() == []


async def test_an_mpv_that_cannot_be_started_leaves_the_music_to_the_silent_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "mpv").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "mpv").chmod(0o700)
    song = write_song(tmp_path / "songs", 1, 60)
    async with playing(build(settings(tmp_path, "auto"))) as room:
        room.play(song)
        state = await room.plays(song)
        assert state.backend == "null"

        async def reported() -> bool:
            return "mpv" in room.service.health.problems

        await until(reported)
