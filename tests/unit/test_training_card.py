"""The model card's figures are those that were measured of the released version."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.product import ROOT
from training.card import BEGIN, CARD, END, percent, put, tables, write
from training.versions import VERSIONS, released


@pytest.fixture
def metrics() -> dict[str, Any]:
    version = released(ROOT / VERSIONS)
    measured: dict[str, Any] = json.loads((version / "model.json").read_text())["metrics"]
    return measured


def test_the_card_holds_what_was_measured(metrics: dict[str, Any]) -> None:
    card = (ROOT / CARD).read_text()
    assert put(card, metrics) == card, "run `python -m training.card`"
    assert percent(metrics["accuracy"]) in card
    assert f"version {released(ROOT / VERSIONS).name}" in card.splitlines()[0]


def test_other_figures_make_another_card(metrics: dict[str, Any]) -> None:
    metrics["int8"]["recall"]["sad"]["value"] = 0.1234
    assert "| 12.3 % (" in tables(metrics)
    assert put(f"before\n{BEGIN}old\n{END}after", metrics) == f"before\n{BEGIN}{tables(metrics)}{END}after"


def test_a_version_without_eight_bits_has_one_column_less(metrics: dict[str, Any]) -> None:
    del metrics["int8"], metrics["precision"]["contemptuous"]
    shown = tables(metrics)
    assert "eight bits" not in shown
    assert "| never said |" in shown


def test_a_card_is_replaced_whole_and_one_without_a_place_is_left(metrics: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps({"metrics": metrics}))
    card = tmp_path / "CARD.md"
    card.write_text(f"before\n{BEGIN}{END}after")
    write(tmp_path, card)
    assert card.read_text() == f"before\n{BEGIN}{tables(metrics)}{END}after"
    card.write_text("no place")
    with pytest.raises(SystemExit, match="needs the lines"):
        write(tmp_path, card)
    assert card.read_text() == "no place"
