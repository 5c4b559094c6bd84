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


def measure_fer(clip: Path, seconds: float) -> dict[str, float]:
    """Return frames a second, the share of frames with a face, and resident memory of the `fer` package.

    Raises:
        BenchError: It cannot be had or does not run.
    """
    _install()
    command = [str(part) for part in (PYTHON, HERE / "peer_fer.py", clip, seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "warm":
            raise BenchError(f"fer does not run in {ENVIRONMENT}; delete the folder to have it made again")
        load = load_of(psutil.Process(process.pid), seconds * 0.8)
        result: dict[str, Any] = json.loads(process.stdout.readline())
    return result | {"resident_mb": load.resident_mb}


def _install() -> None:
    if (ENVIRONMENT / ".ready").exists():
        return
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise BenchError("fer is not installed: that needs uv, which `make run` installs")
    _run(uv, "venv", "--clear", "--python", sys.executable, ENVIRONMENT)
    overrides = ("--overrides", HERE / "peers-overrides.txt")
    _run(uv, "pip", "install", "--python", PYTHON, *overrides, "-r", HERE / "peers.txt")
    (ENVIRONMENT / ".ready").touch()


def _run(*command: object) -> None:
    if subprocess.run([str(part) for part in command], check=False).returncode:
        raise BenchError("fer could not be installed; the lines above say why")
