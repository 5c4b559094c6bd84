"""What `make run` hands on."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("value", ["0", "rtsp://user:pa$word@host/a b", "/tmp/it's here", '/tmp/"quoted" `twice`'])
def test_cameras_and_folders_may_hold_any_character(value: str) -> None:
    command = ["make", "-n", "-o", ".venv/.run", "run", f"CAMERA={value}", f"MUSIC={value}"]
    alone = {name: one for name, one in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    said = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, check=True).stdout
    given = dict(word.split("=", 1) for word in shlex.split(said.splitlines()[-1]) if word.startswith("MOODRING_"))
    assert given == {"MOODRING_CAMERA_SOURCE": value, "MOODRING_MUSIC": value}
