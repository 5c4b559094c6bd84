"""What a process says where its logs are read by a program."""

import json
import os
import sys
from pathlib import Path
from subprocess import run

import pytest


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"MOODRING_MUSIC": "/none"}, ["starting …", "music: there is no folder /none", "need a common broker"]),
        ({"MOODRING_MUSICK": "x"}, ["MOODRING_MUSICK is not a setting"]),
    ],
)
def test_every_line_is_json_also_those_for_people(wrong: dict[str, str], said: list[str], tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOODRING_")}
    environment |= {"MOODRING_DATA": str(tmp_path), "MOODRING_LOGS_FORM": "json", **wrong}
    command = [sys.executable, "-m", "services", "run", "player"]  # who needs the music
    done = run(command, env=environment, capture_output=True, check=False, text=True)
    lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
    assert len(lines) == len(said)
    for line, words in zip(lines, said, strict=True):
        assert words in line["message"]
    assert (done.returncode, lines[-1]["level"]) == (1, "error")
