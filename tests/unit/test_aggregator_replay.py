"""A recording decided afresh, and what the command line makes of it."""

import math
import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.aggregator.commands import replay_file, simulate_file
from services.aggregator.lesson import lesson
from services.aggregator.plots import MOST_POINTS, colours_of, thinned
from services.aggregator.recording import Line, read, seen
from services.aggregator.replay import replay
from services.contracts.colours import colour, hexadecimal, mood_colour
from services.contracts.messages import CameraState
from services.contracts.moods import EXPRESSIONS, NOBODY, UNKNOWN
from services.runtime.mood_settings import Aggregator, MoodRules
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from tests.unit import aggregator_doubles as doubles
from tests.unit.aggregator_doubles import FPS, START, Scene
from tests.unit.test_aggregator_calibration import SAD_AT_REST, measured


def filmed(seconds: int, face: str | dict[str, float] = "happy", *, start: float = START) -> Iterator[Line]:
    """Yield the lines of a face before a working camera."""
    for frame in range(1, seconds * FPS + 1):
        at = start + frame / FPS
        if frame % (10 * FPS) == 1:
            yield Line(heard_at=at, room="home", camera="camera", state=CameraState.OK)
        yield seen("home", "camera", [doubles.seen(at, face)], at)


def test_a_replay_decides_as_the_live_room_did() -> None:
    scene = Scene()
    after_s = scene.until("happy", "happy")
    looks = list(replay(filmed(30), Aggregator()))
    first = next(look for look in looks if look.mood.mood == "happy")
    assert first.at - START == pytest.approx(after_s, abs=1.5)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A minute of a face that looks sad when it rests."""
    file = tmp_path / "recorded.jsonl"
    file.write_text("".join(line.written() for line in filmed(60, SAD_AT_REST)))
    return file


def test_a_replay_decides_as_the_live_room_that_was_taught_did(recorded: Path, tmp_path: Path) -> None:
    scene = measured(Scene(), SAD_AT_REST)
    (tmp_path / "taught.json").write_text(lesson(scene.room).model_dump_json())
    *_, taught = run(replay_file, recorded, calibration=tmp_path / "taught.json")
    *_, untaught, said = run(replay_file, recorded)
    assert scene.play(60, SAD_AT_REST) in taught
    assert ("sad" in taught, "sad" in untaught) == (False, True)
    assert said.startswith("decided as in a room that was taught nothing")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "taught.json cannot be read: No such file or directory"),
        ('{"detail": "nothing is known of a room hom"}', "taught.json: baseline: Field required; it has to be what"),
    ],
)
def test_a_calibration_that_is_none_is_refused(recorded: Path, tmp_path: Path, text: str | None, says: str) -> None:
    if text:
        (tmp_path / "taught.json").write_text(text)
    with pytest.raises(SetupError, match=re.escape(says)):
        run(replay_file, recorded, calibration=tmp_path / "taught.json")


def test_a_long_silence_is_skipped() -> None:
    lines = [*filmed(20), *filmed(20, start=START + 1_000_000)]
    assert len(list(replay(lines, Aggregator()))) < 1000


def test_somebody_who_left_is_nobody_before_the_silence_is_skipped() -> None:
    here = Line(heard_at=START + 40, room="home", camera="camera", state=CameraState.OK)
    lines = [*filmed(20), here, here.model_copy(update={"heard_at": START + 60})]
    assert list(replay(lines, Aggregator()))[-1].mood.mood == NOBODY


@pytest.mark.parametrize(
    ("rules", "seconds", "before"),
    [(MoodRules(window_s=900), 60, "happy"), (MoodRules(dwell_s=900), 0, NOBODY)],
    ids=["window", "dwell"],
)
def test_a_silence_is_skipped_only_once_nothing_changes_any_more(rules: MoodRules, seconds: int, before: str) -> None:
    here = [Line(heard_at=START + at, room="home", camera="camera", state=CameraState.OK) for at in (1, 20, 40, 4000)]
    lines = sorted([*filmed(seconds), *here], key=lambda line: line.heard_at)
    moods = [look.mood.mood for look in replay(lines, rules) if START + 600 < look.at < START + 4000]
    assert (moods[0], moods[-1]) == (before, UNKNOWN)


def test_a_clock_set_back_by_a_day_does_not_end_the_replay() -> None:
    looks = list(replay([*filmed(20), *filmed(60, "sad", start=START - 86_400)], Aggregator()))
    assert looks[-1].at < START
    assert looks[-1].mood.mood == "sad"


def run(command: Any, file: Path, **options: Any) -> list[str]:
    said: list[str] = []
    command(asked(file, **options), Settings(), said.append)
    return said


def asked(file: Path, **options: Any) -> Namespace:
    given: dict[str, Any] = {"room": None, "plot": None, "calibration": None, "set": [], "hours": 0.1, "seed": 1}
    return Namespace(file=file, **given | options)


@pytest.fixture
def simulated(tmp_path: Path) -> Path:
    run(simulate_file, tmp_path / "room.jsonl")
    return tmp_path / "room.jsonl"


def test_a_replay_tells_decisions_and_how_true_they_are(simulated: Path) -> None:
    *decisions, shares, truth = run(replay_file, simulated)
    assert any("truly" in line for line in decisions)
    assert "361 s: " in shares
    assert "flaps an hour" in truth
    assert "changes recognised within 29 s" in truth


def test_a_replay_is_drawn(simulated: Path, tmp_path: Path) -> None:
    run(replay_file, simulated, plot=tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("attic/out.png", "there is no folder .*attic; make it first"),
        ("out.jpg", "its name has to end in .png"),
        ("out", "its name has to end in .png"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_before_anything_is_read(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        run(replay_file, tmp_path / "no.jsonl", plot=tmp_path / name)


def test_moods_are_drawn_in_the_colours_of_the_dashboard(tmp_path: Path) -> None:
    looks = list(replay([*filmed(30), *filmed(30, "sad", start=START + 30)], Aggregator(fold="quadrants")))
    places = Aggregator(fold="quadrants").points
    assert colours_of(looks, places)["low"] == hexadecimal(colour(places["low"]))
    plain = list(replay(filmed(30), Aggregator()))
    assert colours_of(plain, Aggregator().points) == {
        mood: hexadecimal(mood_colour(mood)) for mood in (*EXPRESSIONS, UNKNOWN)
    }


@pytest.mark.parametrize("seconds", [1, MOST_POINTS - 1, MOST_POINTS, MOST_POINTS + 1, 2 * MOST_POINTS - 1, 10**5])
def test_a_picture_has_so_many_points_at_most(seconds: int) -> None:
    [look] = replay(filmed(1), Aggregator())
    assert min(seconds, MOST_POINTS) / 2 <= len(thinned([look] * seconds)) <= MOST_POINTS


def test_another_setting_can_be_tried(simulated: Path) -> None:
    assert all("neutral" not in line[:40] for line in run(replay_file, simulated, set=["enter_confidence=1"])[:-2])


def test_folded_moods_are_compared_with_folded_truths(tmp_path: Path) -> None:
    run(simulate_file, tmp_path / "room.jsonl", set=["hold_s=100"])
    *decisions, _, truth = run(replay_file, tmp_path / "room.jsonl", set=["fold=quadrants"])
    truths = {line.partition("truly ")[2] for line in decisions if "truly" in line}
    assert truths <= {"pleasant", "tense", "low", "calm"}
    wrong = re.search(r"wrong ([\d.]+)%", truth)
    assert wrong
    assert float(wrong[1]) < 20
    assert "changes recognised" in truth


def test_a_room_is_replayed_by_its_own_settings(simulated: Path) -> None:
    slow = Settings(aggregator=Aggregator(rooms={"home": MoodRules(dwell_s=3600)}))
    said: list[str] = []
    replay_file(asked(simulated, set=["window_s=10"]), slow, said.append)
    assert said[-2] == "361 s: unknown 100%"


def test_a_simulated_room_can_be_another(tmp_path: Path) -> None:
    lively, calm = tmp_path / "lively.jsonl", tmp_path / "calm.jsonl"
    run(simulate_file, lively, set=["hold_s=10"])
    run(simulate_file, calm, set=["hold_s=100000"])
    assert lively.read_text().count('"truth":"') > 10 > calm.read_text().count('"truth":"')


def test_a_simulated_room_has_the_name_that_is_asked_for(tmp_path: Path) -> None:
    run(simulate_file, tmp_path / "room.jsonl", room="kitchen")
    assert {line.room for line in read((tmp_path / "room.jsonl").open("rb"))} == {"kitchen"}


def test_a_simulated_room_whose_name_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="Küche"):
        run(simulate_file, tmp_path / "room.jsonl", room="Küche")
    assert not (tmp_path / "room.jsonl").exists()


def test_two_who_differ_are_of_one_mood_where_a_replay_folds_them_to_it(tmp_path: Path) -> None:
    guests = ["guest_agrees=false", "guest_every_s=60", "mix={happy: 1, surprised: 1}"]
    run(simulate_file, tmp_path / "room.jsonl", set=guests)
    assert any("truly unknown" in line for line in run(replay_file, tmp_path / "room.jsonl"))
    *decisions, shares, _ = run(replay_file, tmp_path / "room.jsonl", set=["fold=quadrants"])
    assert {line.partition("truly ")[2] for line in decisions} == {"pleasant"}
    assert "pleasant 9" in shares


def test_a_simulated_room_has_the_moods_that_are_asked_for(tmp_path: Path) -> None:
    run(simulate_file, tmp_path / "room.jsonl", set=["mix={happy: 1, sad: 2}", "hold_s=20"])
    truths = {line.truth for line in read((tmp_path / "room.jsonl").open("rb")) if line.truth}
    assert truths == {("happy",), ("sad",)}


@pytest.mark.parametrize(
    "setting",
    [
        "hold=3",
        "hold_s=long",
        "hold_s=0",
        "lost=2",
        "mix={happy: 1}",
        "mix={joy: 1, sad: 1}",
        "mix={happy: -1}",
        "mix={happy: 1e308, sad: 1e308}",
        "quality=[0.9, 0.1]",
        "turned_quality=[0.9, 0.1]",
        "flash_s=[4, 1]",
        "mix={",
        "mix={happy:1, sad:1}",
    ],
)
def test_a_scenario_that_is_none_is_named(tmp_path: Path, setting: str) -> None:
    with pytest.raises(SetupError, match="--set " + setting.partition("=")[0]):
        run(simulate_file, tmp_path / "room.jsonl", set=[setting])
    assert not (tmp_path / "room.jsonl").exists()


def test_a_blank_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"mix={happy:1}: there has to be a blank after each colon, as in happy: 1"):
        run(simulate_file, tmp_path / "room.jsonl", set=["mix={happy:1}"])


@pytest.mark.parametrize(("hours", "said"), [(0.1, "0.1 simulated hours: "), (1, "1 simulated hour: ")])
def test_what_was_simulated_is_counted_in_plain_words(tmp_path: Path, hours: float, said: str) -> None:
    assert run(simulate_file, tmp_path / "room.jsonl", hours=hours)[-1].startswith(said)


@pytest.mark.parametrize("hours", [0, -1, math.nan, math.inf, 1e9])
def test_hours_that_cannot_be_simulated_are_named_with_their_bounds(tmp_path: Path, hours: float) -> None:
    with pytest.raises(SetupError, match=re.escape(f"--hours {hours:g}: it has to be from 0.001 to 168, at 5 ")):
        run(simulate_file, tmp_path / "room.jsonl", hours=hours)
    assert not (tmp_path / "room.jsonl").exists()


def test_more_frames_a_second_leave_fewer_hours(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"--hours 10: it has to be from 0\.001 to 3\.5, at 240 frames a second"):
        run(simulate_file, tmp_path / "room.jsonl", hours=10, set=["fps=240"])


def test_a_seed_below_zero_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="--seed -1: it has to be 0 or more"):
        run(simulate_file, tmp_path / "room.jsonl", seed=-1)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("dwel_s=3", "dwel_s=3"),
        ("dwell_s=soon", "dwell_s=soon"),
        ("leave_confidence=1", r"^--set leave_confidence=1: it is above enter_confidence \(0.99\)"),
    ],
)
def test_a_setting_that_is_none_is_named(simulated: Path, setting: str, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        run(replay_file, simulated, set=[setting])


def test_a_key_that_is_none_is_named_as_it_was_typed(simulated: Path) -> None:
    rooms = Settings(aggregator=Aggregator(rooms={"study": MoodRules()}))
    with pytest.raises(SetupError, match=r"^--set bogus=5: it is none of dwell_s, "):
        replay_file(asked(simulated, set=["bogus=5"]), rooms, print)


def test_a_recording_that_was_cut_is_replayed_as_far_as_it_goes(simulated: Path) -> None:
    with simulated.open("rb+") as file:
        file.truncate(simulated.stat().st_size - 10)
    said, *_, shares, _ = run(replay_file, simulated)
    assert "was cut while it was written; it is left out" in said
    assert "360 s: " in shares


def test_a_recording_is_never_written_over(simulated: Path) -> None:
    with pytest.raises(SetupError, match="exists"):
        run(simulate_file, simulated)


def test_a_recording_is_for_its_owner_only(simulated: Path) -> None:
    assert simulated.stat().st_mode & 0o077 == 0


def test_a_file_without_the_room_says_so(simulated: Path) -> None:
    with pytest.raises(SetupError, match="holds nothing of the room kitchen, but of home; --room names one"):
        run(replay_file, simulated, room="kitchen")


def test_a_file_that_is_no_recording_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello\n")
    with pytest.raises(SetupError, match="line 1"):
        run(replay_file, tmp_path / "x")
