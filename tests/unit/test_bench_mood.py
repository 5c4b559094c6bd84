"""The table of rules: what other projects' rules do, and what the table says of them."""

import json
import statistics
from pathlib import Path

import pytest

from services.aggregator import decision, likelihood
from services.aggregator.measures import Tally
from services.contracts import agreement
from services.contracts.moods import UNKNOWN
from services.runtime.mood_settings import Aggregator
from tests.bench import mood, mood_docs, taught, tuning
from tests.bench.mood import hour_of_all, hour_of_ours, merged, row, text
from tests.bench.rules import MEDIAN_ENOUGH, AverageOf, CumulativeCounter, ModeOf, Rule, all_rules
from tests.bench.tuning import cost
from tests.unit.aggregator_doubles import START, seen, sure


def shown(rule: Rule, faces: str) -> str:
    words = {"h": "happy", "s": "sad", "a": "angry"}
    for second, face in enumerate(faces):
        rule.observe(seen(START + second, words[face]))
    return rule.mood(START + len(faces))


@pytest.mark.parametrize(
    ("rule", "faces", "word"),
    [
        (CumulativeCounter(), "hhhhssss" + "h", "happy"),
        (ModeOf(1), "hhhhs", "sad"),
        (ModeOf(4), "hhhhsss", "sad"),
        (AverageOf(3), "hhhhss", "sad"),
        (AverageOf(3), "hhhhs", "happy"),
        (CumulativeCounter(), "", UNKNOWN),
        (AverageOf(3), "", UNKNOWN),
    ],
)
def test_what_a_rule_says(rule: Rule, faces: str, word: str) -> None:
    assert shown(rule, faces) == word


def test_a_median_below_its_threshold_is_unknown() -> None:
    rule = AverageOf(5, statistics.median, MEDIAN_ENOUGH)
    rule.observe(seen(START, sure("happy", 0.4)))
    assert rule.mood(START + 1) == UNKNOWN


def test_our_rule_comes_first() -> None:
    assert next(iter(all_rules(Aggregator()))) == "moodring"


