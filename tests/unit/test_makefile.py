"""What `make` hands on."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def printed(*arguments: str, made: str) -> str:
    """Return the last line that `make` would run."""
    alone = {name: one for name, one in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "HOURS"}}
    command = ["make", "-n", "-o", made, *arguments]
    said = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, check=True).stdout
    return said.splitlines()[-1]


@pytest.mark.parametrize("value", ["0", "rtsp://user:pa$word@host/a b", "/tmp/it's here", '/tmp/"quoted" `twice`'])
def test_cameras_and_folders_may_hold_any_character(value: str) -> None:
    line = printed("run", f"CAMERA={value}", f"MUSIC={value}", made=".venv/.run")
    given = dict(word.split("=", 1) for word in shlex.split(line) if word.startswith("MOODRING_"))
    assert given == {"MOODRING_CAMERA_SOURCE": value, "MOODRING_MUSIC": value}


@pytest.mark.parametrize(("given", "handed_on"), [([], []), (["HOURS=10"], ["--hours", "10"])])
def test_the_table_is_of_as_many_hours_as_are_asked_for(given: list[str], handed_on: list[str]) -> None:
    words = shlex.split(printed("mood-table", *given, made=".venv/.dev"))
    assert words[1:] == ["-m", "tests.bench.mood", *handed_on]
