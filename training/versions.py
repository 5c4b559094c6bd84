"""Which version of the model is the released one, and which comes next."""

import json
from pathlib import Path
from typing import Final

MODEL_NAME: Final = "expression"
VERSIONS: Final = Path("models") / MODEL_NAME


def numbers(folder: Path = VERSIONS) -> list[int]:
    """Gives the versions that lie in a model's folder, the newest last; what else lies there is none."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal() and path.is_dir())


def released(folder: Path = VERSIONS) -> Path:
    """Gives the newest version's folder.

    Raises:
        SystemExit: There is none.
    """
    found = numbers(folder)
    if not found:
        message = f"{folder}: no version of the model lies there; run this from the repository's folder, or name one"
        raise SystemExit(message)
    return folder / str(found[-1])


def run_of(version: Path) -> str:
    """Gives the name of the training run that a version was exported from."""
    return str(json.loads((version / "model.json").read_text())["training"]["run"])


def following(folder: Path = VERSIONS) -> Path:
    """Gives the folder of the version after the newest: other weights are another version."""
    return folder / str(max(numbers(folder), default=0) + 1)
