"""How many threads matrices are worked out on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.runtime.blas import THREADS, bound

ROOT = Path(__file__).parents[2]
ASKS = """
import contextlib, io, os, sys
from services.__main__ import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["config"]) == 0
assert "numpy" not in sys.modules, "what was said came too late"
print(os.environ["OPENBLAS_NUM_THREADS"])
"""


@pytest.mark.parametrize(
    ("said", "threads"),
    [({}, "1"), ({THREADS: "4"}, "4"), ({"OMP_NUM_THREADS": "2"}, None), ({"GOTO_NUM_THREADS": "2"}, None)],
)
def test_matrices_are_worked_out_on_one_thread_unless_somebody_said_otherwise(
    said: dict[str, str], threads: str | None
) -> None:
    environment = dict(said)
    bound(environment)
    assert environment.get(THREADS) == threads


def test_every_command_says_so_before_numpy_is_imported() -> None:
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    said = subprocess.run([sys.executable, "-c", ASKS], cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    assert said.stdout == "1\n"
