"""`moodring record`, at a real broker."""

import math
from argparse import Namespace
from pathlib import Path

import pytest

from services.aggregator.commands import record
from services.runtime.connection_settings import Mqtt
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from tests.servers import Mosquitto


def run(
    file: Path, url: str, room: str | None = None, minutes: float = 0.001, megabytes: float = 1
) -> tuple[int, list[str]]:
    said: list[str] = []
    options = Namespace(file=file, room=room, minutes=minutes, megabytes=megabytes)
    return record(options, Settings(mqtt=Mqtt(url=url)), said.append), said


def test_a_recording_of_nothing_leaves_no_file_and_says_so(mosquitto: Mosquitto, tmp_path: Path) -> None:
    code, said = run(tmp_path / "room.jsonl", mosquitto.url, room="attic")
    assert (code, list(tmp_path.glob("*.jsonl"))) == (1, [])
    assert said[-1].startswith("nothing was heard of the room attic, so there is no ")
    assert said[-1].endswith("; --room names another room")


def test_a_broker_that_went_away_is_no_room_that_is_silent(mosquitto: Mosquitto, tmp_path: Path) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("recording"):
            mosquitto.stop()

    options = Namespace(file=tmp_path / "room.jsonl", room="attic", minutes=0.05, megabytes=1)
    assert record(options, Settings(mqtt=Mqtt(url=mosquitto.url)), say) == 1
    assert said[-1].endswith("; the broker was away")


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_nothing_is_recorded_in_no_time_or_no_space(tmp_path: Path, value: float) -> None:
    with pytest.raises(SetupError, match=f"--minutes {value:g}: it has to be a number above 0"):
        run(tmp_path / "room.jsonl", "mqtt://127.0.0.1:1", minutes=value)
    with pytest.raises(SetupError, match=f"--megabytes {value:g}: it has to be a number above 0"):
        run(tmp_path / "room.jsonl", "mqtt://127.0.0.1:1", megabytes=value)
    assert not (tmp_path / "room.jsonl").exists()


def test_a_room_that_cannot_be_called_so_is_said(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"no room can be called 'Attic' .*; attic can"):
        run(tmp_path / "room.jsonl", mosquitto.url, room="Attic")
