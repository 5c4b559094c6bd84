"""`moodring record`, at a real broker."""

from argparse import Namespace
from pathlib import Path

import pytest

from services.aggregator.commands import record
from services.runtime.connection_settings import Mqtt
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from tests.servers import Mosquitto


def run(file: Path, url: str, room: str | None = None) -> tuple[int, list[str]]:
    said: list[str] = []
    options = Namespace(file=file, room=room, minutes=0.001, megabytes=1)
    return record(options, Settings(mqtt=Mqtt(url=url)), said.append), said


def test_a_recording_of_nothing_leaves_no_file_and_says_so(mosquitto: Mosquitto, tmp_path: Path) -> None:
    code, said = run(tmp_path / "room.jsonl", mosquitto.url, room="attic")
    assert (code, list(tmp_path.glob("*.jsonl"))) == (1, [])
    assert said[-1].startswith("nothing was heard of the room attic, so there is no ")


def test_a_room_that_cannot_be_called_so_is_said(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"no room can be called 'Attic' .*; attic can"):
        run(tmp_path / "room.jsonl", mosquitto.url, room="Attic")
