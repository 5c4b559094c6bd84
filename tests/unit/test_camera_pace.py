"""Which frames are looked at, and of which faces go out."""

import pytest

from services.camera.pace import SAVED_S, WATCHED_S, Limit, Pace


def looks(pace: Pace, seconds: float, *, fps: float = 5, idle: bool, cost_s: float = 0.001, start: float = 0) -> int:
    """Return how many frames of a camera are looked at."""
    done = 0
    for number in range(round(seconds * fps)):
        if pace.due(start + number / fps, idle=idle):
            pace.spend(cost_s)
            done += 1
    return done


def test_every_frame_is_looked_at_while_somebody_is_there() -> None:
    assert looks(Pace(idle_fps=1, budget=0.3), 10, idle=False) == 50


@pytest.mark.parametrize("jitter_s", [0, 0.015])
def test_one_frame_a_second_is_while_nobody_is(jitter_s: float) -> None:
    pace = Pace(idle_fps=1, budget=0.3)
    due = [pace.due(number / 5 + jitter_s * (-1) ** number, idle=True) for number in range(50)]
    assert sum(due) == 10


def test_who_looks_at_the_preview_sees_every_frame_until_a_while_after() -> None:
    pace = Pace(idle_fps=1, budget=0.3)
    assert looks(pace, 2, idle=True) == 2
    pace.watch(2)
    assert looks(pace, WATCHED_S, idle=True, start=2) == 5 * WATCHED_S


def test_a_source_that_was_just_opened_is_looked_at_at_once() -> None:
    pace = Pace(idle_fps=0.1, budget=0.3)
    assert pace.due(0, idle=True)
    assert not pace.due(0.5, idle=True)
    pace.wake()
    assert pace.due(0.6, idle=True)


@pytest.mark.parametrize(("budget", "cost_s"), [(0.1, 0.05), (0.3, 0.15), (0.05, 0.2)])
def test_the_budget_is_kept_over_time(budget: float, cost_s: float) -> None:
    done = looks(Pace(idle_fps=1, budget=budget), 200, idle=False, cost_s=cost_s)
    assert done * cost_s == pytest.approx(200 * budget, abs=2 * SAVED_S * budget + cost_s)


@pytest.mark.parametrize("to", [-1000.0, 100_000.0])
def test_a_clock_that_is_set_neither_blinds_it_nor_opens_the_budget(to: float) -> None:
    pace = Pace(idle_fps=1, budget=0.1)
    looks(pace, 20, idle=False, cost_s=0.1)
    assert 10 <= looks(pace, 10, idle=False, cost_s=0.1, start=to) <= 13


@pytest.mark.parametrize(("fps", "sent"), [(5, 50), (10, 100), (14, 100), (30, 100), (240, 100)])
def test_no_more_than_the_limit_goes_out(fps: float, sent: int) -> None:
    limit = Limit(10)
    assert sum(limit.allows(number / fps) for number in range(round(10 * fps))) == pytest.approx(sent, abs=1)


def test_without_a_limit_everything_goes_out() -> None:
    limit = Limit(None)
    assert all(limit.allows(at) for at in (0, 0, 0.001, 5, 1))


def test_a_clock_that_is_set_back_does_not_silence_it() -> None:
    limit = Limit(10)
    assert limit.allows(1000)
    assert [limit.allows(5 + tick / 100) for tick in range(3)] == [True, False, False]
