"""Which parts of the bench ask for what."""

from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.product import BenchError
from tests.bench.row import Row


@pytest.fixture(autouse=True)
def nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIP", "CLIPS", "YUNET", "FACES"):
        monkeypatch.setattr(bench, name, tmp_path / name)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "RESULT", tmp_path / "build/bench.json")


def test_moods_are_measured_without_any_clip(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_ONLY", "moods")
    monkeypatch.setattr(bench, "moods", lambda: [Row("decision_us", 120, "us")])
    assert bench.main() == 0
    assert "decision_us" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("part", "says"),
    [("path", "no clip .*BENCH_CLIP"), ("face", "there is no clip"), ("mood", "there are path")],
)
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: str, says: str) -> None:
    monkeypatch.setenv("BENCH_ONLY", part)
    with pytest.raises(BenchError, match=says):
        bench.measured(tmp_path)
