"""The peers that `make bench PEERS=1` compares with, in an environment of their own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tests.bench.product import ROOT, BenchError, load_of

HERE = Path(__file__).parent
ENVIRONMENT = ROOT / ".venv-peers"
PYTHON = ENVIRONMENT / "bin/python"
DOES_NOT_RUN = f"it does not run in {ENVIRONMENT}; delete the folder to have it made again"


def measure_fer_on_clip(clip: Path, seconds: float) -> dict[str, float]:
    """Return frames a second, the share of frames with a face, and resident memory of the `fer` package.

    Raises:
        BenchError: It cannot be had or does not run.
    """
    with subprocess.Popen(_fer("clip", clip, seconds), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "warm":
            raise BenchError(DOES_NOT_RUN)
        load = load_of(psutil.Process(process.pid), seconds * 0.8)
        result: dict[str, Any] = json.loads(process.stdout.readline())
    return result | {"resident_mb": load.resident_mb}


def fer_on_crops(faces: Path) -> list[str]:
    """Return the command that measures the `fer` package on crops, as `tests.bench.crops` does ours.

    Raises:
        BenchError: It cannot be had.
    """
    return _fer("crops", faces)


def _fer(*arguments: object) -> list[str]:
    _install()
    return [str(part) for part in (PYTHON, "-m", "tests.bench.peer_fer", *arguments)]


def _install() -> None:
    if (ENVIRONMENT / ".ready").exists():
        return
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise BenchError("it is not installed: that needs uv, which `make run` installs")
    _run(uv, "venv", "--clear", "--python", sys.executable, ENVIRONMENT)
    overrides = ("--overrides", HERE / "peers-overrides.txt")
    _run(uv, "pip", "install", "--python", PYTHON, *overrides, "-r", HERE / "peers.txt")
    (ENVIRONMENT / ".ready").touch()


def _run(*command: object) -> None:
    if subprocess.run([str(part) for part in command], check=False).returncode:
        raise BenchError("it is not installed: the lines above say why")
