"""The training that a user starts: faces are varied and stay faces, a run goes on where it was stopped."""

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.contract.test_network_definitions import PYTHON, ROOT, has_both

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not has_both(), reason="needs PyTorch: run `make .venv-training/.torch`"),
]
NETWORK = ("--stem", "8", "--widths", "8", "16", "--blocks", "1", "1")
SMALL = ("--processes", "1", "--batch", "32", *NETWORK)
NOTHING_VARIES = """
import torch
from training.augment import Augmentation, Dice, varied

chance = torch.Generator()
chance.manual_seed(3)
faces = torch.randint(0, 256, (40, 48, 48), generator=chance, dtype=torch.uint8)
seen = varied(faces, Dice(40, chance), Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0))[:, 0]
kept, mirrored = ((seen - one.float()).abs().amax((1, 2)) < 0.1 for one in (faces, faces.flip(2)))
assert (kept ^ mirrored).all() and 5 < kept.sum() < 35, (kept, mirrored)
seen = varied(faces, Dice(40, chance), Augmentation())
assert seen.shape == (40, 1, 48, 48) and 0 <= seen.min() and seen.max() <= 255
"""
TARGETS_ARE_VOTES_OR_ANSWERS = """
import sys
from pathlib import Path
import numpy as np
import torch
from training.answers import Answers
from training.augment import Augmentation
from training.lesson import Lesson
from training.recipe import Recipe

random, said, cpu = np.random.default_rng(2), [], torch.device("cpu")
answers = Answers(*(random.dirichlet(np.ones(width), 120).astype(np.float32) for width in (8, 7)), [])
for trust in (0.0, 0.25, 1.0):
    lesson = Lesson(Path(sys.argv[1]), Recipe(trust=trust), cpu, answers)
    batch = lesson.batch(torch.arange(120), torch.Generator(), Augmentation())
    said.append((batch.targets.numpy(), batch.original.numpy()))
votes, mixed, taught = said
alone = Lesson(Path(sys.argv[1]), Recipe(), cpu).batch(torch.arange(120), torch.Generator(), Augmentation())
for place, (own, other) in enumerate(((alone.targets, answers.expressions), (alone.original, answers.fer2013))):
    np.testing.assert_array_equal(votes[place], own.numpy())
    np.testing.assert_allclose(taught[place], other, atol=1e-6)
    np.testing.assert_allclose(mixed[place], 0.75 * own.numpy() + 0.25 * other, atol=1e-6)
"""
GRADIENTS_ARE_SHARED = """
import os
import sys
import torch
from torch import distributed, nn
from training.learning import share_gradients

child = os.fork()
rank = 0 if child else 1
distributed.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=rank, world_size=2)
network = nn.Linear(3, 2)
for place, parameter in enumerate(network.parameters()):
    parameter.grad = torch.full_like(parameter, 10.0 * place + 2 * rank)
share_gradients(network, 2)
right = all((each.grad == 10 * place + 1).all() for place, each in enumerate(network.parameters()))
distributed.destroy_process_group()
if not child:
    os._exit(not right)
assert right and os.waitpid(child, 0)[1] == 0
"""
A_RUN_IS_TAKEN_UP_WHOLE = """
import sys
import torch
from training.lesson import Lesson
from training.run import begin
from training.teacher import Teachers
from training.train import Training, read, run_of

torch.compile = lambda network, **_: network
run = run_of(read(sys.argv[1:]))
begin(run)
lesson, nobody = Lesson(run.data, run.recipe, run.device), Teachers((), run.device)
first = Training(run, lesson)
first.learn(nobody)
first._save()
second = Training(run, lesson)
assert (second.epoch, second._seconds > 0) == (1, True)
before = first._network.stem.convolution.weight.detach().clone()
for training in first, second:
    training.learn(nobody)
for what in (lambda training: training._network.state_dict(), lambda training: training.average.values):
    for name, value in what(first).items():
        torch.testing.assert_close(what(second)[name], value)
assert not torch.equal(before, first._network.stem.convolution.weight)
"""
STEPS_AND_AVERAGES = """
import torch
from torch import nn
from training.learning import MovingAverage, uphill

network = nn.Linear(3, 2)
before = [each.detach().clone() for each in network.parameters()]
network(torch.ones(1, 3)).sum().backward()
with uphill(network, 0.5):
    apart = [each.detach() - was for each, was in zip(network.parameters(), before)]
assert abs(torch.cat([each.flatten() for each in apart]).norm() - 0.5) < 1e-6
assert all((each > 0).all() for each in apart), "up, along the gradient"
assert all(torch.equal(each, was) for each, was in zip(network.parameters(), before))

with torch.no_grad():
    network.weight.fill_(1)
average = MovingAverage(horizon=1e9, steps=0, start={"weight": torch.zeros(2, 3), "bias": torch.zeros(2)})
for _ in range(3 * MovingAverage.EVERY):
    average.follow(network)
torch.testing.assert_close(average.values["weight"], torch.full((2, 3), 0.75))  # the mean of the start and three
"""


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([PYTHON, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


def written(path: Path, training: int) -> Path:
    """Write an archive of noise with some faces for training and 40 for validation."""
    random, count = np.random.default_rng(1), training + 40
    votes = np.eye(10, dtype=np.uint8)[random.integers(0, 8, count)] * 10
    np.savez(
        path,
        images=random.integers(0, 256, (count, 48, 48), np.uint8),
        votes=votes,
        fer2013=random.integers(0, 7, count).astype(np.uint8),
        split=np.repeat(np.array([0, 1], np.uint8), [training, 40]),
    )
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("data") / "faces.npz", 120)


def epochs(out: Path) -> list[int]:
    return [json.loads(line)["epoch"] for line in (out / "history.jsonl").read_text().splitlines()]


def test_where_nothing_varies_a_face_stays_or_is_mirrored() -> None:
    done = run("-c", NOTHING_VARIES)
    assert done.returncode == 0, done.stderr


def test_of_each_target_answers_have_the_share_that_they_are_trusted_with(archive: Path) -> None:
    done = run("-c", TARGETS_ARE_VOTES_OR_ANSWERS, archive)
    assert done.returncode == 0, done.stderr


def test_processes_step_along_the_mean_of_their_gradients(tmp_path: Path) -> None:
    done = run("-c", GRADIENTS_ARE_SHARED, tmp_path / "meeting")
    assert done.returncode == 0, done.stderr


def test_steps_go_from_uphill_and_averages_over_what_they_saw() -> None:
    done = run("-c", STEPS_AND_AVERAGES)
    assert done.returncode == 0, done.stderr


def test_what_goes_on_from_a_checkpoint_becomes_what_was_never_stopped(archive: Path, tmp_path: Path) -> None:
    done = run("-c", A_RUN_IS_TAKEN_UP_WHOLE, "--data", archive, *SMALL, "--epochs", "9", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr


def test_a_run_is_exported_checked_and_described(tmp_path: Path) -> None:
    archive = written(tmp_path / "faces.npz", 600)
    trained = run("-m", "training.train", "--data", archive, *SMALL, "--epochs", "1", "--out", tmp_path / "run")
    assert trained.returncode == 0, trained.stderr
    version = tmp_path / "expression" / "1"
    done = run("-m", "training.export", "--data", archive, "--run", tmp_path / "run", "--out", version)
    assert done.returncode == 0, done.stderr
    told = json.loads((version / "model.json").read_text())
    assert (told["version"], told["embedding_size"]) == (1, 16)
    assert told["training"]["network"]["widths"] == [8, 16]
    assert told["training"]["augmentation"]["rotation_deg"] == 9
    assert {"saved_model.pb", "model.tflite", "golden.json"} <= told["files"].keys()
    other = written(tmp_path / "other.npz", 500)
    done = run("-m", "training.export", "--data", other, "--run", tmp_path / "run", "--out", tmp_path / "expression/2")
    assert (done.returncode, "learnt from another archive" in done.stderr) == (1, True)
    golden = json.loads((version / "golden.json").read_text())
    golden["exact"]["probabilities"][3][2] += 0.01
    (version / "golden.json").write_text(json.dumps(golden))
    done = run("-m", "training.export", "--check", "--out", version)
    assert (done.returncode, "differs from golden.json by 1.00e-02" in done.stderr) == (1, True)


def test_a_run_that_is_interrupted_says_how_to_go_on(archive: Path, tmp_path: Path) -> None:
    command = (PYTHON, "-m", "training.train", "--data", archive, *SMALL, "--epochs", "9999", "--out", tmp_path / "run")
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as training:
        assert training.stdout
        assert "compiling the network first" in training.stdout.readline(), "said before the first epoch"
        os.killpg(training.pid, signal.SIGINT)  # as Ctrl-C does
        _, said = training.communicate(timeout=120)
    assert training.returncode == 128 + signal.SIGINT
    assert "the same command goes on from there" in said
    assert "Traceback" not in said


def test_a_run_goes_on_where_it_ended_is_no_other_and_teaches(archive: Path, tmp_path: Path) -> None:
    train = ("-m", "training.train", "--data", archive, *SMALL)
    first = run(*train, "--epochs", "1", "--out", tmp_path / "first")
    assert first.returncode == 0, first.stderr
    lost, torn = '{"epoch": 2, "seconds": 1}\n', '{"epoch": 2, "sec'
    (tmp_path / "first/history.jsonl").open("a").write(lost + torn)
    recipe = json.loads((tmp_path / "first/recipe.json").read_text())
    del recipe["recipe"]["radius"]  # as a trainer wrote it that knew of none
    (tmp_path / "first/recipe.json").write_text(json.dumps(recipe))
    again = run(*train, "--epochs", "3", "--out", tmp_path / "first")
    assert again.returncode == 0, again.stderr
    assert epochs(tmp_path / "first") == [1, 2, 3]

    other = run(*train, "--epochs", "3", "--decay", "0.1", "--out", tmp_path / "first")
    assert other.returncode == 1
    assert "another recipe" in other.stderr
    with np.load(archive) as arrays:
        np.savez(tmp_path / "other.npz", **(dict(arrays) | {"images": 255 - arrays["images"]}))
    train_on_others = (*train[:2], "--data", tmp_path / "other.npz", *SMALL)
    other = run(*train_on_others, "--epochs", "3", "--out", tmp_path / "first")
    assert (other.returncode, "or data" in other.stderr) == (1, True)

    student = run(
        *(*train, "--epochs", "1", "--radius", "0.1", "--mix", "0.5"),
        *("--out", tmp_path / "student", "--teachers", tmp_path / "first"),
    )
    assert student.returncode == 0, student.stderr
    [teacher] = json.loads((tmp_path / "student/recipe.json").read_text())["teachers"]
    assert teacher["data_sha256"] == recipe["data_sha256"], "what made the teacher is told with the student"

    answers, learns = tmp_path / "answers.npz", (*train, "--epochs", "1", "--answers", tmp_path / "answers.npz")
    asked = run("-m", "training.answers", "--teachers", tmp_path / "first", "--data", archive, "--out", answers)
    assert asked.returncode == 0, asked.stderr
    student = run(*learns, "--out", tmp_path / "reader")
    assert student.returncode == 0, student.stderr
    assert json.loads((tmp_path / "reader/recipe.json").read_text())["answers"] == [teacher]
    made = json.loads((tmp_path / "first/recipe.json").read_text()) | {"on": "another machine"}
    (tmp_path / "first/recipe.json").write_text(json.dumps(made))
    again = run("-m", "training.answers", "--teachers", tmp_path / "first", "--data", archive, "--out", answers)
    assert again.returncode == 0, again.stderr
    further = run(*train, "--epochs", "2", "--answers", answers, "--out", tmp_path / "reader")
    assert further.returncode == 0, further.stderr
    other = run(*learns, "--data", tmp_path / "other.npz", "--out", tmp_path / "others")
    assert (other.returncode, "answers to other faces" in other.stderr) == (1, True)


def test_two_processes_train_one_network_which_another_run_goes_on_from(archive: Path, tmp_path: Path) -> None:
    train = ("-m", "training.train", "--data", archive, "--batch", "32", "--epochs", "1")
    first = run(*train, "--processes", "2", *NETWORK, "--out", tmp_path / "first")
    assert first.returncode == 0, first.stderr
    further = run(*train, "--processes", "1", "--start", tmp_path / "first", "--out", tmp_path / "further")
    assert further.returncode == 0, further.stderr
    made = [json.loads((tmp_path / name / "recipe.json").read_text()) for name in ("first", "further")]
    assert made[0]["network"]["widths"] == made[1]["network"]["widths"] == [8, 16]
    assert made[1]["start"]["network"] == made[0]["network"]
