"""The network that is trained (PyTorch) and the one that is exported (Keras) are one."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-training/bin/python"


def has_both() -> bool:
    return PYTHON.exists() and any(PYTHON.parents[1].glob("lib/python*/site-packages/torch/__init__.py"))


@pytest.mark.slow
@pytest.mark.skipif(not has_both(), reason="needs PyTorch and TensorFlow: run `make .venv-training/.torch`")
def test_both_definitions_answer_alike() -> None:
    said = subprocess.run(
        [PYTHON, "-m", "training.agreement"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert said.returncode == 0, said.stderr
