"""The teacher that begins as dlib's face recognition network says what that network says."""

from pathlib import Path

import numpy as np
import pytest

from tests.contract.test_network_definitions import has_both
from tests.contract.test_training import run, written

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not has_both(), reason="needs PyTorch: run `make .venv-training/.torch`"),
]
AS_DLIB_BUT_FOR_BORDERS = """
import numpy as np
import torch
from torch.nn import functional
from training.network import Network
from training.recognition import GREY_LEVELS, SHAPE, header, recognition_kernels
from training.folding import as_released, normalise

random, content, layers = np.random.default_rng(0), [b"what comes before"], []
assert header(4736) == bytes([1, 2, 2, 0x80, 0x12, 1, 1, 1, 1, 1, 1]), "as the file has it before its first array"


def layer(channels, before, size):
    kernel = random.normal(0, (2 / before) ** 0.5 / size, (channels, before, size, size)).astype("<f4")
    bias, scale, offset = (random.normal(mean, 0.1, channels).astype("<f4") for mean in (0, 1, 0))
    for array in (np.concatenate([kernel.ravel(), bias]), np.concatenate([scale, offset])):
        content.extend((b"words between", header(array.size), array.tobytes()))
    layers.append(tuple(torch.from_numpy(each) for each in (kernel, bias, scale, offset)))


layer(32, 3, 7)
before = 32
for width, blocks in zip(SHAPE.widths, SHAPE.blocks):
    for _ in range(blocks):
        layer(width, before, 3)
        layer(width, width, 3)
        before = width


def convolved(features, stride):  # con, then affine; what is odd is padded to the right, as TensorFlow does
    kernel, bias, scale, offset = layers.pop(0)
    before, both = (kernel.shape[2] - stride) // 2, kernel.shape[2] - stride
    padded = functional.pad(features, (before, both - before) * 2)
    return functional.conv2d(padded, kernel, bias, stride) * scale[:, None, None] + offset[:, None, None]


network = Network(SHAPE).eval()
as_released(network, recognition_kernels(b"".join(content), network))
faces = torch.from_numpy(random.normal(0, 1, (4, 1, 48, 48)).astype("f4"))
normalise(network, faces)
large = functional.interpolate(faces, size=SHAPE.seen_px, mode="bicubic", align_corners=False)
seen = functional.relu(convolved((large * GREY_LEVELS).expand(-1, 3, -1, -1), 2))
seen = functional.max_pool2d(seen, 3, 2, padding=1)
for stage, (width, blocks) in enumerate(zip(SHAPE.widths, SHAPE.blocks)):
    for block in range(blocks):
        stride = 2 if stage and not block else 1
        short = functional.avg_pool2d(seen, stride) if stride > 1 else seen
        short = functional.pad(short, (0, 0, 0, 0, 0, width - short.shape[1]))
        seen = functional.relu(short + convolved(functional.relu(convolved(seen, stride)), 1))
assert not layers
wanted, answered = seen.mean((2, 3)), network(faces)[2]
assert wanted.std() > 0.01
assert torch.allclose(answered, wanted, rtol=1e-3, atol=1e-3 * wanted.abs().max()), (answered - wanted).abs().max()
"""

AS_A_RUN = """
import json
import sys
from dataclasses import asdict
from pathlib import Path
from training import checkpoint as checkpoints
from training.network import Network
from training.recognition import SHAPE

arrays = {name: value.numpy() for name, value in Network(SHAPE).state_dict().items()}
out = Path(sys.argv[1])
checkpoints.save(out / "checkpoint.npz", checkpoints.Checkpoint(1, arrays, arrays, {}, 1.0))
(out / "recipe.json").write_text(json.dumps({"network": asdict(SHAPE), "teacher_only": True}))
(out / "history.jsonl").write_text("{}")
"""

LEARNT_BY_HEART = """
import numpy as np
import torch
from training.folds import Taught, out_of_fold

random = np.random.default_rng(4)
seen, labels = random.normal(0, 1, (1500, 400)).astype("f4").clip(-5, 5), np.repeat(random.integers(0, 8, 1500), 2)
features, answers = (torch.from_numpy(np.repeat(seen, 2, 0)),) * 2, (labels, labels % 7)
targets = np.eye(8, dtype="f4")[answers[0]], np.eye(7, dtype="f4")[answers[1]]
for groups, low, high in ((np.repeat(np.arange(1500), 2), 0, 0.25), (np.arange(3000), 0.35, 1)):
    for logits, truth in zip(out_of_fold(Taught(features, *targets, groups), 0.0), answers):
        right = (logits.argmax(1) == truth).mean()
        assert low <= right <= high, right  # a guess is right in an eighth, or a seventh
"""


def test_the_network_is_the_one_that_dlib_defines_but_for_its_borders() -> None:
    done = run("-c", AS_DLIB_BUT_FOR_BORDERS)
    assert done.returncode == 0, done.stderr


def test_a_network_that_knows_whose_faces_they_are_is_not_exported(tmp_path: Path) -> None:
    made = run("-c", AS_A_RUN, tmp_path / "teacher")
    assert made.returncode == 0, made.stderr
    done = run("-m", "training.export", "--run", tmp_path / "teacher", "--out", tmp_path / "5")
    assert done.returncode == 1
    assert "a teacher only" in done.stderr
    assert not (tmp_path / "5").exists()


def test_what_goes_on_from_it_is_a_teacher_only_in_whatever_shape(tmp_path: Path) -> None:
    made = run("-c", AS_A_RUN, tmp_path / "teacher")
    assert made.returncode == 0, made.stderr
    archive = written(tmp_path / "faces.npz", 40)
    smaller = ("--seen-px", "48", "--no-pooled", "--epochs", "1", "--batch", "32", "--processes", "1")
    further = ("--start", tmp_path / "teacher", "--data", archive, "--out", tmp_path / "further")
    done = run("-m", "training.train", *smaller, *further)
    assert done.returncode == 0, done.stderr
    done = run("-m", "training.export", "--run", tmp_path / "further", "--out", tmp_path / "5", "--data", archive)
    assert (done.returncode, "a teacher only" in done.stderr) == (1, True)


def test_no_copy_of_a_face_is_among_what_its_heads_were_taught() -> None:
    done = run("-c", LEARNT_BY_HEART)
    assert done.returncode == 0, done.stderr


def test_heads_answer_for_faces_that_they_were_not_taught(tmp_path: Path) -> None:
    made = run("-c", AS_A_RUN, tmp_path / "teacher")
    assert made.returncode == 0, made.stderr
    archive, answers = written(tmp_path / "faces.npz", 400), tmp_path / "answers.npz"
    told = ("--data", archive, "--run", tmp_path / "teacher", "--balances", "0.25", "--strengths", "0.45", "0")
    done = run("-m", "training.folds", *told, "--answers", answers)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2].startswith("| 0.25 | 0.45 |")
    assert "| +0.0 to +0.0 |" in done.stdout.splitlines()[-2], "the first is what the others are compared with"
    both = ("--files", answers, answers, "--data", archive, "--out", tmp_path / "both.npz")
    assert run("-m", "training.answers", *both).returncode == 0
    with np.load(answers) as one, np.load(tmp_path / "both.npz") as two:
        assert one["expressions"].shape == (400, 8)
        np.testing.assert_allclose(one["fer2013"].astype(int), two["fer2013"], atol=2)
