"""State files, the command log, health and the brake for repeated lines."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from services.contracts.messages import MoodOverride, Policy, PolicyMode
from services.runtime.backoff import Backoff
from services.runtime.commands import REMEMBERED, CommandLog, DoneCommands
from services.runtime.health import Health
from services.runtime.logs import Throttle
from services.runtime.state import StateFile, UnreadableStateError

LIFT = Policy(mode=PolicyMode.LIFT)


@pytest.fixture
def file(tmp_path: Path) -> StateFile[Policy]:
    return StateFile(tmp_path / "state" / "policy.json", Policy)


def test_state_is_there_after_a_restart(file: StateFile[Policy], tmp_path: Path) -> None:
    file.save(LIFT)
    assert StateFile(tmp_path / "state" / "policy.json", Policy).load() == LIFT


def test_no_state_is_none(file: StateFile[Policy]) -> None:
    assert file.load() is None


def test_state_is_readable_by_its_owner_only(file: StateFile[Policy], tmp_path: Path) -> None:
    file.save(LIFT)
    assert (tmp_path / "state" / "policy.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("rubbish", [b"", b"{", b'{"mode": "loud"}', b"\xff"])
def test_unreadable_state_is_kept_aside_and_forgotten(file: StateFile[Policy], tmp_path: Path, rubbish: bytes) -> None:
    file.save(LIFT)
    (tmp_path / "state" / "policy.json").write_bytes(rubbish)
    assert file.load() is None
    assert (tmp_path / "state" / "policy.broken").read_bytes() == rubbish
    file.save(LIFT)
    assert file.load() == LIFT


def test_what_is_left_of_a_damaged_file_is_its_owners_too_until_nothing_is(file: StateFile[Policy]) -> None:
    assert file.read_aside() is None
    file.save(LIFT)
    file.aside.with_name("policy.json").write_bytes(b"{")
    file.load()
    assert file.read_aside() == b"{"
    file.replace_aside(b"rest")
    assert (file.read_aside(), file.aside.stat().st_mode & 0o777) == (b"rest", 0o600)
    for _ in range(2):
        file.replace_aside(None)
        assert file.read_aside() is None


def test_state_that_may_not_be_read_is_said_and_left_as_it_is(file: StateFile[Policy], tmp_path: Path) -> None:
    (tmp_path / "state" / "policy.json").mkdir(parents=True)  # what even root cannot read
    with pytest.raises(UnreadableStateError, match=r"policy\.json cannot be read \(.+\).* `moodring doctor`"):
        file.load()
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["policy.json"]


def test_half_written_state_leaves_the_old_one(file: StateFile[Policy], tmp_path: Path) -> None:
    file.save(LIFT)
    (tmp_path / "state" / "policy.new").write_bytes(b'{"mo')
    assert file.load() == LIFT


async def test_command_log_is_bounded() -> None:
    log = CommandLog(clock=lambda: datetime.now(UTC).timestamp())
    commands = [MoodOverride(mood="calm") for _ in range(REMEMBERED + 1)]
    for command in commands:
        await log.done(command)
    assert log.refusal(commands[0]) == ""
    assert log.refusal(commands[1]) == "it was done before"


async def test_command_log_survives_a_restart(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "commands.json", DoneCommands)
    command = MoodOverride(mood="calm")
    await CommandLog(file).done(command)
    assert CommandLog(file).refusal(command)


async def test_command_log_that_cannot_be_kept_still_knows_what_was_done(tmp_path: Path) -> None:
    (tmp_path / "commands.new").mkdir()  # where the new file would be written
    log = CommandLog(StateFile(tmp_path / "commands.json", DoneCommands))
    command = MoodOverride(mood="calm")
    await log.done(command)
    assert log.refusal(command)


def test_backoff_doubles_up_to_its_bound_and_begins_again() -> None:
    backoff = Backoff(1, 4, Random(1))
    waits = [backoff.next_s() for _ in range(4)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, (1, 2, 4, 4), strict=True))
    backoff.reset()
    assert backoff.next_s() <= 1


def test_health_tells_of_changes_only() -> None:
    health, told = Health(), []
    health.listen(lambda: told.append(health.problems))
    for problem in ("away", "away", "still away", "", ""):
        health.report("broker", problem)
    assert told == [{"broker": "away"}, {"broker": "still away"}, {}]


def test_throttle_lets_a_line_through_once_a_minute_and_counts() -> None:
    times = iter([0.0, 1.0, 59.0, 60.0, 61.0, 61.0])
    throttle = Throttle(clock=lambda: next(times))
    assert [throttle.count("same") for _ in range(5)] == [1, 0, 0, 3, 0]
    assert throttle.count("other") == 1
