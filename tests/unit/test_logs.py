"""What a process says where its logs are read by a program."""

import json
import os
import sys
from pathlib import Path
from subprocess import PIPE, CompletedProcess, run

import pytest


def said_by(*arguments: str, **variables: str) -> CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOODRING_")}
    environment |= {"MOODRING_LOGS_FORM": "json", **variables}
    command = [sys.executable, "-m", "services", *arguments]
    return run(command, env=environment, capture_output=True, check=False, text=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"MOODRING_MUSIC": "/none"}, ["starting …", "music: there is no folder /none", "need a common broker"]),
        ({"MOODRING_MUSICK": "x"}, ["MOODRING_MUSICK is not a setting"]),
    ],
)
def test_every_line_is_json_also_those_for_people(wrong: dict[str, str], said: list[str], tmp_path: Path) -> None:
    done = said_by("run", "player", MOODRING_DATA=str(tmp_path), **wrong)  # who needs the music
    lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
    assert len(lines) == len(said)
    for line, words in zip(lines, said, strict=True):
        assert words in line["message"]
    assert (done.returncode, lines[-1]["level"]) == (1, "error")


@pytest.mark.parametrize("by_itself", ["first-start", "demo-songs", "migrate"])
def test_what_a_container_runs_once_is_logged_as_json_too(by_itself: str, tmp_path: Path) -> None:
    for name in ("mosquitto", "songs"):
        (tmp_path / name).mkdir()
    folder = [str(tmp_path)] if by_itself == "first-start" else []
    data = {"MOODRING_DATA": str(tmp_path), "MOODRING_MUSIC": str(tmp_path) if by_itself == "demo-songs" else ""}
    for wrong in ({}, {"MOODRING_CAMERA_FPS": "many"}):
        done = said_by(by_itself, *folder, **data, **wrong)
        lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
        assert lines or not wrong
        assert done.returncode == (1 if wrong else 0), lines
    assert "camera.fps (MOODRING_CAMERA_FPS) is wrong" in lines[-1]["message"]


def test_a_reader_that_has_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run([sys.executable, "-m", "services", "config"], stdout=writing, stderr=PIPE, check=False, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_what_is_typed_answers_in_lines_for_people() -> None:
    done = said_by("config", MOODRING_MUSICK="x")
    assert done.returncode == 1
    assert done.stderr.startswith("moodring: the environment variable MOODRING_MUSICK is not a setting")