def test_the_table_says_never_where_changes_were_missed() -> None:
    tally = Tally(3, {"sad": 0.9})
    tally.add(["happy"] * 5 + ["sad"] * 5, ["happy"] * 10)
    one = row("stubborn", tally)
    assert (one["recognised_in_time"], one["time_wrong"], one["delay_p95_s"]) == (0, 0.5, None)
    assert "never" in text([one])
    assert cost(tally) > 1


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the table is written; it takes no time to measure."""
    made = Tally(28, {}, seconds=7200)
    monkeypatch.setattr(mood, "ROOT", tmp_path)
    monkeypatch.setattr(mood, "RESULT", tmp_path / "build/mood.json")
    monkeypatch.setattr(mood, "table", lambda *_: [row("moodring", made)])
    return tmp_path / "build/mood.json"


def test_the_table_says_what_it_is_of(result: Path) -> None:
    assert mood.main(["--hours", "2"]) == 0
    [one] = json.loads(result.read_text())
    assert (one["rule"], one["hours"], one["seed"]) == ("moodring", 2, mood.SEED)


def test_a_trial_is_printed_and_leaves_the_table(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mood.main(["--hours", "2", "--set", "dwell_s=5"]) == 0
    assert not result.exists()
    assert "written nowhere, as it is of dwell_s=5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hours", "0"], "mood-table: --hours 0: it has to be 1 or more\n"),
        (["--hours", "-1"], "mood-table: --hours -1: it has to be 1 or more\n"),
        (
            ["--set", "leave_confidence=1"],
            "mood-table: --set leave_confidence=1: it is above enter_confidence (0.99): ",
        ),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_line(
    result: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert mood.main(arguments) == 1
    assert capsys.readouterr().out.startswith(said)
    assert not result.exists()


def test_our_rule_does_not_flap_in_the_first_simulated_hours() -> None:
    found = merged(hour_of_ours(Aggregator(), number) for number in range(2))["moodring"]
    assert found.flaps == 0
    assert found.time_wrong <= 0.02


def test_folded_moods_are_compared_with_folded_truths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.mood.HOUR_S", 900)
    found = hour_of_all(Aggregator(fold="quadrants"), 0)
    assert found["moodring"].time_wrong <= 0.05
    assert found["moodring"].delays
    assert found["last frame"].time_wrong <= 0.5


def test_a_room_that_was_taught_nothing_does_as_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.taught.HOUR_S", 900)
    monkeypatch.setattr("tests.bench.mood.HOUR_S", 900)
    [table] = merged(hour_of_ours(Aggregator(), number) for number in range(4)).values()
    assert taught.measure(taught.TEACHINGS[0], 1.0, 4) == table


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_our_rule_keeps_its_promises_over_simulated_hours() -> None:
    found = merged(hour_of_ours(Aggregator(), number) for number in range(12))["moodring"]
    assert found.recognised_in_time >= 0.95
    assert found.time_wrong <= 0.02
    assert found.flaps == 0
    assert found.late_per_hour <= 0.1


def test_the_table_comes_into_the_documentation_in_the_place_of_the_one_before(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "moods.md"
    page.write_text(mood_docs.PAGE.read_text())
    assert mood_docs.main(page) == 1
    assert "make it first: make mood-table" in capsys.readouterr().out
    mood.main(["--hours", "2"])
    assert [mood_docs.main(page), mood_docs.main(page)] == [0, 0]
    before, after = mood_docs.PAGE.read_text(), page.read_text()
    assert after.startswith(before.partition(mood_docs.BEGIN)[0])
    assert after.endswith(before.partition(mood_docs.END)[2])
    assert "`make mood-table HOURS=2`, seed 20261121" in after
    assert "| moodring | 2 | 0.00 | 0.00 | 0.0 % | 0.0 % | 0.0 % | never | 0.0 |" in after


def test_the_documented_table_is_of_many_hours_and_all_rules_and_rooms() -> None:
    shown = mood_docs.PAGE.read_text().partition(mood_docs.BEGIN)[2].partition(mood_docs.END)[0]
    named = [line.split(" | ")[0].removeprefix("| ") for line in shown.splitlines()[4:]]
    assert named == [*all_rules(Aggregator()), "ours, streams kept apart", *mood.ELSEWHERE, *mood.OTHERWISE]


@pytest.mark.parametrize("number", [4, 6])
def test_what_is_tuned_is_what_the_product_decides_in_the_usual_room_and_others(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.bench.tuning.HOUR_S", 600)
    monkeypatch.setattr("tests.bench.mood.HOUR_S", 600)
    monkeypatch.setattr(decision, "STANDS_OUT", decision.STANDS_OUT)  # which tuning changes
    product = hour_of_ours(Aggregator(), number, tuning.played(number))["moodring"]
    keys = tuple((key, tuning.present(key)) for key in (*tuning.BELIEVED, *tuning.DECIDED))
    found = tuning.hour(keys, number)
    assert found[keys] == product
    assert len(found) > len(tuning.DECIDED)


def test_constants_that_are_tuned_take_effect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, key in ((likelihood, "SHRINK"), (decision, "STANDS_OUT"), (agreement, "DOUBTED")):
        monkeypatch.setattr(module, key, getattr(module, key))
    before = likelihood.scale_of(0)
    tuning.configured((("SHRINK", 1.0), ("STANDS_OUT", 3.0), ("DOUBTED", 0.2), ("dwell_s", 5.0)))
    assert likelihood.scale_of(0) != before
    assert (decision.STANDS_OUT, agreement.DOUBTED) == (3.0, 0.2)
    monkeypatch.undo()
    likelihood.forget_scales()
    assert likelihood.scale_of(0) == before
